//! All there is with one peer address: a connection, and the one that may come to replace it.

use std::sync::Arc;
use std::time::Instant;

use crate::config::{Config, CredentialKinds};
use crate::connection::{Connection, SendError};
use crate::error::{Discards, Error};
use crate::event::{Answer, CloseReason, Event, Info, QuestionId, Sink, StaleAnswer};
use crate::handshake::Role;
use crate::listener::{Listener, VerifiedHello};
use crate::record::Header;

/// The association with one peer.
///
/// Bytes and instants go in, events go to the sink while a call runs, and datagrams come out of
/// [`Association::poll_transmit`], which is called until it returns false after every other call. When
/// [`Association::poll_timeout`] is reached, [`Association::handle_timeout`] is due.
///
/// A peer that has lost its state begins again with a ClientHello on a live association. The new handshake runs
/// beside it and takes its place only when it is complete (RFC 6347 section 4.2.8).
pub struct Association {
    current: Connection,
    successor: Option<Box<Connection>>,
}

impl Association {
    /// Begins a handshake as a client.
    ///
    /// # Errors
    /// [`Error::NoCredential`] when `kinds` allow none of the configured suites; [`Error::Crypto`] when the random
    /// source fails.
    pub fn client(config: &Arc<Config>, kinds: CredentialKinds, now: Instant) -> Result<Self, Error> {
        Ok(Self { current: Connection::client(config, kinds, now)?, successor: None })
    }

    /// Begins a handshake as a server. If the hello is refused, the association is closed at once, the sink hears
    /// why, and an alert is to be sent. `hint` is the psk_identity_hint to send.
    pub fn server(
        config: &Arc<Config>,
        kinds: CredentialKinds,
        hint: Option<&[u8]>,
        hello: &VerifiedHello,
        now: Instant,
        sink: Sink<'_>,
    ) -> Self {
        Self { current: Connection::server(config, kinds, hint, hello, now, sink), successor: None }
    }

    /// The peer of this association has sent a ClientHello with a good cookie.
    ///
    /// One that repeats what began a handshake makes that send its flight again. Another one replaces a handshake
    /// that the peer began, and begins one beside an established connection. If we are the client of a handshake with
    /// a peer that begins one with us, the greater ClientHello random decides, the same way on both sides.
    pub fn handle_hello(
        &mut self,
        config: &Arc<Config>,
        kinds: CredentialKinds,
        hint: Option<&[u8]>,
        hello: &VerifiedHello,
        now: Instant,
        sink: Sink<'_>,
    ) {
        let successor = self.successor.as_deref_mut();
        for connection in successor.into_iter().chain([&mut self.current]) {
            match connection.handshaking() {
                Some((Role::Server, random)) if *random == hello.random => {
                    return connection.handle_repeated_hello(now);
                }
                Some((Role::Client, random)) if *random >= hello.random => return,
                _ => {}
            }
        }
        if self.current.is_established() {
            let mut quiet = |event: Event<'_>| quieted(event, sink);
            self.successor = Some(Box::new(Connection::server(config, kinds, hint, hello, now, &mut quiet)));
        } else {
            self.current = Connection::server(config, kinds, hint, hello, now, sink);
        }
    }

    /// Handles a datagram from the peer that does not begin with a ClientHello. It is decrypted in place; what the
    /// sink receives borrows from it.
    pub fn handle_datagram(&mut self, now: Instant, datagram: &mut [u8], sink: Sink<'_>) {
        if Listener::is_client_hello(datagram) {
            return;
        }
        let Some(successor) = &mut self.successor else {
            return self.current.handle_datagram(now, datagram, sink);
        };
        if Header::decode(datagram).is_ok_and(|(header, _)| header.epoch > 0) {
            // Both know keys of epoch 1; opening destroys what does not open.
            let mut copy = datagram.to_vec();
            let rejected = self.current.rejected();
            self.current.handle_datagram(now, &mut copy, sink);
            if self.current.rejected() == rejected {
                return;
            }
        }
        successor.handle_datagram(now, datagram, &mut |event| quieted(event, sink));
        self.succeed();
    }

