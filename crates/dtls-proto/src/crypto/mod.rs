//! The primitives, and the only place that names the crates they come from.

mod aead;
mod ccm;
mod ecdsa;
mod key_exchange;
mod prf;
mod random;
mod transcript;

pub(crate) use aead::{Aead, AeadAlgorithm, MAX_TAG_LEN};
pub(crate) use ecdsa::{EcdsaSigner, derive_p256_public, is_p256_point, verify_ecdsa};
pub use key_exchange::Group;
pub(crate) use key_exchange::KeyExchange;
pub(crate) use prf::{MasterSecret, PreMasterSecret, prf};
pub use random::{SecureRandom, SystemRandom};
pub(crate) use transcript::{Transcript, sha256};

/// The hash of a cipher suite: of its PRF and its handshake transcript.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hash {
    Sha256,
    Sha384,
}

/// Compares without telling by its duration where two values differ.
pub(crate) fn constant_time_eq(a: &[u8], b: &[u8]) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(a, b).is_ok()
}
