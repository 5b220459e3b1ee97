//! One association between two peers, from its handshake to its end.

use std::sync::Arc;
use std::time::Instant;

use crate::alert::Alert;
use crate::codec::Reader;
use crate::config::{Config, CredentialKinds};
use crate::error::{Discard, Discards, Error};
use crate::event::{Answer, CloseReason, Event, Info, QuestionId, Sink, StaleAnswer};
use crate::handshake::{Completed, End, Handshake, LastFlight, RecordWriter, Role};
use crate::listener::VerifiedHello;
use crate::message::{Fragment, HandshakeType, MESSAGE_HEADER_LEN, Random};
use crate::record::{ContentType, Header, MAX_PLAINTEXT, OpeningKey, PlaintextWriter, SealingKey};

pub(crate) struct Connection {
    state: State,
    /// A datagram that waits to be sent: an alert, or a last flight.
    outbox: Vec<u8>,
    discards: Discards,
}

enum State {
    Handshaking(Box<Handshake>),
    Established(Established),
    Closed,
}

/// What is left of a handshake once it is complete.
struct Established {
    sealing: SealingKey,
    opening: OpeningKey,
    /// For the ChangeCipherSpec of a last flight that is sent again.
    plaintext: PlaintextWriter,
    last_flight: Option<LastFlight>,
    role: Role,
    info: Box<Info>,
}

/// Why a message was not sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// There is no established association.
    #[error("the association is not established")]
    NotEstablished,
    /// The message is longer than a record may be: 16,384 bytes.
    #[error("the message does not fit one record")]
    TooLong,
    /// The sequence numbers of the epoch are used up; only a new handshake helps.
    #[error("the sequence numbers are used up")]
    Exhausted,
}

impl Connection {
    pub(crate) fn client(config: &Arc<Config>, kinds: CredentialKinds, now: Instant) -> Result<Self, Error> {
        Handshake::client(Arc::clone(config), kinds, now).map(Self::new)
    }

    pub(crate) fn server(
        config: &Arc<Config>,
        kinds: CredentialKinds,
        hint: Option<&[u8]>,
        hello: &VerifiedHello,
        now: Instant,
        sink: Sink<'_>,
    ) -> Self {
        let mut handshake = Handshake::server(Arc::clone(config), hello, now);
        let accepted = handshake.accept(hello, kinds, hint);
        let mut connection = Self::new(handshake);
        connection.settle(accepted, sink);
        connection
    }

    fn new(handshake: Handshake) -> Self {
        Self { state: State::Handshaking(Box::new(handshake)), outbox: Vec::new(), discards: Discards::default() }
    }

    /// Handles the records of a datagram, one after the other.
    pub(crate) fn handle_datagram(&mut self, now: Instant, datagram: &mut [u8], sink: Sink<'_>) {
        let mut rest = datagram;
        while !rest.is_empty() {
            let (header, fragment) = match Header::decode(rest) {
                Ok(decoded) => decoded,
                Err(discard) => return self.discards.count(discard),
            };
            let (record, tail) = std::mem::take(&mut rest).split_at_mut(fragment.end);
            self.handle_record(now, &header, record, sink);
            rest = tail;
        }
    }

    fn handle_record(&mut self, now: Instant, header: &Header, record: &mut [u8], sink: Sink<'_>) {
        match &mut self.state {
            State::Handshaking(handshake) => {
                let result = handshake.handle_record(now, header, record, &mut self.discards);
                self.settle(result, sink);
            }
            State::Established(_) => self.handle_established(header, record, sink),
            State::Closed => self.discards.count(Discard::Unexpected),
        }
    }

    pub(crate) fn answer(
        &mut self,
        now: Instant,
        id: QuestionId,
        answer: Answer,
        sink: Sink<'_>,
    ) -> Result<(), StaleAnswer> {
        let State::Handshaking(handshake) = &mut self.state else { return Err(StaleAnswer) };
        let result = handshake.answer(now, id, answer, &mut self.discards)?;
        self.settle(result, sink);
        Ok(())
    }

    pub(crate) fn handle_repeated_hello(&mut self, now: Instant) {
        if let State::Handshaking(handshake) = &mut self.state {
            handshake.handle_repeated_hello(now);
        }
    }

