//! The cipher suites, as data.

use std::fmt;

use crate::crypto::{AeadAlgorithm, Hash};
use crate::record::HEADER_LEN;

/// How the peers come to a premaster secret and who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyExchangeKind {
    /// A pre-shared key alone (RFC 4279).
    Psk,
    /// A pre-shared key with ephemeral Diffie-Hellman (RFC 5489).
    EcdhePsk,
    /// Ephemeral Diffie-Hellman, signed with ECDSA (RFC 8422).
    EcdheEcdsa,
}

impl KeyExchangeKind {
    /// Whether a pre-shared key takes part.
    pub fn uses_psk(self) -> bool {
        matches!(self, Self::Psk | Self::EcdhePsk)
    }

    /// Whether ephemeral keys give forward secrecy.
    pub fn uses_ecdhe(self) -> bool {
        matches!(self, Self::EcdhePsk | Self::EcdheEcdsa)
    }
}

/// A cipher suite.
#[derive(Clone, Copy)]
pub struct Suite(&'static Parameters);

struct Parameters {
    id: u16,
    name: &'static str,
    key_exchange: KeyExchangeKind,
    aead: AeadAlgorithm,
    hash: Hash,
}

macro_rules! suites {
    ($($rfc:literal $name:ident = $id:literal, $kx:ident, $aead:ident, $hash:ident;)+) => {
        impl Suite {
            $(
                #[doc = concat!("Defined in ", $rfc, ".")]
                pub const $name: Self = Self(&Parameters {
                    id: $id,
                    name: concat!("TLS_", stringify!($name)),
                    key_exchange: KeyExchangeKind::$kx,
                    aead: AeadAlgorithm::$aead,
                    hash: Hash::$hash,
                });
            )+

            /// Every suite, in the default order of preference: forward secrecy first, then the speed of the AEAD
            /// on a machine with AES instructions, the long tag before the short one.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];
        }
    };
}

suites! {
    "RFC 5289" ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 = 0xc02b, EcdheEcdsa, Aes128Gcm, Sha256;
    "RFC 8442" ECDHE_PSK_WITH_AES_128_GCM_SHA256 = 0xd001, EcdhePsk, Aes128Gcm, Sha256;
    "RFC 5289" ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 = 0xc02c, EcdheEcdsa, Aes256Gcm, Sha384;
    "RFC 7905" ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 = 0xcca9, EcdheEcdsa, ChaCha20Poly1305, Sha256;
    "RFC 7905" ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256 = 0xccac, EcdhePsk, ChaCha20Poly1305, Sha256;
    "RFC 7251" ECDHE_ECDSA_WITH_AES_128_CCM = 0xc0ac, EcdheEcdsa, Aes128Ccm, Sha256;
    "RFC 7251" ECDHE_ECDSA_WITH_AES_128_CCM_8 = 0xc0ae, EcdheEcdsa, Aes128Ccm8, Sha256;
    "RFC 8442" ECDHE_PSK_WITH_AES_128_CCM_8_SHA256 = 0xd003, EcdhePsk, Aes128Ccm8, Sha256;
    "RFC 5487" PSK_WITH_AES_128_GCM_SHA256 = 0x00a8, Psk, Aes128Gcm, Sha256;
    "RFC 5487" PSK_WITH_AES_256_GCM_SHA384 = 0x00a9, Psk, Aes256Gcm, Sha384;
    "RFC 7905" PSK_WITH_CHACHA20_POLY1305_SHA256 = 0xccab, Psk, ChaCha20Poly1305, Sha256;
    "RFC 6655" PSK_WITH_AES_128_CCM = 0xc0a4, Psk, Aes128Ccm, Sha256;
    "RFC 6655" PSK_WITH_AES_256_CCM = 0xc0a5, Psk, Aes256Ccm, Sha256;
    "RFC 6655" PSK_WITH_AES_128_CCM_8 = 0xc0a8, Psk, Aes128Ccm8, Sha256;
    "RFC 6655" PSK_WITH_AES_256_CCM_8 = 0xc0a9, Psk, Aes256Ccm8, Sha256;
}

impl Suite {
    /// The signalling value for renegotiation_info (RFC 5746 section 3.3); no suite.
    pub(crate) const EMPTY_RENEGOTIATION_INFO_SCSV: u16 = 0x00ff;

    /// The suite with this number, if it is one of [`Suite::ALL`].
    pub fn from_id(id: u16) -> Option<Self> {
        Self::ALL.iter().copied().find(|suite| suite.id() == id)
    }

    /// The suite with this name (`"TLS_PSK_WITH_AES_128_CCM_8"`), if it is one of [`Suite::ALL`].
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|suite| suite.name() == name)
    }

    /// The number in the registry of cipher suites.
    pub fn id(self) -> u16 {
        self.0.id
    }

    /// The name in the registry of cipher suites.
    pub fn name(self) -> &'static str {
        self.0.name
    }

    /// The key exchange.
    pub fn key_exchange(self) -> KeyExchangeKind {
        self.0.key_exchange
    }

    /// Bytes that a record has beyond the message in it: header, explicit nonce and tag.
    pub fn record_overhead(self) -> usize {
        HEADER_LEN + self.0.aead.explicit_nonce_len() + self.0.aead.tag_len()
    }

    pub(crate) fn aead(self) -> AeadAlgorithm {
        self.0.aead
    }

    pub(crate) fn hash(self) -> Hash {
        self.0.hash
    }
}

impl PartialEq for Suite {
    fn eq(&self, other: &Self) -> bool {
        self.id() == other.id()
    }
}

impl Eq for Suite {}

impl fmt::Debug for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_find_their_suite_and_are_unique() {
        for suite in Suite::ALL {
            assert_eq!(Suite::from_id(suite.id()), Some(*suite));
            assert_eq!(Suite::from_name(suite.name()), Some(*suite));
        }
        assert_eq!(Suite::from_id(Suite::EMPTY_RENEGOTIATION_INFO_SCSV), None);
    }

    #[test]
    fn the_default_order_puts_forward_secrecy_first() {
        let first_without = Suite::ALL.iter().position(|suite| !suite.key_exchange().uses_ecdhe()).unwrap();
        assert!(Suite::ALL[first_without..].iter().all(|suite| !suite.key_exchange().uses_ecdhe()));
    }
}
