//! Asking the user which credential to use, and waiting for the answer.

use std::net::SocketAddr;
use std::sync::{Arc, Weak};

use dtls_proto::QuestionId;

use crate::credman::Tag;
use crate::endpoint::UdpEp;
use crate::sock::inner::Inner;
use crate::sock::session::Session;

/// Chooses a credential: called with a question that it answers at once or later, from any thread.
pub type CredentialCallback = Arc<dyn Fn(CredentialQuestion) + Send + Sync>;

/// Which of the user's callbacks is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Psk,
    KeyPair,
}

/// A handshake that waits for a credential tag. Dropped unanswered, it counts as answered with no tag.
pub struct CredentialQuestion {
    pub(crate) inner: Weak<Inner>,
    pub(crate) session: Arc<Session>,
    pub(crate) id: QuestionId,
    pub(crate) kind: Kind,
    pub(crate) hint: Option<Vec<u8>>,
    pub(crate) answered: bool,
}

impl CredentialQuestion {
    /// The peer of the handshake.
    pub fn endpoint(&self) -> UdpEp {
        UdpEp::from_socket_addr(self.session.peer)
    }

    /// The server's hint, if it sent one; `None` for raw public keys.
    pub fn hint(&self) -> Option<&[u8]> {
        self.hint.as_deref()
    }

    /// The tags of the sock, in order.
    pub fn tags(&self) -> Vec<Tag> {
        self.inner.upgrade().map(|inner| inner.tags.read().to_vec()).unwrap_or_default()
    }

    /// Answers with a tag of the sock; any other counts as `CREDMAN_TAG_EMPTY`, so the sock's own rules choose. The
    /// handshake goes on elsewhere; one that has ended meanwhile is left alone.
    pub fn answer(mut self, tag: Tag) {
        self.resolve(Some(tag));
    }

    fn resolve(&mut self, tag: Option<Tag>) {
        if std::mem::replace(&mut self.answered, true) {
            return;
        }
        if let Some(inner) = self.inner.upgrade() {
            inner.answer_with_tag(&self.session, self.id, self.kind, tag, self.hint.as_deref());
        }
    }
}

impl Drop for CredentialQuestion {
    fn drop(&mut self) {
        self.resolve(None);
    }
}

impl std::fmt::Debug for CredentialQuestion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let peer: SocketAddr = self.session.peer;
        f.debug_struct("CredentialQuestion").field("peer", &peer).field("kind", &self.kind).finish_non_exhaustive()
    }
}
