//! What an owner decides once for all its associations.

use std::sync::Arc;
use std::time::Duration;

use crate::crypto::{Group, SecureRandom, SystemRandom};
use crate::suite::Suite;

/// The settings that associations share. Build it with [`Config::default`] and change what differs.
#[derive(Clone)]
pub struct Config {
    /// Suites to offer and to accept, the most preferred first.
    pub suites: Vec<Suite>,
    /// Groups for ephemeral keys, the most preferred first.
    pub groups: Vec<Group>,
    /// Refuse peers without extended_master_secret (RFC 7627).
    pub require_extended_master_secret: bool,
    /// Refuse peers without renegotiation_info (RFC 5746).
    pub require_renegotiation_info: bool,
    /// Ask [`Question::VerifyPeer`](crate::Question::VerifyPeer) for every raw public key, and refuse peers without
    /// one. Otherwise every key that proves itself is accepted.
    pub verify_peer: bool,
    /// The longest datagram of a handshake, in bytes of UDP payload.
    pub max_datagram: usize,
    /// How long to wait before a flight is sent again the first time; each further wait is twice as long.
    pub retransmit_initial: Duration,
    /// The longest such wait (RFC 6347 section 4.2.4.1).
    pub retransmit_max: Duration,
    /// How long a handshake may take from its first message, suspensions included.
    pub handshake_lifetime: Duration,
    /// Bytes that handshake messages may take while they are put together, and records that came too early.
    pub max_reassembly: usize,
    /// Where random bytes come from.
    pub random: Arc<dyn SecureRandom>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            suites: Suite::ALL.to_vec(),
            groups: Group::ALL.to_vec(),
            require_extended_master_secret: true,
            require_renegotiation_info: true,
            verify_peer: false,
            // An IPv6 packet of 1,280 bytes, which every link carries (RFC 8200 section 5).
            max_datagram: 1280 - 40 - 8,
            retransmit_initial: Duration::from_secs(1),
            retransmit_max: Duration::from_secs(60),
            handshake_lifetime: Duration::from_secs(60),
            max_reassembly: 65_536,
            random: Arc::new(SystemRandom),
        }
    }
}

/// The kinds of credential that a handshake can count on: they decide which suites are offered and accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CredentialKinds {
    /// There is a pre-shared key.
    pub psk: bool,
    /// There is a key pair for raw public keys.
    pub ecdsa: bool,
}

impl CredentialKinds {
    /// Whether `suite` can be used with these.
    pub fn allow(self, suite: Suite) -> bool {
        if suite.key_exchange().uses_psk() { self.psk } else { self.ecdsa }
    }
}
