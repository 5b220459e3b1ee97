//! The hash over all handshake messages so far (RFC 6347 section 4.2.6).

use aws_lc_rs::digest::{Context, Digest, SHA256, SHA384};

use crate::crypto::Hash;

/// Hashes messages as they pass.
///
/// Before ServerHello the hash is not known, and a signature wants SHA-256 whatever the suite says, so the SHA-256
/// always runs and the SHA-384 beside it until the suite rules it out.
#[derive(Clone)]
pub(crate) struct Transcript {
    sha256: Context,
    sha384: Option<Context>,
}

impl Transcript {
    pub(crate) fn new() -> Self {
        Self { sha256: Context::new(&SHA256), sha384: Some(Context::new(&SHA384)) }
    }

    /// Called once the suite is known.
    pub(crate) fn choose(&mut self, hash: Hash) {
        if hash == Hash::Sha256 {
            self.sha384 = None;
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        if let Some(sha384) = &mut self.sha384 {
            sha384.update(bytes);
        }
    }

    /// The hash so far, with the hash of the suite.
    pub(crate) fn hash(&self) -> Digest {
        self.sha384.as_ref().unwrap_or(&self.sha256).clone().finish()
    }

    /// The hash so far that a CertificateVerify signs: SHA-256 in every suite.
    pub(crate) fn sha256(&self) -> [u8; 32] {
        array(&self.sha256.clone().finish())
    }
}

/// SHA-256 of the concatenation of `parts`.
pub(crate) fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    parts.iter().for_each(|part| context.update(part));
    array(&context.finish())
}

fn array(digest: &Digest) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest.as_ref());
    out
}
