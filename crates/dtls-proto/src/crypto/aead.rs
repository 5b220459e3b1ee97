//! The AEADs of the suites: AES-GCM and ChaCha20-Poly1305 by aws-lc, AES-CCM by the `ccm` crate.

use std::fmt;

use aes::{Aes128, Aes256};
use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use ccm::aead::{AeadInOut, KeyInit};
use ccm::consts::{U8, U12, U16};
use ccm::{Ccm, Tag};

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
    Ccm128(Box<Ccm<Aes128, U16, U12>>),
    Ccm256(Box<Ccm<Aes256, U16, U12>>),
    Ccm128Short(Box<Ccm<Aes128, U8, U12>>),
    Ccm256Short(Box<Ccm<Aes256, U8, U12>>),
}

impl Aead {
    /// `key` has the length that `algorithm` wants, as the key block is cut by it.
    pub(crate) fn new(algorithm: AeadAlgorithm, key: &[u8]) -> Result<Self, Error> {
        fn ccm<C: KeyInit>(key: &[u8]) -> Result<Box<C>, Error> {
            C::new_from_slice(key).map(Box::new).map_err(|_| Error::Crypto)
        }
        let native = match algorithm {
            AeadAlgorithm::Aes128Gcm => &AES_128_GCM,
            AeadAlgorithm::Aes256Gcm => &AES_256_GCM,
            AeadAlgorithm::ChaCha20Poly1305 => &CHACHA20_POLY1305,
            AeadAlgorithm::Aes128Ccm => return Ok(Self::Ccm128(ccm(key)?)),
            AeadAlgorithm::Aes256Ccm => return Ok(Self::Ccm256(ccm(key)?)),
            AeadAlgorithm::Aes128Ccm8 => return Ok(Self::Ccm128Short(ccm(key)?)),
            AeadAlgorithm::Aes256Ccm8 => return Ok(Self::Ccm256Short(ccm(key)?)),
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
            Self::Ccm128(ccm) => seal_ccm(&**ccm, nonce, aad, data, &mut out)?,
            Self::Ccm256(ccm) => seal_ccm(&**ccm, nonce, aad, data, &mut out)?,
            Self::Ccm128Short(ccm) => seal_ccm(&**ccm, nonce, aad, data, &mut out)?,
            Self::Ccm256Short(ccm) => seal_ccm(&**ccm, nonce, aad, data, &mut out)?,
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
            Self::Ccm128(ccm) => open_ccm(&**ccm, nonce, aad, data),
            Self::Ccm256(ccm) => open_ccm(&**ccm, nonce, aad, data),
            Self::Ccm128Short(ccm) => open_ccm(&**ccm, nonce, aad, data),
            Self::Ccm256Short(ccm) => open_ccm(&**ccm, nonce, aad, data),
        }
    }
}

impl fmt::Debug for Aead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Aead(..)")
    }
}

fn seal_ccm<C: AeadInOut<NonceSize = U12>>(
    ccm: &C,
    nonce: [u8; 12],
    aad: &[u8],
    data: &mut [u8],
    out: &mut [u8; MAX_TAG_LEN],
) -> Result<(), Error> {
    let tag = ccm.encrypt_inout_detached(&nonce.into(), aad, data.into()).map_err(|_| Error::Crypto)?;
    out[..tag.len()].copy_from_slice(&tag);
    Ok(())
}

fn open_ccm<C: AeadInOut<NonceSize = U12>>(
    ccm: &C,
    nonce: [u8; 12],
    aad: &[u8],
    data: &mut [u8],
) -> Result<usize, Error> {
    let len = data.len().checked_sub(Tag::<C::TagSize>::default().len()).ok_or(Error::Crypto)?;
    let (ciphertext, tag) = data.split_at_mut(len);
    let tag = Tag::<C::TagSize>::try_from(&*tag).map_err(|_| Error::Crypto)?;
    ccm.decrypt_inout_detached(&nonce.into(), aad, ciphertext.into(), &tag).map_err(|_| Error::Crypto)?;
    Ok(len)
}
