//! Messages out: at once, together with others, or once there is a session.

use std::sync::Arc;
use std::time::Duration;

use dtls_proto::SendError;

use crate::endpoint::UdpEp;
use crate::errno::{Errno, Result};
use crate::inbox::SOCK_ASYNC_MSG_SENT;
use crate::sock::session::{Runner, Session, Stage};
use crate::sock::{DtlsSock, Establishing, MAX_MESSAGE};
use crate::stats::Counters;

thread_local! {
    /// Where a message is sealed; kept, so that a send allocates nothing.
    static SEALED: std::cell::RefCell<Vec<u8>> = const { std::cell::RefCell::new(Vec::new()) };
}

/// RIOT's sends call the lack of a local endpoint otherwise than its other calls do.
pub(super) fn as_told_of_sends(errno: Errno) -> Errno {
    match errno {
        Errno::AddrNotAvail => Errno::AddrInUse,
        other => other,
    }
}

impl DtlsSock {
    /// Sends the concatenation of `parts` as one message on an established session.
    ///
    /// # Errors
    /// [`Errno::NotConn`]: no established session; [`Errno::Inval`]: closed sock or an endpoint that is no peer;
    /// [`Errno::AfNoSupport`]: its family; [`Errno::AddrInUse`]: no local endpoint; [`Errno::MsgSize`]: longer than a
    /// record, the MTU, or what the system takes; [`Errno::NoMem`]: too much waits behind a full socket buffer; what
    /// else the system says. With another engine than the native one also [`Errno::Again`]: too much waits to be sent;
    /// and a `source` is [`Errno::Inval`].
    pub fn try_send(&self, ep: &UdpEp, parts: &[&[u8]], source: Option<&UdpEp>) -> Result<usize> {
        let session = self.session_to_send(ep, parts)?;
        let source = source.map(UdpEp::to_socket_addr).transpose()?;
        let max_datagram = self.0.options.max_datagram();
        self.0.flush();
        let sealed = SEALED.with_borrow_mut(|datagram| {
            datagram.clear();
            match &mut session.guarded.lock().runner {
                Some(Runner::Native(association)) => association.seal(parts, datagram)?,
                Some(Runner::Other(_)) if source.is_some() => return Ok(Err(Errno::Inval)),
                Some(Runner::Other(other)) => return Ok(other.send(parts, max_datagram)),
                None => return Err(SendError::NotEstablished),
            }
            if max_datagram.is_some_and(|limit| datagram.len() > limit) {
                return Ok(Err(Errno::MsgSize));
            }
            Ok(self.0.send_datagram(datagram, session.peer, source))
        });
        self.sent(&session, parts, sealed)
    }

    /// Seals a message now and sends it with the next [`DtlsSock::flush`], together with others; earlier when many wait. What
    /// the system then says is counted, not told.
    ///
    /// # Errors
    /// Those of [`DtlsSock::try_send`].
    pub fn try_send_later(&self, ep: &UdpEp, parts: &[&[u8]]) -> Result<usize> {
        // Behind a full socket buffer nothing is gained, and the caller hears when too much waits.
        if self.0.options.engine.is_some() || !self.0.unsent.is_empty() {
            return self.try_send(ep, parts, None);
        }
        let session = self.session_to_send(ep, parts)?;
        let (sealed, full) = {
            let mut guarded = session.guarded.lock();
            let mut outgoing = self.0.outgoing.lock();
            let association = guarded.association();
            let limit = self.0.options.max_datagram().unwrap_or(usize::MAX);
            let sealed = outgoing.push(session.peer, limit, |out| match association {
                Some(association) => association.seal(parts, out),
                None => Err(SendError::NotEstablished),
            });
            (sealed, outgoing.is_full())
        };
        if full {
            self.0.flush();
        }
        self.sent(&session, parts, sealed.map(|fits| if fits { Ok(()) } else { Err(Errno::MsgSize) }))
    }

    /// Sends what [`DtlsSock::try_send_later`] has kept.
    pub fn flush(&self) {
        self.0.flush();
    }

    /// Sends a message; without a session, a handshake is started or awaited first, for as long as `timeout`.
    ///
    /// # Errors
    /// Those of [`DtlsSock::try_send`] and [`DtlsSock::establish`]; [`Errno::TimedOut`] when time is up: the half-open
    /// session is dropped then.
    pub async fn send(&self, ep: &UdpEp, message: &[u8], timeout: Option<Duration>) -> Result<usize> {
        match self.try_send(ep, &[message], None) {
            Err(Errno::NotConn) if timeout != Some(Duration::ZERO) => {}
            result => return result,
        }
        let (tell, told) = tokio::sync::oneshot::channel();
        // Nobody listens any more once the time is up.
        let waiter = Box::new(move |result| {
            let _ = tell.send(result);
        });
        if let Establishing::Pending(id) = self.establish(ep, waiter)? {
            let told = async { told.await.unwrap_or(Err(Errno::Inval)) };
            let result = match timeout {
                None => Some(told.await),
                Some(timeout) => tokio::time::timeout(timeout, told).await.ok(),
            };
            let Some(result) = result else {
                self.abandon(ep, id);
                return Err(Errno::TimedOut);
            };
            result?;
        }
        self.try_send(ep, &[message], None)
    }

    /// The established session that a message goes to.
    fn session_to_send(&self, ep: &UdpEp, parts: &[&[u8]]) -> Result<Arc<Session>> {
        let peer = self.peer(ep).map_err(as_told_of_sends)?;
        if parts.iter().map(|part| part.len()).sum::<usize>() > MAX_MESSAGE {
            return Err(Errno::MsgSize);
        }
        let session = self.0.sessions.get(&peer).filter(|session| session.stage() == Stage::Established);
        let nobody = || if self.0.udp.reaches(peer) { Errno::NotConn } else { Errno::AfNoSupport };
        session.ok_or_else(nobody)
    }

    /// Keeps the books of a message that was sealed, or was not.
    fn sent(
        &self,
        session: &Arc<Session>,
        parts: &[&[u8]],
        sealed: std::result::Result<Result<()>, SendError>,
    ) -> Result<usize> {
        match sealed {
            Ok(sent) => sent?,
            Err(SendError::TooLong) => return Err(Errno::MsgSize),
            Err(SendError::Exhausted) => {
                self.0.end(session);
                self.0.report_end(session, Errno::ConnReset, true);
                self.0.inbox.wake();
                return Err(Errno::NotConn);
            }
            Err(_) => return Err(Errno::NotConn),
        }
        Counters::add(&self.0.counters.messages_sent, 1);
        let len = parts.iter().map(|part| part.len()).sum();
        if len > 0 {
            self.0.inbox.raise(SOCK_ASYNC_MSG_SENT);
        }
        Ok(len)
    }
}
