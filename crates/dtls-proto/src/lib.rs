//! DTLS 1.2 (RFC 6347) without I/O: bytes and instants in, bytes, events and deadlines out.
//!
//! | module | what it is |
//! |---|---|
//! | [`Listener`] | before there is an association: the stateless cookie exchange |
//! | [`Association`] | all there is with one peer: a connection, and its successor when the peer begins again |
//! | `connection` | one association's life: handshake, application data, end |
//! | `handshake` | flights, reassembly, timers, and the states of client and server |
//! | `message`, `codec` | the handshake messages and how their bytes are read |
//! | `record` | headers, the replay window, sealing and opening |
//! | `crypto`, `suite` | the primitives, and the cipher suites as data |
//!
//! Pre-shared keys (RFC 4279, RFC 5489) and raw public keys (RFC 7250) authenticate. A handshake that needs a
//! credential asks for it ([`Event::Question`]) and waits for [`Association::answer`]; the engine never calls back.
//! Time and randomness are handed in, so that a test can replay any exchange.

#![forbid(unsafe_code)]

mod alert;
mod association;
mod clear;
mod codec;
mod config;
mod connection;
mod credential;
mod crypto;
mod error;
mod event;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod handshake;
mod listener;
mod message;
mod record;
mod suite;

pub use alert::AlertDescription;
pub use association::Association;
pub use clear::ClearText;
pub use config::{Config, CredentialKinds};
pub use connection::SendError;
pub use credential::{CredentialError, KeyPair, Psk, PublicKey, Signer};
pub use crypto::{Group, SecureRandom, SystemRandom};
pub use error::{Discard, Discards, Error};
pub use event::{Answer, CloseReason, Event, Info, PeerIdentity, Question, QuestionId, Sink, StaleAnswer};
pub use handshake::Role;
pub use listener::{Hello, Listener, VerifiedHello};
pub use suite::{KeyExchangeKind, Suite};