    /// Whether [`Association::handle_datagram`] may take long with this datagram: an operation with a public key, which is
    /// better done where nobody waits. A guess from what stands in clear; nothing but time depends on it.
    pub fn takes_long(&self, datagram: &[u8]) -> bool {
        [Some(&self.current), self.successor.as_deref()].into_iter().flatten().any(|each| each.takes_long(datagram))
    }

    /// Appends the next datagram for the peer to `out`; false, and nothing appended, when there is none.
    pub fn poll_transmit(&mut self, now: Instant, out: &mut Vec<u8>) -> bool {
        if let Some(successor) = &mut self.successor {
            if successor.poll_transmit(now, out) {
                return true;
            }
            if successor.is_closed() {
                self.successor = None;
            }
        }
        self.current.poll_transmit(now, out)
    }

    /// When [`Association::handle_timeout`] is to be called. Changes with every other call.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let successor = self.successor.as_ref().and_then(|connection| connection.poll_timeout());
        [self.current.poll_timeout(), successor].into_iter().flatten().min()
    }

    /// Sends flights again that are due, and ends handshakes that have taken too long.
    pub fn handle_timeout(&mut self, now: Instant, sink: Sink<'_>) {
        self.current.handle_timeout(now, sink);
        if let Some(successor) = &mut self.successor {
            successor.handle_timeout(now, &mut |event| quieted(event, sink));
        }
    }

    /// Answers a question; the handshake goes on.
    ///
    /// # Errors
    /// [`StaleAnswer`] when the handshake is over, the question was answered before, or the answer is of another
    /// kind. Nothing changes then.
    pub fn answer(&mut self, now: Instant, id: QuestionId, answer: Answer, sink: Sink<'_>) -> Result<(), StaleAnswer> {
        if let Some(successor) = &mut self.successor {
            let answered = successor.answer(now, id, answer.clone(), &mut |event| quieted(event, sink));
            self.succeed();
            if answered.is_ok() {
                return Ok(());
            }
        }
        self.current.answer(now, id, answer, sink)
    }

    /// Seals the concatenation of `parts` as one record at the end of `out`: a datagram, or part of one.
    ///
    /// # Errors
    /// Those of [`SendError`]; `out` stays as it was.
    pub fn seal(&mut self, parts: &[&[u8]], out: &mut Vec<u8>) -> Result<(), SendError> {
        self.current.seal(parts, out)
    }

    /// Bytes that [`Association::seal`] adds to a message, once established.
    pub fn overhead(&self) -> Option<usize> {
        self.current.overhead()
    }

    /// Ends the association; a close_notify is to be sent.
    pub fn close(&mut self, sink: Sink<'_>) {
        self.successor = None;
        self.current.close(CloseReason::Local, sink);
    }

    /// Whether data can flow.
    pub fn is_established(&self) -> bool {
        self.current.is_established()
    }

    /// Whether the association is over; what `poll_transmit` still has is worth sending.
    pub fn is_closed(&self) -> bool {
        self.current.is_closed()
    }

    /// What the handshake agreed on, once established.
    pub fn info(&self) -> Option<&Info> {
        self.current.info()
    }

    /// What was dropped since the last call.
    pub fn take_discards(&mut self) -> Discards {
        self.current.take_discards()
    }

    fn succeed(&mut self) {
        match &self.successor {
            Some(successor) if successor.is_established() => {
                if let Some(successor) = self.successor.take() {
                    self.current = *successor;
                }
            }
            Some(successor) if successor.is_closed() && !successor.has_output() => self.successor = None,
            _ => {}
        }
    }
}

/// A handshake that fails beside a live connection ends nothing that the owner knows of.
fn quieted(event: Event<'_>, sink: Sink<'_>) {
    if !matches!(event, Event::Closed(_)) {
        sink(event);
    }
}
