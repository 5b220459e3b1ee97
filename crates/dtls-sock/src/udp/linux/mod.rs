//! Datagrams with their auxiliary data on Linux: `recvmsg` with control messages, and with segments put together by the
//! kernel (UDP_GRO).

mod io;
mod send;

use std::io::IoSliceMut;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::os::fd::AsFd;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use nix::libc;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt};

use socket2::{Domain, Socket, Type};

use crate::aux_data::RxMeta;
use crate::endpoint::canonical;
use crate::udp::{Bound, MAX_DATAGRAM};

pub(crate) use io::Io;

/// Calls of the system that a batch holds the result of.
const BATCH: usize = 32;
/// Datagrams after which a batch is full: one call may bring 64 of them.
const MAX_BATCH_DATAGRAMS: usize = 256;

/// Buffers for received datagrams, used again and again.
pub(crate) struct Batch {
    slots: Vec<Slot>,
    control: Vec<u8>,
    received: usize,
}

/// What one call has received: datagrams of one peer, each `stride` bytes long but for the last.
struct Slot {
    buffer: Box<[u8]>,
    len: usize,
    stride: usize,
    meta: RxMeta,
}

impl Batch {
    pub(crate) fn new() -> Self {
        Self::with_capacity(BATCH)
    }

    pub(crate) fn with_capacity(capacity: usize) -> Self {
        let slot = || Slot { buffer: vec![0; MAX_DATAGRAM].into(), len: 0, stride: 1, meta: RxMeta::default() };
        let control = nix::cmsg_space!(
            libc::in6_pktinfo,
            libc::in_pktinfo,
            libc::timespec,
            libc::c_int,
            libc::c_int,
            libc::c_int
        );
        Self { slots: std::iter::repeat_with(slot).take(capacity).collect(), control, received: 0 }
    }

    /// Receives until the batch is full or nothing is left. Whether it is full; an error only when there was no
    /// datagram at all. `watched`: by the runtime, which is told when nothing is left.
    pub(crate) fn receive(&mut self, socket: &Bound, watched: bool) -> std::io::Result<bool> {
        self.received = 0;
        let mut datagrams = 0;
        let mut receive = || {
            while self.received < self.slots.len() && datagrams < MAX_BATCH_DATAGRAMS {
                datagrams += self.receive_one(socket)?;
            }
            Ok(true)
        };
        let received = if watched { socket.io.try_read(receive) } else { receive() };
        // The error that ended the batch belongs to the next one, should it still stand then.
        if self.received > 0 { Ok(received.unwrap_or(false)) } else { received }
    }

    /// The datagrams of the last [`Batch::receive`].
    pub(crate) fn datagrams_mut(&mut self) -> impl Iterator<Item = (&mut [u8], &RxMeta)> {
        self.slots[..self.received].iter_mut().flat_map(|Slot { buffer, len, stride, meta }| {
            let meta = &*meta;
            buffer[..*len].chunks_mut(*stride).map(move |datagram| (datagram, meta))
        })
    }

    /// The first datagram of a batch of one call, and those that the call brought behind it.
    pub(crate) fn datagrams(&self) -> (&[u8], impl Iterator<Item = &[u8]>, &RxMeta) {
        let Slot { buffer, len, stride, meta } = &self.slots[0];
        let (first, rest) = buffer[..*len].split_at((*stride).min(*len));
        (first, rest.chunks(*stride), meta)
    }

    /// Receives once: how many datagrams.
    fn receive_one(&mut self, socket: &Bound) -> std::io::Result<usize> {
        let slot = &mut self.slots[self.received];
        let mut iov = [IoSliceMut::new(&mut slot.buffer)];
        let flags = MsgFlags::MSG_DONTWAIT;
        let message = recvmsg::<SockaddrStorage>(socket.io.raw_fd(), &mut iov, Some(&mut self.control), flags)?;
        let address = message.address.as_ref().and_then(socket_addr).ok_or(std::io::ErrorKind::InvalidData)?;
        let mut meta = RxMeta::of_peer(canonical(address));
        let mut stride = message.bytes;
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
                ControlMessageOwned::UdpGroSegments(length) => stride = usize::try_from(length).unwrap_or(stride),
                _ => {}
            }
        }
        (slot.len, slot.stride, slot.meta) = (message.bytes, stride.max(1), meta);
        self.received += 1;
        Ok(slot.len.div_ceil(slot.stride))
    }
}

/// Keeps on what the kernel changes its own code for, on all processors, when the first socket asks for it and when the last
/// one is gone: a socket that has both options and is never closed. Each socket alone would pay 100 us.
fn hold_options() {
    static HOLDER: OnceLock<Option<Socket>> = OnceLock::new();
    HOLDER.get_or_init(|| {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, None).ok()?;
        let _ = setsockopt(&socket, sockopt::ReceiveTimestampns, &true);
        let _ = setsockopt(&socket, sockopt::UdpGroSegment, &true);
        Some(socket)
    });
}

/// Asks the system for the auxiliary data of received datagrams; a kernel that lacks one delivers the rest.
pub(super) fn request_aux_data(socket: &impl AsFd, ipv6: bool) {
    hold_options();
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
    /// Whether the system may hand over several datagrams of one peer at once. A kernel that cannot goes on one by one.
    pub(super) fn coalesce(&self, on: bool) {
        let _ = setsockopt(self.io.socket(), sockopt::UdpGroSegment, &on);
    }
}

/// Whether the system can cut a buffer into datagrams. One that does not know the option would send it as one.
pub(super) fn can_segment(socket: &impl AsFd) -> bool {
    setsockopt(socket, sockopt::UdpGsoSegment, &0).is_ok()
}

fn socket_addr(address: &SockaddrStorage) -> Option<SocketAddr> {
    if let Some(v4) = address.as_sockaddr_in() {
        return Some(SocketAddr::new(IpAddr::V4(v4.ip()), v4.port()));
    }
    let v6 = address.as_sockaddr_in6()?;
    Some(SocketAddrV6::new(v6.ip(), v6.port(), 0, v6.scope_id()).into())
}
