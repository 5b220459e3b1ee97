//! How endpoints and the data about a received message cross, little endian.
//!
//! | endpoint | | message | |
//! |---|---|---|---|
//! | 0 | family: 0, 2 `AF_INET`, 10 `AF_INET6` | 0..40 | endpoint of the sender |
//! | 2..4 | port | 40..80 | endpoint it was sent to |
//! | 4..8 | interface | 80..88 | timestamp: f64, nanoseconds since the Unix epoch |
//! | 8..24 | address | 88 | time to live |
//! | 24..40 | zero | 89 | which of these are known: 1 local, 2 timestamp, 16 time to live |

use std::net::SocketAddr;
use std::time::UNIX_EPOCH;

use dtls_sock::{Family, RxMeta, UdpEp};

/// Bytes of an endpoint.
pub(crate) const EP_LEN: usize = 40;
const META_LEN: usize = 96;

const HAS_LOCAL: u8 = 1;
const HAS_TIMESTAMP: u8 = 2;
const HAS_TTL: u8 = 16;

/// Reads an endpoint; bytes that are too few are one of no family.
pub(crate) fn read_ep(bytes: &[u8]) -> UdpEp {
    let Some(bytes) = bytes.first_chunk::<EP_LEN>() else { return UdpEp::default() };
    let mut ep = UdpEp {
        family: Family(bytes[0]),
        port: u16::from_le_bytes([bytes[2], bytes[3]]),
        netif: u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]),
        ..UdpEp::default()
    };
    ep.addr.copy_from_slice(&bytes[8..24]);
    ep
}

/// The bytes of an endpoint.
pub(crate) fn ep_bytes(ep: &UdpEp) -> [u8; EP_LEN] {
    let mut bytes = [0; EP_LEN];
    bytes[0] = ep.family.0;
    bytes[2..4].copy_from_slice(&ep.port.to_le_bytes());
    bytes[4..8].copy_from_slice(&ep.netif.to_le_bytes());
    bytes[8..24].copy_from_slice(&ep.addr);
    bytes
}

/// Writes an endpoint where there is room for one.
pub(crate) fn write_ep(ep: &UdpEp, out: &mut [u8]) {
    if let Some(out) = out.first_chunk_mut::<EP_LEN>() {
        *out = ep_bytes(ep);
    }
}

/// Writes what is known of a message; `local_port` is that of the sock.
pub(crate) fn write_meta(meta: &RxMeta, local_port: u16, out: &mut [u8]) {
    let Some(out) = out.first_chunk_mut::<META_LEN>() else { return };
    let mut known = 0;
    write_ep(&UdpEp::from_socket_addr(meta.peer), &mut out[..EP_LEN]);
    if let Some(local) = meta.local {
        known |= HAS_LOCAL;
        write_ep(&UdpEp::from_socket_addr(SocketAddr::new(local, local_port)), &mut out[EP_LEN..2 * EP_LEN]);
    }
    if let Some(since) = meta.timestamp.and_then(|at| at.duration_since(UNIX_EPOCH).ok()) {
        known |= HAS_TIMESTAMP;
        out[80..88].copy_from_slice(&(since.as_secs_f64() * 1e9).to_le_bytes());
    }
    if let Some(ttl) = meta.ttl {
        known |= HAS_TTL;
        out[88] = ttl;
    }
    out[89] = known;
}
