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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::from_hex;

    fn assert_prf(hash: Hash, secret: &str, seed: &str, expected: &str) {
        let expected = from_hex(expected);
        let mut out = vec![0; expected.len()];
        prf(hash, &from_hex(secret), b"test label", &from_hex(seed), &mut out).unwrap();
        assert_eq!(out, expected);
    }

    // The vectors that the TLS working group's list published for RFC 5246.
    #[test]
    fn the_prf_with_sha_256_gives_the_published_bytes() {
        assert_prf(
            Hash::Sha256,
            "9bbe436ba940f017b17652849a71db35",
            "a0ba9f936cda311827a6f796ffd5198c",
            "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e14baf9af
             0fa022f7077def17abfd3797c0564bab4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff701
             87347b66",
        );
    }

    #[test]
    fn the_prf_with_sha_384_gives_the_published_bytes() {
        assert_prf(
            Hash::Sha384,
            "b80b733d6ceefcdc71566ea48e5567df",
            "cd665cf6a8447dd6ff8b27555edb7465",
            "7b0c18e9ced410ed1804f2cfa34a336a1c14dffb4900bb5fd7942107e81c83cde9ca0faa60be9fe34f82b1233c9146a0
             e534cb400fed2700884f9dc236f80edd8bfa961144c9e8d792eca722a7b32fc3d416d473ebc2c5fd4abfdad05d918425
             9b5bf8cd4d90fa0d31e2dec479e4f1a26066f2eea9a69236a3e52655c9e9aee691c8f3a26854308d5eaa3be85e099070
             3d73e56f",
        );
    }

    #[test]
    fn premaster_secrets_have_the_layouts_of_the_rfcs() {
        assert_eq!(PreMasterSecret::psk(b"key").as_bytes(), b"\0\x03\0\0\0\0\x03key");
        assert_eq!(PreMasterSecret::psk(b"").as_bytes(), [0; 4]);
        let shared = PreMasterSecret::ecdhe(b"shared");
        assert_eq!(shared.as_bytes(), b"shared");
        assert_eq!(shared.with_psk(b"key").as_bytes(), b"\0\x06shared\0\x03key");
    }
}
