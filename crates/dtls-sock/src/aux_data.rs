//! What is known of a received datagram besides its bytes.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::SystemTime;

/// Auxiliary data of a received datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RxMeta {
    /// Who sent it.
    pub peer: SocketAddr,
    /// The address it was sent to.
    pub local: Option<IpAddr>,
    /// When it came.
    pub timestamp: Option<SystemTime>,
    /// Its time to live, or hop limit, on arrival.
    pub ttl: Option<u8>,
}

impl RxMeta {
    /// Nothing but the peer is known.
    pub fn of_peer(peer: SocketAddr) -> Self {
        Self { peer, local: None, timestamp: None, ttl: None }
    }
}

impl Default for RxMeta {
    /// An empty place to fill in.
    fn default() -> Self {
        Self::of_peer(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0))
    }
}
