//! Certificate with a raw public key (RFC 7250 section 3).

use crate::codec::{Reader, Writer};
use crate::credential::PublicKey;
use crate::error::Error;

/// A Certificate message: one SubjectPublicKeyInfo, or nothing from a client that has no key to show (RFC 5246
/// section 7.4.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Certificate {
    pub(crate) key: Option<PublicKey>,
}

impl Certificate {
    pub(crate) fn decode(body: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(body);
        let spki = reader.vec24()?;
        reader.finish()?;
        if spki.is_empty() {
            return Ok(Self { key: None });
        }
        PublicKey::from_spki(spki).map(|key| Self { key: Some(key) }).map_err(|_| Error::BadCertificate)
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(94);
        out.put_vec24(|out| {
            if let Some(key) = &self.key {
                out.put(&key.to_spki());
            }
        });
        out
    }
}
