//! The UDP sock: RIOT's `net/sock/udp.h` in Rust.

#[cfg_attr(target_os = "linux", path = "linux/mod.rs")]
#[cfg_attr(not(target_os = "linux"), path = "portable.rs")]
mod socket;

use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};
use tokio::runtime::Handle;
use tokio::sync::Notify;

use crate::aux_data::RxMeta;
use crate::endpoint::{Family, UdpEp};
use crate::errno::{Errno, Result};

pub(crate) use socket::{Batch, Io};

/// `SOCK_FLAGS_REUSE_EP`: other socks may use the same local endpoint.
pub const SOCK_FLAGS_REUSE_EP: u32 = 1;

/// The longest datagram there is.
pub(crate) const MAX_DATAGRAM: usize = 65_535;

/// How long [`UdpSock::close`] waits for others to let go of the socket.
const CLOSE_PATIENCE: Duration = Duration::from_millis(200);

/// Called when a sock can be read or written again after [`Errno::Again`], and when it is closed.
pub type Wake = Arc<dyn Fn() + Send + Sync>;

/// A UDP sock. Clones are the same sock; it is open until [`UdpSock::close`].
#[derive(Clone)]
pub struct UdpSock(Arc<Shared>);

/// A socket of the system with the family it was opened for.
pub(crate) struct Bound {
    io: Io,
    ipv6: bool,
    /// IPv4 itself, or a dual-stack socket.
    ipv4: bool,
    connected: bool,
    /// Whether the system can cut a buffer into datagrams; false once it has refused.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code))]
    segments: AtomicBool,
}

/// A socket that stays open a moment longer than its sock.
pub(crate) struct Held(Arc<Bound>);

impl Held {
    /// Sends one datagram now.
    pub(crate) fn try_send_to(&self, datagram: &[u8], to: SocketAddr) -> Result<usize> {
        Ok(ignoring_the_past(|| self.0.send(datagram, to, None))?)
    }
}

struct Shared {
    runtime: Handle,
    /// `None` while unbound, and after closing.
    socket: RwLock<Option<Arc<Bound>>>,
    remote: Option<SocketAddr>,
    closed: AtomicBool,
    closing: Notify,
    attached: AtomicBool,
    wake: RwLock<Option<Wake>>,
    armed: AtomicBool,
    /// Datagrams that one call brought behind another: a DTLS sock that has let go could take them together.
    behind: Mutex<VecDeque<(Box<[u8]>, RxMeta)>>,
}

/// The right of one DTLS sock to read from a UDP sock; dropping it gives it back.
pub(crate) struct Attachment(Arc<Shared>);

impl Drop for Attachment {
    fn drop(&mut self) {
        if let Some(socket) = &*self.0.socket.read() {
            socket.coalesce(false);
        }
        self.0.attached.store(false, Ordering::Release);
    }
}

impl UdpSock {
    /// Creates a sock on `runtime`. Without `local` it is bound at its first send; with `remote` it only talks to
    /// that endpoint. [`UdpEp::IPV6_ANY`] binds dual-stack.
    ///
    /// # Errors
    /// [`Errno::AddrInUse`]: `local` is in use; [`Errno::AfNoSupport`]: a family is not `AF_INET` or `AF_INET6`;
    /// [`Errno::Inval`]: an endpoint that cannot be used, a `remote` with port 0, different families, or an unknown
    /// flag; [`Errno::NoMem`]: the system has no socket left.
    pub fn create(runtime: &Handle, local: Option<&UdpEp>, remote: Option<&UdpEp>, flags: u32) -> Result<Self> {
        if flags & !SOCK_FLAGS_REUSE_EP != 0 {
            return Err(Errno::Inval);
        }
        let remote_addr = remote.map(UdpEp::to_socket_addr).transpose()?;
        if remote_addr.is_some_and(|addr| addr.port() == 0 || addr.ip().is_unspecified()) {
            return Err(Errno::Inval);
        }
        let bind_to = match (local, remote_addr) {
            (Some(local), _) => Some((local.to_socket_addr()?, local.family)),
            (None, Some(remote)) => Some((any_like(remote), Family::UNSPEC)),
            (None, None) => None,
        };
        let socket = match bind_to {
            Some((addr, family)) => {
                if let Some(remote) = remote_addr
                    && addr.is_ipv4() != remote.is_ipv4()
                    && !(family == Family::INET6 && addr.ip().is_unspecified())
                {
                    return Err(Errno::Inval);
                }
                Some(open(runtime, addr, remote_addr, flags)?)
            }
            None => None,
        };
        Ok(Self(Arc::new(Shared {
            runtime: runtime.clone(),
            socket: RwLock::new(socket),
            remote: remote_addr,
            closed: AtomicBool::new(false),
            closing: Notify::new(),
            attached: AtomicBool::new(false),
            wake: RwLock::default(),
            armed: AtomicBool::new(false),
            behind: Mutex::default(),
        })))
    }

