//! The AEADs of the suites: AES-GCM and ChaCha20-Poly1305 by aws-lc, AES-CCM by `ccm`.

use std::fmt;

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};

use crate::crypto::ccm::CcmKey;
use crate::error::Error;

/// The longest tag of any AEAD here, in bytes.
pub(crate) const MAX_TAG_LEN: usize = 16;

/// An AEAD as the suites name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AeadAlgorithm {
    Aes128Gcm,
    Aes256Gcm,
    ChaCha20Poly1305,
    Aes128Ccm,
    Aes256Ccm,
    Aes128Ccm8,
    Aes256Ccm8,
}

impl AeadAlgorithm {
    pub(crate) fn key_len(self) -> usize {
        match self {
            Self::Aes128Gcm | Self::Aes128Ccm | Self::Aes128Ccm8 => 16,
            Self::Aes256Gcm | Self::ChaCha20Poly1305 | Self::Aes256Ccm | Self::Aes256Ccm8 => 32,
        }
    }

    pub(crate) fn tag_len(self) -> usize {
        match self {
            Self::Aes128Ccm8 | Self::Aes256Ccm8 => 8,
            _ => 16,
        }
    }

    /// Bytes of the nonce that the key block yields: the salt of RFC 5288 and RFC 6655, or the whole IV that
    /// RFC 7905 combines with the sequence number.
    pub(crate) fn fixed_iv_len(self) -> usize {
        if self == Self::ChaCha20Poly1305 { 12 } else { 4 }
    }

    /// Bytes of the nonce that each record carries.
    pub(crate) fn explicit_nonce_len(self) -> usize {
        if self == Self::ChaCha20Poly1305 { 0 } else { 8 }
    }
}

/// An AEAD with its key, for one direction.
///
/// Boxed: an idle session keeps the key it has and not the largest there is.
pub(crate) enum Aead {
    Native(Box<LessSafeKey>),
    /// With the length of the tag.
    Ccm(CcmKey, usize),
}

impl Aead {
    /// `key` has the length that `algorithm` wants, as the key block is cut by it.
    pub(crate) fn new(algorithm: AeadAlgorithm, key: &[u8]) -> Result<Self, Error> {
        let native = match algorithm {
            AeadAlgorithm::Aes128Gcm => &AES_128_GCM,
            AeadAlgorithm::Aes256Gcm => &AES_256_GCM,
            AeadAlgorithm::ChaCha20Poly1305 => &CHACHA20_POLY1305,
            _ => return Ok(Self::Ccm(CcmKey::new(key)?, algorithm.tag_len())),
        };
        Ok(Self::Native(Box::new(LessSafeKey::new(UnboundKey::new(native, key)?))))
    }

    /// Encrypts `data` in place; the tag stands in the first bytes of what comes back, as many as
    /// [`AeadAlgorithm::tag_len`] says.
    pub(crate) fn seal(&self, nonce: [u8; 12], aad: &[u8], data: &mut [u8]) -> Result<[u8; MAX_TAG_LEN], Error> {
        let mut out = [0; MAX_TAG_LEN];
        match self {
            Self::Native(key) => {
                let nonce = Nonce::assume_unique_for_key(nonce);
                let tag = key.seal_in_place_separate_tag(nonce, Aad::from(aad), data)?;
                out.copy_from_slice(tag.as_ref());
            }
            Self::Ccm(key, tag_len) => out = key.seal(nonce, aad, data, *tag_len)?,
        }
        Ok(out)
    }

    /// Decrypts `data`, ciphertext with the tag behind it, in place, and returns the length of the plaintext at its
    /// start. On an error `data` holds nothing of use.
    pub(crate) fn open(&self, nonce: [u8; 12], aad: &[u8], data: &mut [u8]) -> Result<usize, Error> {
        match self {
            Self::Native(key) => {
                let nonce = Nonce::assume_unique_for_key(nonce);
                Ok(key.open_in_place(nonce, Aad::from(aad), data)?.len())
            }
            Self::Ccm(key, tag_len) => {
                let len = data.len().checked_sub(*tag_len).ok_or(Error::Crypto)?;
                let (ciphertext, tag) = data.split_at_mut(len);
                key.open(nonce, aad, ciphertext, tag)?;
                Ok(len)
            }
        }
    }
}

impl fmt::Debug for Aead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Aead(..)")
    }
}
