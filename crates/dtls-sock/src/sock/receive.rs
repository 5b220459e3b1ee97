//! Datagrams in: whom each is for.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use dtls_proto::{Hello, Listener};

use crate::aux_data::RxMeta;
use crate::errno::Errno;
use crate::sock::inner::{Inner, SockRole};
use crate::sock::session::{Session, Stage, Work};
use crate::stats::Counters;
use crate::udp::Batch;

/// Batches handled in a row before others get a turn.
const BATCHES_A_TURN: usize = 8;

/// Answers hellos of peers without a session. Made when the first one comes.
#[derive(Default)]
pub(crate) struct Answering {
    listener: Option<Listener>,
    reply: Vec<u8>,
}

thread_local! {
    /// Received into and handled without a pause between, so the socks of a thread share it.
    static BATCH: RefCell<Batch> = RefCell::new(Batch::new());
}

impl Inner {
    /// Receives what is there and handles it; whether more may be left. What there is to fetch then is not told yet.
    pub(crate) fn receive(&self) -> bool {
        BATCH.with(|batch| {
            // Whoever is told of something in here cannot receive more meanwhile.
            let Ok(batch) = &mut batch.try_borrow_mut() else { return false };
            for _ in 0..BATCHES_A_TURN {
                // Errors here are those of earlier sends that ICMP answered; the next datagram is not concerned.
                let Ok(full) = self.udp.recv_batch(batch, !self.options.caller_reads) else { return false };
                let (now, mut count, mut last) = (Instant::now(), 0, None);
                for (datagram, meta) in batch.datagrams_mut() {
                    count += 1;
                    self.handle(now, datagram, meta, &mut last);
                }
                Counters::add(&self.counters.datagrams_received, count);
                if !full || self.inbox.is_filling() {
                    return full;
                }
            }
            true
        })
    }

    /// Finds out whom a datagram is for. `last` is the session of the one before: they come in bursts.
    fn handle(&self, now: Instant, datagram: &mut [u8], meta: &RxMeta, last: &mut Option<Arc<Session>>) {
        let peer = meta.peer;
        let is_client_hello = Listener::is_client_hello(datagram);
        if self.options.engine.is_some() {
            return self.pass_on(datagram, peer, is_client_hello);
        }
        if is_client_hello {
            return self.hello(now, datagram, peer);
        }
        if last.as_ref().is_none_or(|session| session.peer != peer || session.stage() == Stage::Closed) {
            *last = self.sessions.get(&peer);
        }
        let Some(session) = last else {
            return Counters::add(&self.counters.strays_dropped, 1);
        };
        if !session.is_busy() && !session.takes_long(datagram) {
            self.handle_datagram(now, session, datagram, meta);
        } else {
            self.schedule(session, Work::Datagram(datagram.to_vec(), *meta));
        }
    }

    fn hello(&self, now: Instant, datagram: &[u8], peer: SocketAddr) {
        if self.role == SockRole::Client {
            return Counters::add(&self.counters.hellos_dropped, 1);
        }
        let mut answering = self.answering.lock();
        let Answering { listener, reply } = &mut *answering;
        if listener.is_none() {
            *listener = Listener::new(Arc::clone(&self.config), now).ok();
        }
        let Some(listener) = listener else {
            tracing::error!("the random source failed; a ClientHello was dropped");
            return Counters::add(&self.counters.hellos_dropped, 1);
        };
        reply.clear();
        match listener.handle(now, &address_bytes(peer), datagram, reply) {
            Hello::Discarded(_) => Counters::add(&self.counters.hellos_dropped, 1),
            Hello::VerifyRequest => {
                if self.send_datagram(reply, peer, None).is_ok() {
                    Counters::add(&self.counters.hello_verify_requests, 1);
                }
            }
            Hello::Verified(hello) => {
                drop(answering);
                let session = self.sessions.get(&peer).map_or_else(
                    || {
                        let session = Arc::new(Session::new(peer, false));
                        Ok(self.sessions.insert_half_open(&session)?.unwrap_or(session))
                    },
                    Ok::<_, Errno>,
                );
                match session {
                    Ok(session) if session.is_busy() || hello.takes_long(&self.config, self.kinds()) => {
                        self.schedule(&session, Work::Hello(hello));
                    }
                    Ok(session) => self.begin_handshake(now, &session, &hello),
                    Err(_) => Counters::add(&self.counters.hellos_refused, 1),
                }
            }
        }
    }
}

/// The address as the cookie takes it: fixed in length, the same each time.
fn address_bytes(peer: SocketAddr) -> [u8; 22] {
    let mut bytes = [0; 22];
    match peer {
        SocketAddr::V4(v4) => bytes[..4].copy_from_slice(&v4.ip().octets()),
        SocketAddr::V6(v6) => {
            bytes[..16].copy_from_slice(&v6.ip().octets());
            bytes[16..20].copy_from_slice(&v6.scope_id().to_be_bytes());
        }
    }
    bytes[20..].copy_from_slice(&peer.port().to_be_bytes());
    bytes
}