    /// The local endpoint.
    ///
    /// # Errors
    /// [`Errno::AddrNotAvail`] while unbound, or closed.
    pub fn local(&self) -> Result<UdpEp> {
        let socket = self.0.socket.read();
        let addr = socket.as_ref().and_then(|socket| socket.io.local_addr().ok()).ok_or(Errno::AddrNotAvail)?;
        // The unspecified address of a dual-stack sock stays what it is.
        Ok(UdpEp::from_socket_addr(addr))
    }

    /// The remote endpoint.
    ///
    /// # Errors
    /// [`Errno::NotConn`] when the sock was created without one, or is closed.
    pub fn remote(&self) -> Result<UdpEp> {
        match self.0.remote {
            Some(remote) if !self.is_closed() => Ok(UdpEp::from_socket_addr(remote)),
            _ => Err(Errno::NotConn),
        }
    }

    /// Takes the next datagram into `data`: its length, with where it came from in `meta`.
    ///
    /// # Errors
    /// [`Errno::Again`]: nothing there; the wake-up is armed. [`Errno::NoBufs`]: it was longer than `data`, and is
    /// gone. [`Errno::AddrNotAvail`]: unbound; [`Errno::Inval`]: closed, or a DTLS sock reads from it.
    pub fn try_recv(&self, data: &mut [u8], meta: &mut RxMeta) -> Result<usize> {
        self.receive(meta, |received| {
            data.get_mut(..received.len()).ok_or(Errno::NoBufs)?.copy_from_slice(received);
            Ok(received.len())
        })
    }

    /// Takes the next datagram as it is.
    ///
    /// # Errors
    /// Those of [`UdpSock::try_recv`] but for [`Errno::NoBufs`].
    pub fn try_recv_buf(&self, meta: &mut RxMeta) -> Result<Box<[u8]>> {
        self.receive(meta, |received| Ok(received.into()))
    }

    /// Sends the concatenation of `parts`, to `remote` or to the remote endpoint of the sock, from `source` or from
    /// where the system chooses. An unbound sock is bound first.
    ///
    /// # Errors
    /// [`Errno::NotConn`]: no remote endpoint; [`Errno::Inval`]: closed, port 0, an unspecified address, another
    /// remote than the sock's, or a source that is not ours; [`Errno::AfNoSupport`]: the family;
    /// [`Errno::HostUnreach`], [`Errno::AddrInUse`], [`Errno::NoMem`], [`Errno::MsgSize`] as the system says;
    /// [`Errno::Again`]: the socket buffer is full; the wake-up is armed.
    pub fn try_send(&self, parts: &[&[u8]], remote: Option<&UdpEp>, source: Option<&UdpEp>) -> Result<usize> {
        if self.is_closed() {
            return Err(Errno::Inval);
        }
        let to = match (remote.map(UdpEp::to_socket_addr).transpose()?, self.0.remote) {
            (Some(to), Some(connected)) if to != connected => return Err(Errno::Inval),
            (Some(to), _) | (None, Some(to)) => to,
            (None, None) => return Err(Errno::NotConn),
        };
        if to.port() == 0 || to.ip().is_unspecified() {
            return Err(Errno::Inval);
        }
        let source = source.map(UdpEp::to_socket_addr).transpose()?;
        self.bind_for(to)?;
        let sent = match parts {
            [whole] => self.try_send_to(whole, to, source),
            _ => self.try_send_to(&parts.concat(), to, source),
        };
        if sent == Err(Errno::Again) {
            self.arm(true);
        }
        sent
    }

    /// Sets who is called when reading or writing is worth trying again.
    pub fn set_wake(&self, wake: Option<Wake>) {
        *self.0.wake.write() = wake;
    }

    /// Waits for the next datagram for as long as `timeout`, or for ever.
    ///
    /// # Errors
    /// Those of [`UdpSock::try_recv`], with [`Errno::TimedOut`] in place of [`Errno::Again`].
    pub async fn recv(&self, data: &mut [u8], meta: &mut RxMeta, timeout: Option<Duration>) -> Result<usize> {
        let received = async {
            loop {
                match self.try_recv(data, meta) {
                    Err(Errno::Again) => tokio::select! {
                        result = self.readable() => result?,
                        () = self.closed() => return Err(Errno::Inval),
                    },
                    result => return result,
                }
            }
        };
        match timeout {
            None => received.await,
            Some(timeout) => tokio::time::timeout(timeout, received).await.unwrap_or(Err(Errno::TimedOut)),
        }
    }

