//! What an association tells its owner, and what it asks.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::alert::AlertDescription;
use crate::credential::{KeyPair, Psk, PublicKey};
use crate::error::Error;
use crate::suite::Suite;

/// Something that happened while a call was handled, in order.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A record of application data, authenticated; it borrows from the datagram that was handed in.
    Received(&'a [u8]),
    /// The handshake is complete: data can flow.
    Established,
    /// The handshake waits until [`Association::answer`](crate::Association::answer) is called with this id.
    Question(QuestionId, Question),
    /// The association is over. An alert may still wait in `poll_transmit`.
    Closed(CloseReason),
}

/// What receives events while a call is handled.
pub type Sink<'s> = &'s mut dyn FnMut(Event<'_>);

/// Names one question of one handshake; never used again in this process, so that a late answer meets nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct QuestionId(u64);

impl QuestionId {
    /// An id that no question has had.
    #[allow(clippy::new_without_default, reason = "each is another one")]
    pub fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// A credential that a handshake needs to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Question {
    /// Client: which key to use, with the server's hint if it sent one. Answer: [`Answer::Psk`].
    ClientPsk {
        /// The psk_identity_hint (RFC 4279 section 5.2).
        hint: Option<Vec<u8>>,
    },
    /// Server: the key of this identity. Answer: [`Answer::Psk`]; without a key the handshake goes on to fail as it
    /// does with a wrong one (RFC 4279 section 2).
    ServerPsk {
        /// The identity that the client claims.
        identity: Vec<u8>,
    },
    /// Our own raw public key. Answer: [`Answer::KeyPair`]; a client without one stays anonymous.
    KeyPair,
    /// Whether the peer with this key, which it has proved to own, may connect. Answer: [`Answer::Verdict`].
    VerifyPeer(PublicKey),
}

/// The answer to a [`Question`].
#[derive(Clone, Debug)]
pub enum Answer {
    /// A pre-shared key, or that there is none.
    Psk(Option<Psk>),
    /// A key pair, or that there is none.
    KeyPair(Option<KeyPair>),
    /// Whether the peer is accepted.
    Verdict(bool),
}

/// An answer came too late, twice, or is of another kind than its question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no handshake waits for this answer")]
pub struct StaleAnswer;

/// Why an association ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseReason {
    /// We closed it.
    Local,
    /// The peer sent close_notify.
    PeerClosed,
    /// The peer sent a fatal alert.
    PeerAlert(AlertDescription),
    /// We refused the peer, and told it so with [`Error::alert`].
    Refused(Error),
    /// The handshake did not complete in its lifetime.
    TimedOut,
}

/// What a completed handshake agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Info {
    /// The cipher suite.
    pub suite: Suite,
    /// Whether extended_master_secret binds the keys to the handshake (RFC 7627).
    pub extended_master_secret: bool,
    /// How the peer proved who it is.
    pub peer: PeerIdentity,
}

impl Info {
    /// What a handshake of another engine agreed on.
    pub fn new(suite: Suite, extended_master_secret: bool, peer: PeerIdentity) -> Self {
        Self { suite, extended_master_secret, peer }
    }
}

/// How a peer proved who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PeerIdentity {
    /// It knows the key of this identity.
    Psk(Box<[u8]>),
    /// It owns this raw public key.
    RawPublicKey(Box<PublicKey>),
    /// A client that showed no key.
    Anonymous,
}
