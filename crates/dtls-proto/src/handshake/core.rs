//! What every state of a handshake works on: the flight, the transcript, the keys, the open question.

use std::sync::Arc;

use crate::config::Config;
use crate::crypto::Transcript;
use crate::error::Error;
use crate::event::{Info, Question, QuestionId};
use crate::handshake::flight::{Flight, RecordWriter};
use crate::handshake::key_schedule::{Randoms, Role};
use crate::message::{HandshakeType, Message, Random, VERIFY_DATA_LEN};
use crate::record::{OpeningKey, PlaintextWriter, SealingKey};
use crate::suite::Suite;

/// Parameters on which both hellos agree.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Agreed {
    pub(crate) suite: Suite,
    pub(crate) randoms: Randoms,
    pub(crate) extended_master_secret: bool,
    /// Whether the client authenticates with a raw public key if it is asked to.
    pub(crate) client_raw_key: bool,
}

/// The last flight of a handshake, as the side that sent it must keep it (RFC 6347 section 4.2.4).
#[derive(Clone, Copy, Debug)]
pub(crate) struct LastFlight {
    pub(crate) message_seq: u16,
    pub(crate) verify_data: [u8; VERIFY_DATA_LEN],
}

/// The result of a handshake.
#[derive(Debug)]
pub(crate) struct Completed {
    pub(crate) info: Info,
    /// Ours, if we sent the last flight.
    pub(crate) last_flight: Option<LastFlight>,
}

pub(crate) struct Core {
    pub(crate) config: Arc<Config>,
    pub(crate) role: Role,
    /// The random of the ClientHello: it tells this handshake from another with the same peer.
    pub(crate) client_random: Random,
    /// What both hellos agree on, once they have.
    pub(crate) suite: Option<Suite>,
    pub(crate) writer: RecordWriter,
    /// The epoch in which we write: 1 once our ChangeCipherSpec is on its way.
    pub(crate) write_epoch: u16,
    pub(crate) opening: Option<OpeningKey>,
    pub(crate) flight: Flight,
    pub(crate) transcript: Transcript,
    /// The number of the next message we send.
    pub(crate) next_seq: u16,
    pub(crate) question: Option<(QuestionId, Question)>,
    /// Set with a question, cleared once the owner has been told.
    pub(crate) unasked: bool,
    /// The peer's flight is complete: set when ours is answered, cleared once the timers know.
    pub(crate) answered: bool,
    pub(crate) completed: Option<Completed>,
}

impl Core {
    pub(crate) fn new(config: Arc<Config>, role: Role, next_seq: u16, plaintext: PlaintextWriter) -> Self {
        Self {
            config,
            role,
            client_random: [0; 32],
            suite: None,
            write_epoch: 0,
            writer: RecordWriter { plaintext, sealing: None },
            opening: None,
            flight: Flight::default(),
            transcript: Transcript::new(),
            next_seq,
            question: None,
            unasked: false,
            answered: false,
            completed: None,
        }
    }

    /// Takes a received message into the transcript.
    pub(crate) fn absorb(&mut self, message: &Message) {
        self.transcript.update(&message.header());
        self.transcript.update(&message.body);
    }

    /// Begins the next flight; what was sent before is answered.
    pub(crate) fn begin_flight(&mut self) {
        self.flight = Flight::default();
        self.answered = true;
    }

    /// Adds a message to the flight and to the transcript.
    pub(crate) fn send(&mut self, message_type: HandshakeType, body: Vec<u8>) {
        self.send_in(0, message_type, body);
    }

    /// Adds a message to the flight only: a HelloVerifyRequest and the ClientHello before it are in no transcript
    /// (RFC 6347 section 4.2.1).
    pub(crate) fn send_outside_transcript(&mut self, message_type: HandshakeType, body: &[u8]) {
        let seq = self.take_seq();
        self.flight.push(0, message_type, seq, body);
    }

    /// Adds ChangeCipherSpec and Finished, and returns what must be kept to send them again.
    pub(crate) fn send_finished(&mut self, verify_data: [u8; VERIFY_DATA_LEN]) -> LastFlight {
        let message_seq = self.next_seq;
        self.flight.push_change_cipher_spec();
        self.write_epoch = 1;
        self.send_in(1, HandshakeType::FINISHED, verify_data.to_vec());
        LastFlight { message_seq, verify_data }
    }

    /// Takes the keys of epoch 1 into use.
    pub(crate) fn install(&mut self, (sealing, opening): (SealingKey, OpeningKey)) {
        self.writer.sealing = Some(sealing);
        self.opening = Some(opening);
    }

    /// Suspends the handshake until the question is answered.
    pub(crate) fn ask(&mut self, question: Question) {
        self.question = Some((QuestionId::new(), question));
        self.unasked = true;
        self.answered = true;
    }

    pub(crate) fn random(&self) -> Result<[u8; 32], Error> {
        let mut random = [0; 32];
        self.config.random.fill(&mut random)?;
        Ok(random)
    }

    fn send_in(&mut self, epoch: u16, message_type: HandshakeType, body: Vec<u8>) {
        let message = Message { message_type, message_seq: self.take_seq(), body };
        self.flight.push(epoch, message_type, message.message_seq, &message.body);
        self.absorb(&message);
    }

    fn take_seq(&mut self) -> u16 {
        let seq = self.next_seq;
        self.next_seq = seq.wrapping_add(1);
        seq
    }
}