    /// Closes the sock: its endpoint is free, and calls that wait end with [`Errno::Inval`]. Closing twice is
    /// harmless. Waits, some microseconds as a rule, until no other thread has the socket in its hands.
    pub fn close(&self) {
        if self.0.closed.swap(true, Ordering::AcqRel) {
            return;
        }
        let socket = self.0.socket.write().take();
        self.0.closing.notify_waiters();
        if let Some(socket) = socket {
            let patience = Instant::now() + CLOSE_PATIENCE;
            while Arc::strong_count(&socket) > 1 && Instant::now() < patience {
                std::thread::sleep(Duration::from_micros(20));
            }
        }
        self.call_wake();
        *self.0.wake.write() = None;
    }

    /// Whether [`UdpSock::close`] was called.
    pub fn is_closed(&self) -> bool {
        self.0.closed.load(Ordering::Acquire)
    }

    /// The socket for somebody who has to send something when the sock is closed; closing waits for a moment until it is dropped.
    pub(crate) fn hold(&self) -> Result<Held> {
        self.held().map(Held)
    }

    /// Whether there is a local endpoint.
    pub fn is_bound(&self) -> bool {
        self.0.socket.read().is_some()
    }

    pub(crate) fn runtime(&self) -> &Handle {
        &self.0.runtime
    }

    /// Takes the right to read.
    ///
    /// # Errors
    /// [`Errno::Inval`] when the sock is closed, or another DTLS sock has it.
    pub(crate) fn attach(&self) -> Result<Attachment> {
        if self.is_closed() || self.0.attached.swap(true, Ordering::AcqRel) {
            return Err(Errno::Inval);
        }
        if let Some(socket) = &*self.0.socket.read() {
            socket.coalesce(true);
        }
        Ok(Attachment(Arc::clone(&self.0)))
    }

    /// Sends one datagram now.
    pub(crate) fn try_send_to(&self, datagram: &[u8], to: SocketAddr, source: Option<SocketAddr>) -> Result<usize> {
        let guard = self.0.socket.read();
        let socket = guard.as_ref().ok_or(Errno::Inval)?;
        Ok(ignoring_the_past(|| socket.send(datagram, to, source))?)
    }

    /// Sends the first of these datagrams in one call, as many as it can take: how many, 0 for none. `datagrams` are their
    /// ends in `bytes`, which they begin at `start`, and their peers.
    pub(crate) fn try_send_run(&self, bytes: &[u8], start: usize, datagrams: &[(usize, SocketAddr)]) -> usize {
        let guard = self.0.socket.read();
        let (Some(socket), [(first_end, to), ..]) = (guard.as_ref(), datagrams) else { return 0 };
        let run = socket.run_length(start, datagrams);
        if run < 2 {
            return 0;
        }
        let sent = ignoring_the_past(|| socket.send_run(&bytes[start..datagrams[run - 1].0], first_end - start, *to));
        if sent.is_ok() { run } else { 0 }
    }

    /// Another descriptor of the socket, to be told by the system when it can be read.
    ///
    /// # Errors
    /// [`Errno::AddrNotAvail`] while unbound; [`Errno::Inval`] when closed; [`Errno::NoMem`] when no descriptor is left.
    #[cfg(target_os = "linux")]
    pub fn duplicate_fd(&self) -> Result<std::os::fd::OwnedFd> {
        if self.is_closed() {
            return Err(Errno::Inval);
        }
        let guard = self.0.socket.read();
        Ok(guard.as_ref().ok_or(Errno::AddrNotAvail)?.io.duplicate()?)
    }

    /// Receives what is there, as many datagrams as a batch holds: whether it is full.
    /// `watched`: [`UdpSock::readable`] is waited for.
    pub(crate) fn recv_batch(&self, batch: &mut Batch, watched: bool) -> Result<bool> {
        let guard = self.0.socket.read();
        let socket = guard.as_ref().ok_or(Errno::Inval)?;
        Ok(batch.receive(socket, watched)?)
    }

    /// Whether the socket's family can carry datagrams to this address.
    pub(crate) fn reaches(&self, to: SocketAddr) -> bool {
        self.0.socket.read().as_ref().is_some_and(|socket| if to.is_ipv6() { socket.ipv6 } else { socket.ipv4 })
    }

    pub(crate) async fn readable(&self) -> Result<()> {
        Ok(self.held()?.io.readable().await?)
    }

    pub(crate) async fn writable(&self) -> Result<()> {
        Ok(self.held()?.io.writable().await?)
    }

    pub(crate) async fn closed(&self) {
        loop {
            let mut closing = std::pin::pin!(self.0.closing.notified());
            closing.as_mut().enable();
            if self.is_closed() {
                return;
            }
            closing.await;
        }
    }

    fn held(&self) -> Result<Arc<Bound>> {
        self.0.socket.read().clone().ok_or(Errno::Inval)
    }

