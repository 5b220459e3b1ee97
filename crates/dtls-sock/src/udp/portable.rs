//! Datagrams where no control messages are read: everything but the sender stays unknown, a source cannot be chosen, and
//! each datagram is a call of its own.

use std::io;
use std::net::SocketAddr;

use tokio::net::UdpSocket;
use tokio::runtime::Handle;

use crate::aux_data::RxMeta;
use crate::endpoint::canonical;
use crate::udp::{Bound, MAX_DATAGRAM, reachable_from};

/// Datagrams a batch holds.
const BATCH: usize = 32;

/// A socket of the system, and waiting for it.
pub(crate) struct Io(UdpSocket);

impl Io {
    pub(crate) fn new(socket: socket2::Socket, runtime: &Handle) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let _entered = runtime.enter();
        Ok(Self(UdpSocket::from_std(socket.into())?))
    }

    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    pub(crate) async fn readable(&self) -> io::Result<()> {
        self.0.readable().await
    }

    pub(crate) async fn writable(&self) -> io::Result<()> {
        self.0.writable().await
    }
}

/// Buffers for received datagrams, used again and again.
pub(crate) struct Batch {
    slots: Vec<(Box<[u8]>, usize, RxMeta)>,
    received: usize,
}

impl Batch {
    pub(crate) fn new() -> Self {
        Self::with_capacity(BATCH)
    }

    pub(crate) fn with_capacity(capacity: usize) -> Self {
        let slot = || (vec![0; MAX_DATAGRAM].into(), 0, RxMeta::default());
        Self { slots: std::iter::repeat_with(slot).take(capacity).collect(), received: 0 }
    }

    /// Receives until the batch is full or nothing is left. Whether it is full; an error only when there was no
    /// datagram at all.
    pub(crate) fn receive(&mut self, socket: &Bound, _watched: bool) -> io::Result<bool> {
        self.received = 0;
        for (buffer, len, meta) in &mut self.slots {
            match socket.io.0.try_recv_from(buffer) {
                Ok((received, from)) => (*len, *meta) = (received, RxMeta::of_peer(canonical(from))),
                Err(error) if self.received == 0 => return Err(error),
                Err(_) => return Ok(false),
            }
            self.received += 1;
        }
        Ok(true)
    }

    /// The datagrams of the last [`Batch::receive`].
    pub(crate) fn datagrams_mut(&mut self) -> impl Iterator<Item = (&mut [u8], &RxMeta)> {
        self.slots[..self.received].iter_mut().map(|(buffer, len, meta)| (&mut buffer[..*len], &*meta))
    }

    /// The only datagram of a batch of one call.
    pub(crate) fn datagrams(&self) -> (&[u8], impl Iterator<Item = &[u8]>, &RxMeta) {
        let (buffer, len, meta) = &self.slots[0];
        (&buffer[..*len], std::iter::empty(), meta)
    }
}

/// Nothing to ask for here.
pub(super) fn request_aux_data(_: &socket2::Socket, _: bool) {}

/// It cannot cut a buffer into datagrams.
pub(super) fn can_segment(_: &socket2::Socket) -> bool {
    false
}

impl Bound {
    /// Datagrams come one by one.
    #[allow(clippy::unused_self, reason = "the other platform's socket is needed")]
    pub(super) fn coalesce(&self, _: bool) {}

    /// Sends now, or says that it would block.
    pub(crate) fn send(&self, datagram: &[u8], to: SocketAddr, source: Option<SocketAddr>) -> io::Result<usize> {
        if source.is_some() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let socket = socket2::SockRef::from(&self.io.0);
        if self.connected {
            socket.send(datagram)
        } else {
            socket.send_to(datagram, &reachable_from(to, self.ipv6).into())
        }
    }

    /// Datagrams leave one by one.
    #[allow(clippy::unused_self, reason = "the other platform's socket is needed")]
    pub(crate) fn run_length(&self, _: usize, datagrams: &[(usize, SocketAddr)]) -> usize {
        datagrams.len().min(1)
    }

    /// Never called, as there are no runs.
    #[allow(clippy::unused_self, reason = "the other platform's socket is needed")]
    pub(crate) fn send_run(&self, _: &[u8], _: usize, _: SocketAddr) -> io::Result<usize> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
