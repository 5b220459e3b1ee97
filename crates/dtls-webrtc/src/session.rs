//! The tasks of a session.

use std::sync::Arc;

use dtls::conn::DTLSConn;
use dtls_sock::{
    Answer, Begin, CloseReason, EngineSession, Errno, Event, HandshakeError, Info, Link, QuestionId, Result,
};
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::handshake::{self, Open, Setup};
use crate::transport::{MAX_DATAGRAM, Seen, Transport};

/// Datagrams that may wait for the crate, and messages that may wait to be sent.
const BACKLOG: usize = 128;

/// The sock's end of a session. What it is given goes to the session's task; dropping it ends the task.
pub(crate) struct Session {
    datagrams: mpsc::Sender<Vec<u8>>,
    messages: mpsc::Sender<Vec<u8>>,
    open: Open,
    seen: Arc<Mutex<Seen>>,
    /// Bytes that the handshake may still take in.
    budget: usize,
}

impl Session {
    pub(crate) fn begin(Begin { role, options, hint, link, .. }: Begin<'_>) -> Self {
        let (datagrams, incoming) = mpsc::channel(BACKLOG);
        let (messages, outgoing) = mpsc::channel(BACKLOG);
        let (open, seen) = (Open::default(), Arc::<Mutex<Seen>>::default());
        let setup = Setup::new(role, options, hint);
        let runtime = link.runtime().clone();
        runtime.spawn(run(link, setup, incoming, outgoing, Arc::clone(&open), Arc::clone(&seen)));
        Self { datagrams, messages, open, seen, budget: options.max_reassembly }
    }
}

impl EngineSession for Session {
    fn handle_datagram(&mut self, datagram: &[u8]) -> bool {
        if datagram.len() > MAX_DATAGRAM {
            return false;
        }
        if !self.seen.lock().established {
            // The crate bounds what it puts together for a handshake at megabytes.
            let Some(left) = self.budget.checked_sub(datagram.len()) else { return false };
            self.budget = left;
        }
        self.datagrams.try_send(datagram.to_vec()).is_ok()
    }

    fn answer(&mut self, id: QuestionId, answer: Answer) {
        let asker = self.open.lock().take_if(|(open, _)| *open == id);
        if let Some((_, asker)) = asker {
            // Nobody waits any more when the handshake is over.
            let _ = asker.send(answer);
        }
    }

    fn send(&mut self, parts: &[&[u8]], max_datagram: Option<usize>) -> Result<()> {
        let overhead = {
            let seen = self.seen.lock();
            let (suite, _) = seen.terms.filter(|_| seen.established).ok_or(Errno::NotConn)?;
            suite.record_overhead()
        };
        let message = parts.concat();
        if max_datagram.is_some_and(|limit| message.len() + overhead > limit) {
            return Err(Errno::MsgSize);
        }
        self.messages.try_send(message).map_err(|error| match error {
            TrySendError::Full(_) => Errno::Again,
            TrySendError::Closed(_) => Errno::NotConn,
        })
    }

    fn info(&self) -> Option<Info> {
        let seen = self.seen.lock();
        let (suite, extended_master_secret) = seen.terms.filter(|_| seen.established)?;
        Some(Info::new(suite, extended_master_secret, seen.identity.clone()?))
    }
}

async fn run(
    link: Link,
    setup: Setup,
    incoming: mpsc::Receiver<Vec<u8>>,
    mut outgoing: mpsc::Receiver<Vec<u8>>,
    open: Open,
    seen: Arc<Mutex<Seen>>,
) {
    let transport = Transport::new(link.clone(), incoming, Arc::clone(&seen));
    let ended = tokio::select! {
        ended = handshake::run(setup, &link, transport, &open, &seen) => ended,
        // Nothing is sent before the handshake is over, so this is the end of the session.
        _ = outgoing.recv() => return,
    };
    let conn = match ended {
        Ok(conn) if seen.lock().terms.is_some() => conn,
        Ok(_) => return link.emit(Event::Closed(CloseReason::Refused(HandshakeError::Decode))),
        Err(reason) => return link.emit(Event::Closed(reason)),
    };
    seen.lock().established = true;
    link.emit(Event::Established);
    tokio::select! {
        () = receive(&conn, &link) => link.emit(Event::Closed(CloseReason::PeerClosed)),
        () = send(&conn, outgoing) => {
            // The peer hears of it or not.
            let _ = conn.close().await;
        }
    }
}

/// Passes messages on until the peer ends the session.
async fn receive(conn: &DTLSConn, link: &Link) {
    let mut message = vec![0; MAX_DATAGRAM];
    while let Ok(len) = conn.read(&mut message, None).await {
        link.emit(Event::Received(&message[..len]));
    }
}

/// Sends messages until the sock ends the session.
async fn send(conn: &DTLSConn, mut messages: mpsc::Receiver<Vec<u8>>) {
    while let Some(message) = messages.recv().await {
        if conn.write(&message, None).await.is_err() {
            // The end of the session is found where it is read.
            return std::future::pending().await;
        }
    }
}
