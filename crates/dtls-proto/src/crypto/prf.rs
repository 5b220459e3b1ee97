//! The PRF (RFC 5246 section 5) and the secrets that it works on.

use aws_lc_rs::tls_prf::{P_SHA256, P_SHA384, Secret};
use zeroize::Zeroizing;

use crate::crypto::Hash;
use crate::error::Error;

/// `PRF(secret, label, seed)` as long as `out`.
pub(crate) fn prf(hash: Hash, secret: &[u8], label: &[u8], seed: &[u8], out: &mut [u8]) -> Result<(), Error> {
    let algorithm = match hash {
        Hash::Sha256 => &P_SHA256,
        Hash::Sha384 => &P_SHA384,
    };
    let derived = Secret::new(algorithm, secret)?.derive(label, seed, out.len())?;
    out.copy_from_slice(derived.as_ref());
    Ok(())
}

/// The premaster secret of a key exchange, wiped when it is dropped.
pub(crate) struct PreMasterSecret(Zeroizing<Vec<u8>>);

impl PreMasterSecret {
    /// ECDHE: the shared secret itself (RFC 8422 section 5.10).
    pub(crate) fn ecdhe(shared: &[u8]) -> Self {
        Self(Zeroizing::new(shared.to_vec()))
    }

    /// PSK: zeros as long as the key stand where another exchange would put its secret (RFC 4279 section 2).
    pub(crate) fn psk(key: &[u8]) -> Self {
        Self::two(&vec![0; key.len()], key)
    }

    /// ECDHE_PSK: this shared secret, then the key (RFC 5489 section 2).
    pub(crate) fn with_psk(&self, key: &[u8]) -> Self {
        Self::two(&self.0, key)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    fn two(other: &[u8], key: &[u8]) -> Self {
        // Written once into its final size, so that no reallocation leaves a copy behind.
        let mut out = Vec::with_capacity(4 + other.len() + key.len());
        for part in [other, key] {
            out.extend_from_slice(&(part.len() as u16).to_be_bytes());
            out.extend_from_slice(part);
        }
        Self(Zeroizing::new(out))
    }
}

/// The master secret (RFC 5246 section 8.1), wiped when it is dropped.
#[derive(Clone)]
pub(crate) struct MasterSecret(Zeroizing<[u8; 48]>);

impl MasterSecret {
    /// `label` and `seed` are those of RFC 7627 section 4, or of RFC 5246 without it.
    pub(crate) fn derive(hash: Hash, premaster: &PreMasterSecret, label: &[u8], seed: &[u8]) -> Result<Self, Error> {
        let mut secret = Zeroizing::new([0; 48]);
        prf(hash, premaster.as_bytes(), label, seed, &mut secret[..])?;
        Ok(Self(secret))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0[..]
    }
}
