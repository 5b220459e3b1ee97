//! The one task of a sock: datagrams in, deadlines, and datagrams that wait for a writable socket.

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

/// Batches handled in a row before other tasks of the runtime get a turn.
const BATCHES_A_TURN: usize = 8;

pub(crate) async fn drive(inner: Arc<Inner>) {
    let Ok(mut listener) = Listener::new(Arc::clone(&inner.config), Instant::now()) else {
        tracing::error!("the random source failed; the sock hears nothing");
        return;
    };
    let mut reply = Vec::new();
    while !inner.is_closed() {
        let deadline = inner.timers.next().map(tokio::time::Instant::from_std);
        let sleep = async {
            match deadline {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        let unsent = !inner.unsent.lock().is_empty();
        tokio::select! {
            biased;
            () = inner.nudge.notified() => {}
            () = inner.udp.closed() => break,
            () = sleep => expire(&inner),
            () = inner.timers.changed.notified() => {}
            result = inner.udp.writable(), if unsent => {
                if result.is_err() {
                    break;
                }
                flush(&inner);
            }
            result = inner.udp.readable() => {
                if result.is_err() {
                    break;
                }
                receive(&inner, &mut listener, &mut reply);
                tokio::task::yield_now().await;
            }
        }
    }
    // Closed, or the UDP sock was closed beneath it: nothing can be received any more.
    inner.end_all();
    inner.inbox.close();
}

thread_local! {
    /// Received into and handled without a pause between, so the socks of a thread share it.
    static BATCH: RefCell<Batch> = RefCell::new(Batch::new());
}

fn receive(inner: &Arc<Inner>, listener: &mut Listener, reply: &mut Vec<u8>) {
    BATCH.with_borrow_mut(|batch| {
        for _ in 0..BATCHES_A_TURN {
            // Errors here are those of earlier sends that ICMP answered; the next datagram is not concerned.
            let Ok(count) = inner.udp.recv_batch(batch) else { break };
            Counters::add(&inner.counters.datagrams_received, count as u64);
            for index in 0..count {
                let (datagram, meta) = batch.datagram_mut(index);
                handle(inner, datagram, meta, listener, reply);
            }
            inner.inbox.wake();
        }
    });
}

/// Finds out whom a datagram is for.
fn handle(inner: &Arc<Inner>, datagram: &mut [u8], meta: &RxMeta, listener: &mut Listener, reply: &mut Vec<u8>) {
    let peer = meta.peer;
    let is_client_hello = Listener::is_client_hello(datagram);
    if inner.options.engine.is_some() {
        return inner.pass_on(datagram, peer, is_client_hello);
    }
    if is_client_hello {
        return hello(inner, datagram, peer, listener, reply);
    }
    let Some(session) = inner.sessions.get(&peer) else {
        return Counters::add(&inner.counters.strays_dropped, 1);
    };
    if session.stage() == Stage::Established && !session.is_busy() {
        inner.drive(&session, meta, |guarded, now, sink| {
            if let Some(association) = guarded.association() {
                association.handle_datagram(now, datagram, sink);
            }
        });
    } else {
        inner.schedule(&session, Work::Datagram(datagram.to_vec(), *meta));
    }
}

fn hello(inner: &Arc<Inner>, datagram: &[u8], peer: SocketAddr, listener: &mut Listener, reply: &mut Vec<u8>) {
    if inner.role == SockRole::Client {
        return Counters::add(&inner.counters.hellos_dropped, 1);
    }
    reply.clear();
    match listener.handle(Instant::now(), &address_bytes(peer), datagram, reply) {
        Hello::Discarded(_) => Counters::add(&inner.counters.hellos_dropped, 1),
        Hello::VerifyRequest => {
            if inner.send_datagram(reply, peer, None).is_ok() {
                Counters::add(&inner.counters.hello_verify_requests, 1);
            }
        }
        Hello::Verified(hello) => {
            let session = inner.sessions.get(&peer).map_or_else(
                || {
                    let session = Arc::new(Session::new(peer, false));
                    Ok(inner.sessions.insert_half_open(&session)?.unwrap_or(session))
                },
                Ok::<_, Errno>,
            );
            match session {
                Ok(session) => inner.schedule(&session, Work::Hello(hello)),
                Err(_) => Counters::add(&inner.counters.hellos_refused, 1),
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

fn expire(inner: &Arc<Inner>) {
    let now = Instant::now();
    while let Some((at, peer)) = inner.timers.pop(now) {
        let Some(session) = inner.sessions.get(&peer) else { continue };
        inner.drive(&session, &RxMeta::of_peer(peer), |guarded, now, sink| {
            if guarded.armed == Some(at) {
                guarded.armed = None;
            }
            if let Some(association) = guarded.association() {
                association.handle_timeout(now, sink);
            }
        });
    }
}

/// Sends what waited for room in the socket buffer.
fn flush(inner: &Inner) {
    let mut unsent = inner.unsent.lock();
    while let Some((peer, datagram)) = unsent.front() {
        match inner.udp.retry_send_to(datagram, *peer) {
            Err(Errno::Again) => break,
            Ok(_) => Counters::add(&inner.counters.datagrams_sent, 1),
            Err(_) => Counters::add(&inner.counters.datagrams_unsent, 1),
        }
        unsent.pop_front();
    }
}
