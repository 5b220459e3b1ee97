//! One handshake: records in, flights out (RFC 6347 section 4.2).

mod client;
mod core;
mod flight;
mod key_schedule;
mod reassembly;
mod server;
mod timer;

use std::sync::Arc;
use std::time::Instant;

use crate::alert::{Alert, AlertDescription};
use crate::clear::ClearText;
use crate::codec::Reader;
use crate::config::{Config, CredentialKinds};
use crate::error::{Discard, Discards, Error};
use crate::event::{Answer, CloseReason, Question, QuestionId, StaleAnswer};
use crate::handshake::client::ClientState;
use crate::handshake::core::Core;
use crate::handshake::reassembly::Inserted;
use crate::handshake::server::ServerState;
use crate::handshake::timer::Timers;
use crate::listener::VerifiedHello;
use crate::message::{Fragment, HandshakeType, Random};
use crate::record::{ContentType, Header, PlaintextWriter};

pub(crate) use core::{Completed, LastFlight};
pub(crate) use flight::RecordWriter;
pub use key_schedule::Role;
pub(crate) use reassembly::Reassembly;

/// Why a handshake, or an association, ends while a record is handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Refused(Error),
    PeerAlert(AlertDescription),
    PeerClosed,
}

impl From<Error> for End {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl From<End> for CloseReason {
    fn from(end: End) -> Self {
        match end {
            End::Refused(error) => Self::Refused(error),
            End::PeerAlert(description) => Self::PeerAlert(description),
            End::PeerClosed => Self::PeerClosed,
        }
    }
}

enum State {
    Client(ClientState),
    Server(ServerState),
    /// A message or an answer is being handled, or handling it failed.
    Moved,
}

/// Signs that the peer does not know the key: its Finished does not authenticate, it repeats its flight, and the
/// Finished still does not. A forged record alone is one sign, and changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doubt {
    None,
    BadFinished,
    Repeated,
}

/// A handshake under way.
pub(crate) struct Handshake {
    pub(crate) core: Core,
    state: State,
    reassembly: Reassembly,
    timers: Timers,
    doubt: Doubt,
    /// Records of epoch 1 that came before they could be read, headers included.
    early: Vec<Vec<u8>>,
    early_bytes: usize,
}

impl Handshake {
    /// Begins as a client.
    pub(crate) fn client(config: Arc<Config>, kinds: CredentialKinds, now: Instant) -> Result<Self, Error> {
        let mut handshake = Self::new(config, Role::Client, now, 0, 0, PlaintextWriter::default());
        handshake.state = State::Client(ClientState::start(&mut handshake.core, kinds)?);
        Ok(handshake)
    }

    /// Begins as a server, with a ClientHello whose cookie was good; [`Handshake::accept`] comes next. Numbers go on
    /// from those of the ClientHello (RFC 6347 section 4.2.1).
    pub(crate) fn server(config: Arc<Config>, hello: &VerifiedHello, now: Instant) -> Self {
        let seq = hello.message.message_seq;
        let plaintext = PlaintextWriter::starting_at(hello.record_sequence);
        Self::new(config, Role::Server, now, seq, seq.wrapping_add(1), plaintext)
    }

    pub(crate) fn accept(
        &mut self,
        hello: &VerifiedHello,
        kinds: CredentialKinds,
        hint: Option<&[u8]>,
    ) -> Result<(), End> {
        self.state = State::Server(ServerState::start(&mut self.core, &hello.message, kinds, hint)?);
        self.advance()
    }

    fn new(config: Arc<Config>, role: Role, now: Instant, send: u16, receive: u16, plaintext: PlaintextWriter) -> Self {
        Self {
            reassembly: Reassembly::new(receive, config.max_reassembly),
            timers: Timers::new(now, config.retransmit_initial, config.retransmit_max, config.handshake_lifetime),
            core: Core::new(config, role, send, plaintext),
            state: State::Moved,
            doubt: Doubt::None,
            early: Vec::new(),
            early_bytes: 0,
        }
    }