    fn receive<T>(&self, meta: &mut RxMeta, take: impl FnOnce(&[u8]) -> Result<T>) -> Result<T> {
        if self.is_closed() || self.0.attached.load(Ordering::Acquire) {
            return Err(Errno::Inval);
        }
        let mut behind = self.0.behind.lock();
        if let Some((bytes, received)) = behind.pop_front() {
            *meta = received;
            return take(&bytes);
        }
        let received = RECEIVED.with_borrow_mut(|batch| {
            let batch = batch.get_or_insert_with(|| Batch::with_capacity(1));
            let guard = self.0.socket.read();
            let socket = guard.as_ref().ok_or(Errno::AddrNotAvail)?;
            batch.receive(socket, true)?;
            let (bytes, others, received) = batch.datagrams();
            *meta = *received;
            behind.extend(others.map(|bytes| (bytes.into(), *received)));
            take(bytes)
        });
        drop(behind);
        match received {
            // What ICMP says of an earlier send is not about what can be received.
            Err(Errno::Again | Errno::ConnRefused | Errno::HostUnreach) => {
                self.arm(false);
                Err(Errno::Again)
            }
            result => result,
        }
    }

    fn bind_for(&self, to: SocketAddr) -> Result<()> {
        let mut slot = self.0.socket.write();
        if slot.is_none() && !self.is_closed() {
            let socket = open(&self.0.runtime, any_like(to), None, 0)?;
            if self.0.attached.load(Ordering::Acquire) {
                socket.coalesce(true);
            }
            *slot = Some(socket);
        }
        Ok(())
    }

    /// Calls the wake-up once when the socket can be read, or written to.
    fn arm(&self, for_writing: bool) {
        if self.0.wake.read().is_none() || self.0.armed.swap(true, Ordering::AcqRel) {
            return;
        }
        let sock = self.clone();
        self.0.runtime.spawn(async move {
            tokio::select! {
                _ = async {
                    if for_writing { sock.writable().await } else { sock.readable().await }
                } => {}
                () = sock.closed() => {}
            }
            sock.0.armed.store(false, Ordering::Release);
            sock.call_wake();
        });
    }

    fn call_wake(&self) {
        let wake = self.0.wake.read().clone();
        if let Some(wake) = wake {
            wake();
        }
    }
}

impl std::fmt::Debug for UdpSock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UdpSock").field("local", &self.local().ok()).finish_non_exhaustive()
    }
}

thread_local! {
    static RECEIVED: std::cell::RefCell<Option<Batch>> = const { std::cell::RefCell::new(None) };
}

/// Sends, and once more if all that the system said was how an earlier datagram of a connected socket fared (ICMP).
fn ignoring_the_past(send: impl Fn() -> io::Result<usize>) -> io::Result<usize> {
    match send() {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => send(),
        result => result,
    }
}

/// The unspecified endpoint of the other's family.
fn any_like(other: SocketAddr) -> SocketAddr {
    match other {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    }
}

fn open(runtime: &Handle, local: SocketAddr, remote: Option<SocketAddr>, flags: u32) -> Result<Arc<Bound>> {
    let ipv6 = local.is_ipv6();
    let ipv4 = !ipv6 || local.ip().is_unspecified();
    let open = || -> io::Result<Bound> {
        let socket = socket2::Socket::new(socket2::Domain::for_address(local), socket2::Type::DGRAM, None)?;
        if ipv6 {
            socket.set_only_v6(!local.ip().is_unspecified())?;
        }
        if flags & SOCK_FLAGS_REUSE_EP != 0 {
            socket.set_reuse_address(true)?;
            #[cfg(unix)]
            socket.set_reuse_port(true)?;
        }
        socket::request_aux_data(&socket, ipv6);
        socket.bind(&local.into())?;
        if let Some(remote) = remote {
            socket.connect(&reachable_from(remote, ipv6).into())?;
        }
        let segments = AtomicBool::new(socket::can_segment(&socket));
        let io = Io::new(socket, runtime)?;
        Ok(Bound { io, ipv6, ipv4, connected: remote.is_some(), segments })
    };
    open().map(Arc::new).map_err(|error| match Errno::from(error) {
        Errno::AddrInUse => Errno::AddrInUse,
        Errno::AfNoSupport => Errno::AfNoSupport,
        Errno::NoMem | Errno::NoBufs => Errno::NoMem,
        _ => Errno::Inval,
    })
}

/// The address as a socket of this family reaches it: IPv4 peers of a dual-stack socket have mapped addresses.
fn reachable_from(addr: SocketAddr, ipv6: bool) -> SocketAddr {
    match addr {
        SocketAddr::V4(v4) if ipv6 => SocketAddrV6::new(v4.ip().to_ipv6_mapped(), v4.port(), 0, 0).into(),
        _ => addr,
    }
}
