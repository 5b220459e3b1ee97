//! Datagrams where no control messages are read: everything but the sender stays unknown, and a source cannot be
//! chosen.

use std::io;
use std::net::SocketAddr;

use crate::aux_data::RxMeta;
use crate::endpoint::canonical;
use crate::udp::{Bound, MAX_DATAGRAM, reachable_from};

/// Datagrams a batch holds.
const BATCH: usize = 32;

/// Buffers for received datagrams, used again and again.
pub(crate) struct Batch(Vec<(Box<[u8]>, usize, RxMeta)>);

impl Batch {
    pub(crate) fn new() -> Self {
        Self::with_capacity(BATCH)
    }

    pub(crate) fn with_capacity(capacity: usize) -> Self {
        let slot = || (vec![0; MAX_DATAGRAM].into(), 0, RxMeta::default());
        Self(std::iter::repeat_with(slot).take(capacity).collect())
    }

    /// Receives until the batch is full or nothing is left; an error only when there was no datagram at all.
    pub(crate) fn receive(&mut self, socket: &Bound) -> io::Result<usize> {
        for (index, (buffer, len, meta)) in self.0.iter_mut().enumerate() {
            match socket.io.try_recv_from(buffer) {
                Ok((received, from)) => (*len, *meta) = (received, RxMeta::of_peer(canonical(from))),
                Err(error) if index == 0 => return Err(error),
                Err(_) => return Ok(index),
            }
        }
        Ok(self.0.len())
    }

    /// A datagram of the last [`Batch::receive`].
    pub(crate) fn datagram_mut(&mut self, index: usize) -> (&mut [u8], &RxMeta) {
        let (buffer, len, meta) = &mut self.0[index];
        (&mut buffer[..*len], meta)
    }
}

/// Nothing to ask for here.
pub(super) fn request_aux_data(_: &socket2::Socket, _: bool) {}

impl Bound {
    /// Sends now, or says that it would block.
    pub(super) fn send(&self, datagram: &[u8], to: SocketAddr, source: Option<SocketAddr>) -> io::Result<usize> {
        if source.is_some() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let socket = socket2::SockRef::from(&self.io);
        if self.connected {
            socket.send(datagram)
        } else {
            socket.send_to(datagram, &reachable_from(to, self.ipv6).into())
        }
    }
}