    /// Appends the next datagram to `out`; false when there is none.
    pub(crate) fn poll_transmit(&mut self, now: Instant, out: &mut Vec<u8>) -> bool {
        if !self.outbox.is_empty() {
            out.append(&mut self.outbox);
            self.outbox = Vec::new();
            return true;
        }
        let before = out.len();
        if let State::Handshaking(handshake) = &mut self.state
            && handshake.poll_transmit(now, out).is_err()
        {
            out.truncate(before);
        }
        out.len() > before
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Handshaking(handshake) => Some(handshake.poll_timeout()),
            State::Established(_) | State::Closed => None,
        }
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant, sink: Sink<'_>) {
        if let State::Handshaking(handshake) = &mut self.state
            && handshake.handle_timeout(now)
        {
            self.end(CloseReason::TimedOut, sink);
        }
    }

    /// Appends one record with the concatenation of `parts` to `out`.
    pub(crate) fn seal(&mut self, parts: &[&[u8]], out: &mut Vec<u8>) -> Result<(), SendError> {
        let State::Established(established) = &mut self.state else { return Err(SendError::NotEstablished) };
        if parts.iter().map(|part| part.len()).sum::<usize>() > MAX_PLAINTEXT {
            return Err(SendError::TooLong);
        }
        if established.sealing.is_exhausted() {
            return Err(SendError::Exhausted);
        }
        let sealed = established.sealing.seal(ContentType::ApplicationData, parts, out);
        sealed.map_err(|_| SendError::Exhausted)
    }

    /// Bytes that [`Connection::seal`] adds to a message.
    pub(crate) fn overhead(&self) -> Option<usize> {
        match &self.state {
            State::Established(established) => Some(established.sealing.overhead()),
            State::Handshaking(_) | State::Closed => None,
        }
    }

    /// Ends the association from our side; a peer that could hear of it is told.
    pub(crate) fn close(&mut self, reason: CloseReason, sink: Sink<'_>) {
        if !self.is_closed() {
            self.end(reason, sink);
        }
    }

    pub(crate) fn is_established(&self) -> bool {
        matches!(self.state, State::Established(_))
    }

    pub(crate) fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    pub(crate) fn has_output(&self) -> bool {
        !self.outbox.is_empty()
    }

    pub(crate) fn info(&self) -> Option<&Info> {
        match &self.state {
            State::Established(established) => Some(&established.info),
            State::Handshaking(_) | State::Closed => None,
        }
    }

    /// Whether handling this datagram may take an operation with a public key.
    pub(crate) fn takes_long(&self, datagram: &[u8]) -> bool {
        match &self.state {
            State::Handshaking(handshake) => handshake.takes_long(datagram),
            State::Established(_) | State::Closed => false,
        }
    }

    /// Our role and the ClientHello's random, while the handshake is under way.
    pub(crate) fn handshaking(&self) -> Option<(Role, &Random)> {
        match &self.state {
            State::Handshaking(handshake) => Some((handshake.core.role, handshake.client_random())),
            State::Established(_) | State::Closed => None,
        }
    }

    pub(crate) fn take_discards(&mut self) -> Discards {
        self.discards.take()
    }

    /// Forged and foreign records so far; it grows when a datagram was not meant for this connection.
    pub(crate) fn rejected(&self) -> u32 {
        self.discards.of(Discard::Forged)
    }

    /// What follows from handling a record, an answer or a hello of a handshake.
    fn settle(&mut self, result: Result<(), End>, sink: Sink<'_>) {
        if let Err(end) = result {
            return self.end(end.into(), sink);
        }
        let State::Handshaking(handshake) = &mut self.state else { return };
        if std::mem::take(&mut handshake.core.unasked)
            && let Some((id, question)) = handshake.core.question.clone()
        {
            sink(Event::Question(id, question));
        }
        if let Some(completed) = handshake.core.completed.take() {
            self.establish(completed, sink);
        }
    }

    fn establish(&mut self, completed: Completed, sink: Sink<'_>) {
        let State::Handshaking(mut handshake) = std::mem::replace(&mut self.state, State::Closed) else { return };
        let early = handshake.take_early();
        let core = &mut handshake.core;
        let mut sent = Ok(());
        while core.flight.is_pending() && sent.is_ok() {
            sent = core.flight.write_datagram(&mut core.writer, core.config.max_datagram, &mut self.outbox);
        }
        let RecordWriter { plaintext, sealing } = handshake.core.writer;
        let (Ok(()), Some(sealing), Some(opening)) = (sent, sealing, handshake.core.opening) else {
            return sink(Event::Closed(CloseReason::Refused(Error::Crypto)));
        };
        self.state = State::Established(Established {
            sealing,
            opening,
            plaintext,
            last_flight: completed.last_flight,
            role: handshake.core.role,
            info: Box::new(completed.info),
        });
        sink(Event::Established);
        for mut record in early {
            if let Ok((header, _)) = Header::decode(&record) {
                // The handshake has left its clock behind; nothing that follows asks for one.
                self.handle_established(&header, &mut record, sink);
            }
        }
    }

    fn handle_established(&mut self, header: &Header, record: &mut [u8], sink: Sink<'_>) {
        let State::Established(established) = &mut self.state else { return };
        let fragment_at = record.len() - header.length;
        let fragment = &mut record[fragment_at..];
        if let Err(end) = established.handle_record(header, fragment, &mut self.outbox, &mut self.discards, sink) {
            self.end(end.into(), sink);
        }
    }

    fn end(&mut self, reason: CloseReason, sink: Sink<'_>) {
        let alert = match reason {
            CloseReason::Local | CloseReason::PeerClosed => Some(Alert::CLOSE_NOTIFY),
            CloseReason::Refused(error) => Some(Alert::fatal(error.alert())),
            CloseReason::PeerAlert(_) | CloseReason::TimedOut => None,
        };
        let state = std::mem::replace(&mut self.state, State::Closed);
        if let Some(alert) = alert {
            let alert = alert.encode();
            let written = match state {
                State::Handshaking(mut handshake) => {
                    let core = &mut handshake.core;
                    core.writer.write(core.write_epoch, ContentType::Alert, &[&alert], &mut self.outbox)
                }
                State::Established(mut established) => {
                    established.sealing.seal(ContentType::Alert, &[&alert], &mut self.outbox)
                }
                State::Closed => Ok(()),
            };
            if written.is_err() {
                self.discards.count(Discard::Unexpected);
            }
        }
        sink(Event::Closed(reason));
    }
}

