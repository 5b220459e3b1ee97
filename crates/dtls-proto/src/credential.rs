//! What proves who a peer is: pre-shared keys (RFC 4279) and raw public keys (RFC 7250).
//!
//! The engine asks for these when a handshake needs them ([`Question`](crate::Question)) and never
//! looks one up itself; which credential answers is its owner's policy.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::crypto;

/// A pre-shared key and the identity it goes by (RFC 4279 section 2).
#[derive(Clone)]
pub struct Psk {
    identity: Box<[u8]>,
    key: Zeroizing<Box<[u8]>>,
}

impl Psk {
    /// Copies `identity` and `key`; the key is wiped when the last copy of this value goes.
    ///
    /// # Errors
    /// [`CredentialError::Length`] unless the identity has at most 65,535 bytes and the key 1 to 65,535: what the
    /// 16-bit length fields of RFC 4279 can carry.
    pub fn new(identity: &[u8], key: &[u8]) -> Result<Self, CredentialError> {
        let limit = usize::from(u16::MAX);
        if identity.len() > limit || key.is_empty() || key.len() > limit {
            return Err(CredentialError::Length);
        }
        Ok(Self { identity: identity.into(), key: Zeroizing::new(key.into()) })
    }

    /// The identity as it is sent in the ClientKeyExchange.
    pub fn identity(&self) -> &[u8] {
        &self.identity
    }

    /// The secret key.
    pub fn key(&self) -> &[u8] {
        &self.key
    }
}

impl fmt::Debug for Psk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Psk").field("identity", &self.identity).finish_non_exhaustive()
    }
}

/// A public key on P-256 (secp256r1), known to be a point of the curve.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicKey([u8; 64]);

impl PublicKey {
    /// The DER that stands before the point in a `SubjectPublicKeyInfo` of id-ecPublicKey on prime256v1 with an
    /// uncompressed point (RFC 5480 section 2); such a structure has exactly one encoding.
    const SPKI_PREFIX: [u8; 27] = [
        0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
        0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
    ];

    /// A key from the two coordinates, 32 bytes each, big-endian.
    ///
    /// # Errors
    /// [`CredentialError::Point`] when they are not a point of the curve.
    pub fn from_coordinates(x: &[u8; 32], y: &[u8; 32]) -> Result<Self, CredentialError> {
        let mut point = [0; 64];
        point[..32].copy_from_slice(x);
        point[32..].copy_from_slice(y);
        let key = Self(point);
        if crypto::is_p256_point(&key.to_sec1()) { Ok(key) } else { Err(CredentialError::Point) }
    }

    /// A key from a DER `SubjectPublicKeyInfo`, as a raw-public-key Certificate message carries it (RFC 7250).
    ///
    /// # Errors
    /// [`CredentialError::Encoding`] unless it is id-ecPublicKey on prime256v1 with an uncompressed point and
    /// nothing behind it; [`CredentialError::Point`] when the point is not on the curve.
    pub fn from_spki(der: &[u8]) -> Result<Self, CredentialError> {
        let point = der.strip_prefix(&Self::SPKI_PREFIX).ok_or(CredentialError::Encoding)?;
        let (x, y) = point.split_first_chunk::<32>().ok_or(CredentialError::Encoding)?;
        Self::from_coordinates(x, y.try_into().map_err(|_| CredentialError::Encoding)?)
    }

    /// The DER `SubjectPublicKeyInfo`, 91 bytes.
    pub fn to_spki(&self) -> [u8; 91] {
        let mut der = [0; 91];
        der[..27].copy_from_slice(&Self::SPKI_PREFIX);
        der[27..].copy_from_slice(&self.0);
        der
    }

    /// The uncompressed point of SEC 1: 0x04, x, y.
    pub fn to_sec1(&self) -> [u8; 65] {
        let mut point = [4; 65];
        point[1..].copy_from_slice(&self.0);
        point
    }

    /// The coordinate x, big-endian.
    pub fn x(&self) -> &[u8] {
        &self.0[..32]
    }

    /// The coordinate y, big-endian.
    pub fn y(&self) -> &[u8] {
        &self.0[32..]
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PublicKey(")?;
        self.0[..8].iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str("..)")
    }
}

/// Signs with ECDSA on P-256 and SHA-256: a private key in memory ([`KeyPair::new`]), or one that never leaves its
/// token.
pub trait Signer: Send + Sync {
    /// The DER-encoded signature of what has this SHA-256 digest.
    ///
    /// # Errors
    /// [`CredentialError::Signing`] when the key cannot be used; the handshake then fails with internal_error.
    fn sign(&self, digest: &[u8; 32]) -> Result<Vec<u8>, CredentialError>;
}

/// Our own raw public key with what signs for it.
#[derive(Clone)]
pub struct KeyPair {
    public: PublicKey,
    signer: Arc<dyn Signer>,
}

impl KeyPair {
    /// A key pair from the private scalar (32 bytes, big-endian) and its public key.
    ///
    /// # Errors
    /// [`CredentialError::Mismatch`] when the scalar is out of range or the public key is not its own.
    pub fn new(private: &[u8; 32], public: PublicKey) -> Result<Self, CredentialError> {
        let signer = crypto::EcdsaSigner::new(private, &public)?;
        Ok(Self { public, signer: Arc::new(signer) })
    }

    /// A key pair whose private half is elsewhere.
    pub fn with_signer(public: PublicKey, signer: Arc<dyn Signer>) -> Self {
        Self { public, signer }
    }

    /// The public key that belongs to a private scalar (32 bytes, big-endian).
    ///
    /// # Errors
    /// [`CredentialError::Mismatch`] when the scalar is zero or not below the order of the curve.
    pub fn derive_public(private: &[u8; 32]) -> Result<PublicKey, CredentialError> {
        crypto::derive_p256_public(private)
    }

    /// The public half, as the peer will see it.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    pub(crate) fn sign(&self, digest: &[u8; 32]) -> Result<Vec<u8>, CredentialError> {
        self.signer.sign(digest)
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyPair").field("public", &self.public).finish_non_exhaustive()
    }
}

/// Why something is not a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialError {
    /// An identity or a key is longer than its length field, or a key is empty.
    #[error("the identity or the key has a length that cannot be sent")]
    Length,
    /// The structure is not a SubjectPublicKeyInfo with an uncompressed P-256 point.
    #[error("not a SubjectPublicKeyInfo with an uncompressed P-256 point")]
    Encoding,
    /// The coordinates are not a point of P-256.
    #[error("the coordinates are not a point of P-256")]
    Point,
    /// The private key is out of range, or the public key is not its own.
    #[error("the private key is out of range or does not belong to the public key")]
    Mismatch,
    /// The private key could not be used.
    #[error("the private key could not sign")]
    Signing,
}
