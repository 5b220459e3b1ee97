//! The settings of a DTLS sock, with their defaults.

use std::sync::Arc;
use std::time::Duration;

use dtls_proto::{Config, Group, Suite};

use crate::engine::Engine;

/// Bytes of IPv6 and UDP header that stand in an MTU.
const PACKET_HEADERS: usize = 40 + 8;

/// The settings of a DTLS sock.
#[derive(Clone, Debug)]
pub struct Options {
    /// What runs handshakes and records; `None` is the native engine, `dtls-proto`.
    pub engine: Option<Arc<dyn Engine>>,
    /// Accept only raw public keys that stand in `client_keys` of the sock's ECDSA credentials.
    pub verify_public_key: bool,
    /// Refuse peers without extended_master_secret (RFC 7627).
    pub force_extended_master_secret: bool,
    /// Refuse peers without renegotiation_info (RFC 5746).
    pub force_renegotiation_info: bool,
    /// Suites to offer and to accept, the most preferred first.
    pub suites: Vec<Suite>,
    /// Groups for ephemeral keys, the most preferred first.
    pub groups: Vec<Group>,
    /// The longest IP packet to send, in bytes: messages that do not fit are refused, handshake flights are cut to
    /// it. `None`: messages may be as long as a record, flights are cut to 1,280 bytes.
    pub mtu: Option<usize>,
    /// Sessions a sock has at once, handshakes included.
    pub max_sessions: usize,
    /// Handshakes that peers have begun and not completed, over all peers.
    pub max_handshakes: usize,
    /// The same for one IP address.
    pub max_handshakes_per_address: usize,
    /// How long a handshake may take.
    pub handshake_lifetime: Duration,
    /// How long to wait before a flight is sent again the first time.
    pub retransmit: Duration,
    /// The longest such wait.
    pub retransmit_max: Duration,
    /// Bytes a handshake may have in reassembly.
    pub max_reassembly: usize,
    /// Messages the receive queue holds.
    pub recv_queue_messages: usize,
    /// Bytes the messages in the receive queue may have together.
    pub recv_queue_bytes: usize,
    /// Bytes a PSK identity hint may have.
    pub max_hint_length: usize,
    /// Whether the owner of the sock reads from the UDP sock, with
    /// [`DtlsSock::receive`](crate::DtlsSock::receive) whenever that can be read, rather than a task of the runtime.
    pub caller_reads: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            engine: None,
            verify_public_key: false,
            force_extended_master_secret: true,
            force_renegotiation_info: true,
            suites: Suite::ALL.to_vec(),
            groups: Group::ALL.to_vec(),
            mtu: None,
            max_sessions: 65_536,
            max_handshakes: 4_096,
            max_handshakes_per_address: 64,
            handshake_lifetime: Duration::from_secs(60),
            retransmit: Duration::from_secs(1),
            retransmit_max: Duration::from_secs(60),
            max_reassembly: 65_536,
            recv_queue_messages: 4_096,
            recv_queue_bytes: 8 * 1024 * 1024,
            max_hint_length: 32,
            caller_reads: false,
        }
    }
}

impl Options {
    /// The longest datagram that fits [`Options::mtu`], if that is set.
    pub fn max_datagram(&self) -> Option<usize> {
        self.mtu.map(|mtu| mtu.saturating_sub(PACKET_HEADERS))
    }

    /// The native engine's part of the settings.
    pub(crate) fn config(&self) -> Arc<Config> {
        let defaults = Config::default();
        Arc::new(Config {
            suites: self.suites.clone(),
            groups: self.groups.clone(),
            require_extended_master_secret: self.force_extended_master_secret,
            require_renegotiation_info: self.force_renegotiation_info,
            verify_peer: self.verify_public_key,
            max_datagram: self.max_datagram().unwrap_or(defaults.max_datagram),
            retransmit_initial: self.retransmit,
            retransmit_max: self.retransmit_max,
            handshake_lifetime: self.handshake_lifetime,
            max_reassembly: self.max_reassembly,
            random: defaults.random,
        })
    }
}
