//! Ephemeral Diffie-Hellman on the groups of RFC 8422.

use std::fmt;

use aws_lc_rs::agreement::{self, ECDH_P256, PrivateKey, PublicKey, UnparsedPublicKey, X25519};
use zeroize::Zeroizing;

use crate::crypto::{PreMasterSecret, SecureRandom};
use crate::error::Error;

/// A group for ephemeral keys (RFC 8422 section 5.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Group {
    /// NIST P-256.
    Secp256r1,
    /// Curve25519 (RFC 7748).
    X25519,
}

impl Group {
    /// All groups, the default order of preference: what constrained devices have first.
    pub const ALL: [Self; 2] = [Self::Secp256r1, Self::X25519];

    /// The number in the supported_groups registry.
    pub fn id(self) -> u16 {
        match self {
            Self::Secp256r1 => 23,
            Self::X25519 => 29,
        }
    }

    /// The group with this number, if it is one of these.
    pub fn from_id(id: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|group| group.id() == id)
    }

    fn algorithm(self) -> &'static agreement::Algorithm {
        match self {
            Self::Secp256r1 => &ECDH_P256,
            Self::X25519 => &X25519,
        }
    }
}

/// Our ephemeral key of one handshake.
pub(crate) struct KeyExchange {
    group: Group,
    private: PrivateKey,
    public: PublicKey,
}

impl KeyExchange {
    /// A fresh key from the random source that was handed in.
    pub(crate) fn generate(group: Group, random: &dyn SecureRandom) -> Result<Self, Error> {
        // A scalar of P-256 is out of range once in 2^32 draws; a broken source must not keep us here.
        const DRAWS: usize = 8;
        let mut scalar = Zeroizing::new([0; 32]);
        for _ in 0..DRAWS {
            random.fill(&mut scalar[..])?;
            if let Ok(private) = PrivateKey::from_private_key(group.algorithm(), &scalar[..]) {
                let public = private.compute_public_key()?;
                return Ok(Self { group, private, public });
            }
        }
        Err(Error::Crypto)
    }

    pub(crate) fn group(&self) -> Group {
        self.group
    }

    /// Our share as it is sent: an uncompressed point, or the 32 bytes of RFC 7748.
    pub(crate) fn public(&self) -> &[u8] {
        self.public.as_ref()
    }

    /// The shared secret with the peer's share. A point that is not on the curve, and an all-zero result
    /// (RFC 8422 section 5.11), are refused.
    pub(crate) fn agree(&self, peer: &[u8]) -> Result<PreMasterSecret, Error> {
        let refused = Error::IllegalParameter("the key share is not a valid point");
        if self.group == Group::Secp256r1 && peer.first() != Some(&4) {
            return Err(refused);
        }
        let peer = UnparsedPublicKey::new(self.group.algorithm(), peer);
        agreement::agree(&self.private, peer, refused, |shared| Ok(PreMasterSecret::ecdhe(shared)))
    }
}

impl fmt::Debug for KeyExchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyExchange").field("group", &self.group).finish_non_exhaustive()
    }
}
