//! What a session of another engine holds on to.

use std::net::SocketAddr;
use std::sync::{Arc, Weak};

use dtls_proto::{Event, Role};
use tokio::runtime::Handle;

use crate::aux_data::RxMeta;
use crate::engine::{Begin, Credentials};
use crate::errno::{Errno, Result};
use crate::sock::inner::{Inner, SockRole};
use crate::sock::session::{Runner, Session};
use crate::stats::Counters;
use crate::tags;
use crate::udp::Held;

/// Through which a session of another engine sends datagrams and says what happens.
///
/// Not to be called from within a method of [`EngineSession`](crate::EngineSession). Once the session is over, nothing
/// that is told here has an effect.
#[derive(Clone)]
pub struct Link {
    inner: Weak<Inner>,
    session: Weak<Session>,
    peer: SocketAddr,
    runtime: Handle,
    /// For the last words of a session whose UDP sock is closed.
    socket: Option<Arc<Held>>,
}

impl Link {
    /// The peer of the session.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Where the session's tasks run.
    pub fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// Sends a datagram to the peer. What the system does not take is lost, as on the way.
    pub fn transmit(&self, datagram: &[u8]) {
        match (self.inner.upgrade(), &self.socket) {
            (Some(inner), Some(socket)) if inner.udp.is_closed() => {
                let _ = socket.try_send_to(datagram, self.peer);
            }
            (Some(inner), _) => {
                // Counted there.
                let _ = inner.send_datagram(datagram, self.peer, None);
            }
            (None, _) => {}
        }
    }

    /// Says that something happened. A question is answered through
    /// [`EngineSession::answer`](crate::EngineSession::answer), perhaps before this returns;
    /// [`Event::Closed`] drops the session.
    pub fn emit(&self, event: Event<'_>) {
        let (Some(inner), Some(session)) = (self.inner.upgrade(), self.session.upgrade()) else { return };
        inner.drive(&session, &RxMeta::of_peer(self.peer), |guarded, _, sink| {
            if guarded.runner.is_none() {
                return;
            }
            if matches!(event, Event::Closed(_)) {
                guarded.runner = None;
            }
            sink(event);
        });
    }
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").field("peer", &self.peer).finish_non_exhaustive()
    }
}

impl Inner {
    /// Whether the other engine, if there is one, may work with these credentials.
    pub(crate) fn check_credentials(&self, credentials: impl FnOnce(&Self) -> Credentials) -> Result<()> {
        match &self.options.engine {
            Some(engine) => engine.check_credentials(credentials(self)),
            None => Ok(()),
        }
    }

    /// Begins a session that is in the table already, with the other engine.
    ///
    /// # Errors
    /// [`Errno::ConnAborted`] when the credentials do not allow it.
    pub(crate) fn begin(&self, session: &Arc<Session>, role: Role) -> Result<()> {
        let engine = self.options.engine.as_ref().ok_or(Errno::Inval)?;
        let credentials = tags::credentials(&self.credman, &self.tags.read());
        if !credentials.psk && !credentials.ecdsa || engine.check_credentials(credentials).is_err() {
            return Err(Errno::ConnAborted);
        }
        let hint = self.hint.read().clone();
        let mut guarded = session.guarded.lock();
        let link = Link {
            inner: self.me.clone(),
            session: Arc::downgrade(session),
            peer: session.peer,
            runtime: self.runtime.clone(),
            socket: self.udp.hold().ok().map(Arc::new),
        };
        let begin = Begin { role, options: &self.options, hint: hint.as_deref(), link };
        guarded.runner = Some(Runner::Other(engine.begin(begin)));
        Ok(())
    }

    /// A datagram for a sock of another engine, which does its own cookie exchange.
    pub(crate) fn pass_on(&self, datagram: &[u8], peer: SocketAddr, is_client_hello: bool) {
        let Some(session) = self.sessions.get(&peer) else {
            return match (is_client_hello, self.role) {
                (true, SockRole::Server) => self.accept(datagram, peer),
                (true, SockRole::Client) => Counters::add(&self.counters.hellos_dropped, 1),
                _ => Counters::add(&self.counters.strays_dropped, 1),
            };
        };
        if let Some(Runner::Other(other)) = &mut session.guarded.lock().runner
            && !other.handle_datagram(datagram)
        {
            Counters::add(&self.counters.backlog_dropped, 1);
        }
    }

    fn accept(&self, hello: &[u8], peer: SocketAddr) {
        let session = Arc::new(Session::new(peer, false));
        let inserted = self.sessions.insert_half_open(&session);
        if !matches!(inserted, Ok(None)) {
            return Counters::add(&self.counters.hellos_refused, 1);
        }
        if self.begin(&session, Role::Server).is_err() {
            self.sessions.remove(&session);
            self.sessions.leave_half_open(&session);
            return Counters::add(&self.counters.hellos_refused, 1);
        }
        self.pass_on(hello, peer, true);
    }
}