    /// Handles one record; `record` is its header and its fragment.
    pub(crate) fn handle_record(
        &mut self,
        now: Instant,
        header: &Header,
        record: &mut [u8],
        discards: &mut Discards,
    ) -> Result<(), End> {
        let fragment_at = record.len() - header.length;
        let readable = self.core.opening.is_some() && header.content_type != ContentType::ApplicationData;
        match header.epoch {
            0 => self.handle_content(now, header, &record[fragment_at..], discards),
            1 if !readable => {
                self.keep_early(record, discards);
                Ok(())
            }
            1 => {
                let Some(opening) = &mut self.core.opening else { return Ok(()) };
                let fragment = &mut record[fragment_at..];
                match opening.open(header, fragment) {
                    Ok(plaintext) => self.handle_content(now, header, &fragment[plaintext], discards),
                    Err(discard) => {
                        discards.count(discard);
                        self.doubt_after(discard, header.content_type)
                    }
                }
            }
            _ => {
                discards.count(Discard::Epoch);
                Ok(())
            }
        }
    }

    /// The answer to the open question.
    pub(crate) fn answer(
        &mut self,
        now: Instant,
        id: QuestionId,
        answer: Answer,
        discards: &mut Discards,
    ) -> Result<Result<(), End>, StaleAnswer> {
        let fits = match &self.core.question {
            Some((open, question)) if *open == id => matches!(
                (question, &answer),
                (Question::ClientPsk { .. } | Question::ServerPsk { .. }, Answer::Psk(_))
                    | (Question::KeyPair, Answer::KeyPair(_))
                    | (Question::VerifyPeer(_), Answer::Verdict(_))
            ),
            _ => false,
        };
        if !fits {
            return Err(StaleAnswer);
        }
        self.core.question = None;
        let state = match std::mem::replace(&mut self.state, State::Moved) {
            State::Client(state) => state.answer(&mut self.core, answer).map(State::Client),
            State::Server(state) => state.answer(&mut self.core, answer).map(State::Server),
            State::Moved => Err(Error::Crypto),
        };
        Ok(state.map_err(End::from).and_then(|state| {
            self.state = state;
            self.advance()?;
            self.handle_early(now, discards)
        }))
    }

    /// The peer has sent its ClientHello again.
    pub(crate) fn handle_repeated_hello(&mut self, now: Instant) {
        self.handle_repetition(now, HandshakeType::CLIENT_HELLO);
    }

    /// Whether handling this datagram may take an operation with a public key.
    pub(crate) fn takes_long(&self, datagram: &[u8]) -> bool {
        let mut suite = self.core.suite;
        if suite.is_none() {
            ClearText::each_in(datagram, |clear| {
                if let ClearText::ServerHello { suite: chosen, .. } = clear {
                    suite = Some(chosen);
                }
            });
        }
        suite.is_some_and(|suite| suite.key_exchange().uses_ecdhe())
    }

    pub(crate) fn client_random(&self) -> &Random {
        &self.core.client_random
    }

    /// Appends the next datagram of the flight to `out`.
    pub(crate) fn poll_transmit(&mut self, now: Instant, out: &mut Vec<u8>) -> Result<(), Error> {
        let core = &mut self.core;
        if core.flight.is_pending() {
            core.flight.write_datagram(&mut core.writer, core.config.max_datagram, out)?;
            if !core.flight.is_pending() {
                self.timers.flight_sent(now, core.question.is_none());
            }
        }
        Ok(())
    }

    pub(crate) fn poll_timeout(&self) -> Instant {
        self.timers.next_deadline()
    }

