//! Sending on Linux: one datagram, one from a chosen source, or many at once (UDP_SEGMENT).

use std::io::{self, IoSlice};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::Ordering;

use nix::libc;
use nix::sys::socket::{ControlMessage, MsgFlags, SockaddrStorage, sendmsg};

use crate::udp::{Bound, reachable_from};

/// Datagrams that the kernel cuts one buffer into at the most.
const MAX_SEGMENTS: usize = 64;
/// Bytes of them together that fit one IP packet as the kernel counts.
const MAX_SEGMENTED: usize = 65_000;
/// Longer datagrams than fit an Ethernet frame are not cut, as the kernel would refuse to.
const MAX_SEGMENT: usize = 1472;

impl Bound {
    /// Sends now, or says that it would block.
    pub(crate) fn send(&self, datagram: &[u8], to: SocketAddr, source: Option<SocketAddr>) -> io::Result<usize> {
        let to = reachable_from(to, self.ipv6);
        let Some(source) = source else {
            let socket = self.io.socket();
            return if self.connected { socket.send(datagram) } else { socket.send_to(datagram, &to.into()) };
        };
        let (v4, v6);
        let control = match (reachable_from(source, self.ipv6).ip(), self.ipv6) {
            (IpAddr::V4(ip), false) => {
                let nowhere = libc::in_addr { s_addr: 0 };
                let spec = libc::in_addr { s_addr: u32::from(ip).to_be() };
                v4 = libc::in_pktinfo { ipi_ifindex: 0, ipi_spec_dst: spec, ipi_addr: nowhere };
                ControlMessage::Ipv4PacketInfo(&v4)
            }
            (IpAddr::V6(ip), true) => {
                let scope = if let SocketAddr::V6(source) = source { source.scope_id() } else { 0 };
                v6 = libc::in6_pktinfo { ipi6_addr: libc::in6_addr { s6_addr: ip.octets() }, ipi6_ifindex: scope };
                ControlMessage::Ipv6PacketInfo(&v6)
            }
            _ => return Err(io::ErrorKind::InvalidInput.into()),
        };
        self.send_with(control, datagram, to)
    }

    /// How many of the datagrams that begin `bytes` can leave in one call: a run to the same peer, of the same length but
    /// for a shorter last one. `datagrams` are their ends in `bytes`, which begins at `start`, and their peers.
    pub(crate) fn run_length(&self, start: usize, datagrams: &[(usize, SocketAddr)]) -> usize {
        let Some((first_end, peer)) = datagrams.first() else { return 0 };
        let length = first_end - start;
        if length == 0 || length > MAX_SEGMENT || !self.segments.load(Ordering::Relaxed) {
            return 1;
        }
        let (mut count, mut begin) = (0, start);
        for (end, other) in datagrams.iter().take(MAX_SEGMENTS) {
            if other != peer || end - begin > length || end - start > MAX_SEGMENTED {
                break;
            }
            count += 1;
            if end - begin < length {
                break;
            }
            begin = *end;
        }
        count
    }

    /// Sends `bytes` as datagrams of `length` bytes each, the last perhaps a shorter one. An error says that none was sent.
    pub(crate) fn send_run(&self, bytes: &[u8], length: usize, to: SocketAddr) -> io::Result<usize> {
        let segment = u16::try_from(length).map_err(|_| io::ErrorKind::InvalidInput)?;
        let sent = self.send_with(ControlMessage::UdpGsoSegments(&segment), bytes, reachable_from(to, self.ipv6));
        if let Err(error) = &sent
            && matches!(error.raw_os_error(), Some(libc::EIO | libc::EINVAL | libc::EMSGSIZE))
        {
            // The way to this peer cannot do it: a device without checksums, a narrow link. One by one from now on.
            self.segments.store(false, Ordering::Relaxed);
        }
        sent
    }

    fn send_with(&self, control: ControlMessage<'_>, bytes: &[u8], to: SocketAddr) -> io::Result<usize> {
        let address = (!self.connected).then(|| SockaddrStorage::from(to));
        let (fd, iov) = (self.io.raw_fd(), [IoSlice::new(bytes)]);
        Ok(sendmsg(fd, &iov, &[control], MsgFlags::MSG_DONTWAIT, address.as_ref())?)
    }
}
