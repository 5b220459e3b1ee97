//! RIOT's sock API over tokio: [`UdpSock`] (`net/sock/udp.h`), [`Credman`] (`net/credman.h`) and [`DtlsSock`]
//! (`net/sock/dtls.h`), with no JavaScript in sight.
//!
//! | module | what it is |
//! |---|---|
//! | `udp` | the UDP sock: datagrams in batches, with their auxiliary data |
//! | `credman`, `der`, `tags` | the credential pool, keys from files, and how a sock picks a credential |
//! | `sock` | the DTLS sock: sessions, handshakes on the runtime's workers, deadlines |
//! | `engine` | the seam to engines other than `dtls-proto` |
//! | `inbox` | what waits to be fetched, and whom it wakes |
//!
//! A send on an established session runs on the caller's thread: it locks that session, seals into a buffer that is
//! kept, and sends. Everything that takes longer runs on the tokio runtime that the UDP sock was created with.

#![forbid(unsafe_code)]

mod aux_data;
mod credman;
mod der;
mod endpoint;
mod engine;
mod errno;
mod inbox;
mod options;
mod sock;
mod stats;
mod tags;
mod udp;

pub use aux_data::RxMeta;
pub use credman::{
    CREDMAN_TAG_EMPTY, CredentialType, Credman, CredmanError, EcdsaCredential, Params, PskCredential, Tag,
};
pub use der::{LoadedKey, load_private_ecc_key, load_private_key, load_public_key};
pub use dtls_proto::{
    Answer, ClearText, CloseReason, Error as HandshakeError, Event, Group, Info, KeyExchangeKind, PeerIdentity, Psk,
    PublicKey, Question, QuestionId, Role, SecureRandom, Suite, SystemRandom,
};
pub use endpoint::{Family, UdpEp};
pub use engine::{Begin, Credentials, Engine, EngineSession};
pub use errno::{Errno, Result};
pub use inbox::{
    Observer, SOCK_ASYNC_CONN_FIN, SOCK_ASYNC_CONN_RDY, SOCK_ASYNC_CONN_RECV, SOCK_ASYNC_MSG_RECV, SOCK_ASYNC_MSG_SENT,
    SOCK_ASYNC_PATH_PROP,
};
pub use options::Options;
pub use sock::{CredentialCallback, CredentialQuestion, DtlsSock, Establishing, Link, MAX_MESSAGE, SockRole, WaiterId};
pub use stats::Stats;
pub use udp::{SOCK_FLAGS_REUSE_EP, UdpSock, Wake};

/// Seeds the random source, which takes some 30 ms the first time in a process: RIOT's `sock_dtls_init`. Never needed;
/// called on another thread early enough, it spares the first handshake the wait.
pub fn prepare() {
    // A source that fails now will fail the handshakes, which tell.
    let _ = dtls_proto::SecureRandom::fill(&dtls_proto::SystemRandom, &mut [0]);
}