    /// Whether the handshake has taken too long; if not, a flight that is due is sent again.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> bool {
        if self.timers.gives_up(now) {
            return true;
        }
        if self.timers.retransmit_due(now) && self.core.question.is_none() {
            self.core.flight.rewind();
        }
        false
    }

    /// The records that wait for the handshake to complete.
    pub(crate) fn take_early(&mut self) -> Vec<Vec<u8>> {
        self.early_bytes = 0;
        std::mem::take(&mut self.early)
    }

    fn handle_content(
        &mut self,
        now: Instant,
        header: &Header,
        content: &[u8],
        discards: &mut Discards,
    ) -> Result<(), End> {
        match header.content_type {
            ContentType::Handshake => self.handle_fragments(now, header.epoch, content, discards),
            ContentType::Alert => match Alert::decode(content) {
                Some(Alert::CLOSE_NOTIFY) => Err(End::PeerClosed),
                Some(Alert { fatal: true, description }) => Err(End::PeerAlert(description)),
                Some(_) => Ok(()),
                None => {
                    discards.count(Discard::Malformed);
                    Ok(())
                }
            },
            // The epoch of a record says what ChangeCipherSpec announces, and says it under its protection.
            ContentType::ChangeCipherSpec if content == [1] => self.handle_early(now, discards),
            ContentType::ChangeCipherSpec | ContentType::ApplicationData => {
                discards.count(Discard::Unexpected);
                Ok(())
            }
        }
    }

    fn handle_fragments(
        &mut self,
        now: Instant,
        epoch: u16,
        content: &[u8],
        discards: &mut Discards,
    ) -> Result<(), End> {
        let mut reader = Reader::new(content);
        while !reader.is_empty() {
            let Ok(fragment) = Fragment::decode(&mut reader) else {
                discards.count(Discard::Malformed);
                return Ok(());
            };
            // Only Finished is protected, and always; a ClientHello has been through the listener.
            let finished = fragment.message_type == HandshakeType::FINISHED;
            let misplaced = matches!(fragment.message_type, HandshakeType::HELLO_REQUEST | HandshakeType::CLIENT_HELLO);
            if misplaced || finished != (epoch == 1) {
                discards.count(Discard::Unexpected);
                continue;
            }
            match self.reassembly.insert(epoch, &fragment) {
                Inserted::Kept => self.advance()?,
                Inserted::Repeated => self.handle_repetition(now, fragment.message_type),
                Inserted::Dropped => discards.count(Discard::Fragment),
            }
            self.handle_early(now, discards)?;
        }
        Ok(())
    }

    /// Hands the messages that are due to the state, until one is missing or a question is open.
    fn advance(&mut self) -> Result<(), End> {
        while self.core.question.is_none() && self.core.completed.is_none() {
            let Some((_, message)) = self.reassembly.pop() else { break };
            self.state = match std::mem::replace(&mut self.state, State::Moved) {
                State::Client(state) => State::Client(state.handle(&mut self.core, &message)?),
                State::Server(state) => State::Server(state.handle(&mut self.core, &message)?),
                State::Moved => return Err(Error::Crypto.into()),
            };
        }
        if std::mem::take(&mut self.core.answered) {
            self.timers.flight_answered();
        }
        Ok(())
    }

    /// The peer sent a message again that had come: our answer to its flight was lost (RFC 6347 section 4.2.4).
    fn handle_repetition(&mut self, now: Instant, message_type: HandshakeType) {
        if message_type == HandshakeType::CLIENT_KEY_EXCHANGE && self.doubt == Doubt::BadFinished {
            self.doubt = Doubt::Repeated;
        }
        let ends_flight = matches!(message_type, HandshakeType::CLIENT_HELLO | HandshakeType::SERVER_HELLO_DONE);
        let core = &mut self.core;
        if ends_flight && core.question.is_none() && !core.flight.is_pending() && self.timers.may_answer_repetition(now)
        {
            core.flight.rewind();
        }
    }

    /// A record of epoch 1 did not authenticate.
    fn doubt_after(&mut self, discard: Discard, content_type: ContentType) -> Result<(), End> {
        let awaited = match &self.state {
            State::Server(state) => state.expects_finished(),
            State::Client(_) | State::Moved => false,
        };
        if discard != Discard::Forged || content_type != ContentType::Handshake || !awaited {
            return Ok(());
        }
        match self.doubt {
            Doubt::None => self.doubt = Doubt::BadFinished,
            Doubt::BadFinished => {}
            Doubt::Repeated => return Err(Error::Authentication.into()),
        }
        Ok(())
    }

    fn keep_early(&mut self, record: &[u8], discards: &mut Discards) {
        if self.early_bytes + record.len() > self.core.config.max_reassembly {
            discards.count(Discard::Epoch);
            return;
        }
        self.early_bytes += record.len();
        self.early.push(record.to_vec());
    }

    /// Handles what came too early, once it can be read. Application data is kept until the handshake is complete.
    fn handle_early(&mut self, now: Instant, discards: &mut Discards) -> Result<(), End> {
        let is_due = |record: &Vec<u8>| record[0] != ContentType::ApplicationData as u8;
        if self.core.opening.is_none() || self.core.completed.is_some() || !self.early.iter().any(is_due) {
            return Ok(());
        }
        for mut record in self.take_early() {
            if let Ok((header, _)) = Header::decode(&record) {
                self.handle_record(now, &header, &mut record, discards)?;
            }
        }
        Ok(())
    }
}
