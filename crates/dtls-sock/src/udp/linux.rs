//! Datagrams with their auxiliary data on Linux: `recvmsg` and `sendmsg` with control messages.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::os::fd::{AsFd, AsRawFd};
use std::time::{Duration, SystemTime};

use nix::libc;
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, sendmsg, setsockopt, sockopt,
};
use tokio::io::Interest;

use crate::aux_data::RxMeta;
use crate::endpoint::canonical;
use crate::udp::{Bound, MAX_DATAGRAM, reachable_from};

/// Datagrams a batch holds.
const BATCH: usize = 32;

/// Buffers for received datagrams, used again and again.
pub(crate) struct Batch {
    slots: Vec<Slot>,
    control: Vec<u8>,
}

struct Slot {
    buffer: Box<[u8]>,
    len: usize,
    meta: RxMeta,
}

impl Batch {
    pub(crate) fn new() -> Self {
        Self::with_capacity(BATCH)
    }

    pub(crate) fn with_capacity(capacity: usize) -> Self {
        let slot = || Slot { buffer: vec![0; MAX_DATAGRAM].into(), len: 0, meta: RxMeta::default() };
        let control = nix::cmsg_space!(libc::in6_pktinfo, libc::in_pktinfo, libc::timespec, libc::c_int, libc::c_int);
        Self { slots: std::iter::repeat_with(slot).take(capacity).collect(), control }
    }

    /// Receives until the batch is full or nothing is left; an error only when there was no datagram at all.
    pub(crate) fn receive(&mut self, socket: &Bound) -> io::Result<usize> {
        socket.io.try_io(Interest::READABLE, || {
            for index in 0..self.slots.len() {
                if let Err(error) = self.receive_one(index, socket) {
                    // Only an error that stands alone may clear the readiness.
                    return if index == 0 { Err(error) } else { Ok(index) };
                }
            }
            Ok(self.slots.len())
        })
    }

    /// A datagram of the last [`Batch::receive`].
    pub(crate) fn datagram_mut(&mut self, index: usize) -> (&mut [u8], &RxMeta) {
        let slot = &mut self.slots[index];
        (&mut slot.buffer[..slot.len], &slot.meta)
    }

    fn receive_one(&mut self, index: usize, socket: &Bound) -> io::Result<()> {
        let slot = &mut self.slots[index];
        let mut iov = [IoSliceMut::new(&mut slot.buffer)];
        let flags = MsgFlags::MSG_DONTWAIT;
        let message = recvmsg::<SockaddrStorage>(socket.io.as_raw_fd(), &mut iov, Some(&mut self.control), flags)?;
        let address = message.address.as_ref().and_then(socket_addr).ok_or(io::ErrorKind::InvalidData)?;
        let mut meta = RxMeta::of_peer(canonical(address));
        for control in message.cmsgs()? {
            match control {
                ControlMessageOwned::Ipv4PacketInfo(info) => {
                    meta.local = Some(IpAddr::V4(Ipv4Addr::from(u32::from_be(info.ipi_addr.s_addr))));
                }
                ControlMessageOwned::Ipv6PacketInfo(info) => {
                    meta.local = Some(Ipv6Addr::from(info.ipi6_addr.s6_addr).to_canonical());
                }
                ControlMessageOwned::ScmTimestampns(time) => {
                    let since = Duration::from(time);
                    meta.timestamp = SystemTime::UNIX_EPOCH.checked_add(since);
                }
                ControlMessageOwned::Ipv4Ttl(ttl) | ControlMessageOwned::Ipv6HopLimit(ttl) => {
                    meta.ttl = u8::try_from(ttl).ok();
                }
                _ => {}
            }
        }
        let len = message.bytes;
        slot.len = len;
        slot.meta = meta;
        Ok(())
    }
}

/// Asks the system for the auxiliary data of received datagrams; a kernel that lacks one delivers the rest.
pub(super) fn request_aux_data(socket: &impl AsFd, ipv6: bool) {
    // The IPv4 options also count for IPv4 peers of a dual-stack socket.
    let _ = setsockopt(socket, sockopt::ReceiveTimestampns, &true);
    let _ = setsockopt(socket, sockopt::Ipv4RecvTtl, &true);
    if ipv6 {
        let _ = setsockopt(socket, sockopt::Ipv6RecvHopLimit, &true);
        let _ = setsockopt(socket, sockopt::Ipv6RecvPacketInfo, &true);
    } else {
        let _ = setsockopt(socket, sockopt::Ipv4PacketInfo, &true);
    }
}

impl Bound {
    /// Sends now, or says that it would block.
    pub(super) fn send(&self, datagram: &[u8], to: SocketAddr, source: Option<SocketAddr>) -> io::Result<usize> {
        let to = reachable_from(to, self.ipv6);
        let Some(source) = source else {
            let socket = socket2::SockRef::from(&self.io);
            return if self.connected { socket.send(datagram) } else { socket.send_to(datagram, &to.into()) };
        };
        let address = (!self.connected).then(|| SockaddrStorage::from(to));
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
        let (fd, iov) = (self.io.as_raw_fd(), [IoSlice::new(datagram)]);
        Ok(sendmsg(fd, &iov, &[control], MsgFlags::MSG_DONTWAIT, address.as_ref())?)
    }
}

fn socket_addr(address: &SockaddrStorage) -> Option<SocketAddr> {
    if let Some(v4) = address.as_sockaddr_in() {
        return Some(SocketAddr::new(IpAddr::V4(v4.ip()), v4.port()));
    }
    let v6 = address.as_sockaddr_in6()?;
    Some(SocketAddrV6::new(v6.ip(), v6.port(), 0, v6.scope_id()).into())
}