impl Established {
    fn handle_record(
        &mut self,
        header: &Header,
        fragment: &mut [u8],
        outbox: &mut Vec<u8>,
        discards: &mut Discards,
        sink: Sink<'_>,
    ) -> Result<(), End> {
        let plaintext = match self.opening.open(header, fragment) {
            Ok(plaintext) => &fragment[plaintext],
            Err(discard) => {
                discards.count(discard);
                return Ok(());
            }
        };
        match header.content_type {
            ContentType::ApplicationData => sink(Event::Received(plaintext)),
            ContentType::Alert => match Alert::decode(plaintext) {
                Some(Alert::CLOSE_NOTIFY) => return Err(End::PeerClosed),
                Some(Alert { fatal: true, description }) => return Err(End::PeerAlert(description)),
                Some(_) => {}
                None => discards.count(Discard::Malformed),
            },
            ContentType::Handshake => return Ok(self.handle_handshake(plaintext, outbox, discards)?),
            ContentType::ChangeCipherSpec => discards.count(Discard::Unexpected),
        }
        Ok(())
    }

    /// A repeated Finished gets our last flight again (RFC 6347 section 4.2.4); a wish to renegotiate is refused (RFC
    /// 5246 section 7.2.2).
    fn handle_handshake(&mut self, content: &[u8], outbox: &mut Vec<u8>, discards: &mut Discards) -> Result<(), Error> {
        let Ok(fragment) = Fragment::decode(&mut Reader::new(content)) else {
            discards.count(Discard::Malformed);
            return Ok(());
        };
        match (self.role, fragment.message_type, self.last_flight) {
            (Role::Server, HandshakeType::FINISHED, Some(LastFlight { message_seq, verify_data })) => {
                let finished = Fragment {
                    message_type: HandshakeType::FINISHED,
                    length: verify_data.len(),
                    message_seq,
                    offset: 0,
                    body: &verify_data,
                };
                let header: [u8; MESSAGE_HEADER_LEN] = finished.header();
                self.plaintext.write(ContentType::ChangeCipherSpec, &[&[1]], outbox);
                self.sealing.seal(ContentType::Handshake, &[&header, &verify_data], outbox)
            }
            (Role::Server, HandshakeType::CLIENT_HELLO, _) | (Role::Client, HandshakeType::HELLO_REQUEST, _) => {
                let alert = Alert::NO_RENEGOTIATION.encode();
                self.sealing.seal(ContentType::Alert, &[&alert], outbox)
            }
            _ => {
                discards.count(Discard::Unexpected);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests;
