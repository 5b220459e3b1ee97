//! The seam to other engines: what RIOT calls the backends of sock_dtls.
//!
//! The native engine, `dtls-proto`, needs none of this. Another one runs its sessions in tasks of its own: it gets
//! datagrams, answers and messages through an [`EngineSession`], and says what happens through a [`Link`], in the same
//! events and questions as the native engine.

use std::fmt;

use dtls_proto::{Answer, Info, QuestionId, Role};

use crate::errno::Result;
use crate::options::Options;
use crate::sock::Link;

/// An engine other than the native one.
pub trait Engine: fmt::Debug + Send + Sync {
    /// Whether the engine can do all that the options ask for.
    ///
    /// # Errors
    /// [`Errno::Inval`](crate::Errno::Inval) when it cannot: a sock with these options is not created.
    fn check_options(&self, options: &Options) -> Result<()>;

    /// Whether a sock of this engine may have these credentials. Asked about each tag that is added, and about all of
    /// them when a session begins.
    ///
    /// # Errors
    /// [`Errno::Inval`](crate::Errno::Inval) when it may not.
    fn check_credentials(&self, credentials: Credentials) -> Result<()>;

    /// Begins a session. Everything that takes time happens elsewhere, on the link's runtime.
    fn begin(&self, begin: Begin<'_>) -> Box<dyn EngineSession>;
}

/// The kinds of credential behind one tag, or behind all the tags of a sock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Credentials {
    /// There is a pre-shared key.
    pub psk: bool,
    /// There is a pre-shared key that is to be chosen by the server's hint.
    pub psk_with_hint: bool,
    /// There is a key pair.
    pub ecdsa: bool,
}

/// What a session begins with.
#[derive(Debug)]
pub struct Begin<'a> {
    /// Which side of the handshake to take.
    pub role: Role,
    /// The settings of the sock.
    pub options: &'a Options,
    /// The identity hint that a server sends.
    pub hint: Option<&'a [u8]>,
    /// To whom the session tells what happens.
    pub link: Link,
}

/// One session of another engine. Dropping it ends the session: a handshake without a word, an established session with
/// close_notify after what was still to be sent.
///
/// These are called with the session locked: they return at once, and call no method of the [`Link`].
pub trait EngineSession: Send {
    /// Takes a datagram from the peer; false when there is no room for it.
    fn handle_datagram(&mut self, datagram: &[u8]) -> bool;

    /// Takes the answer to a question; a stale one is ignored.
    fn answer(&mut self, id: QuestionId, answer: Answer);

    /// Sends the concatenation of `parts` as one message.
    ///
    /// # Errors
    /// [`Errno::NotConn`](crate::Errno::NotConn) unless established; [`Errno::Again`](crate::Errno::Again) when too
    /// much waits to be sent; [`Errno::MsgSize`](crate::Errno::MsgSize) when the datagram would be longer than
    /// `max_datagram`.
    fn send(&mut self, parts: &[&[u8]], max_datagram: Option<usize>) -> Result<()>;

    /// What the handshake agreed on, once established.
    fn info(&self) -> Option<Info>;
}
