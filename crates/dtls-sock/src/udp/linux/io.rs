//! A socket of the system, and waiting for it.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::{Arc, OnceLock};

use socket2::Socket;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::runtime::Handle;

/// A socket that nothing listens on until somebody waits.
///
/// Reading and writing are waited for apart, and writing is watched only during the wait: a socket that is watched for it wakes
/// the runtime each time that a datagram has left, which a sender of many would pay for with a thread of its own.
pub(crate) struct Io {
    socket: Arc<Socket>,
    runtime: Handle,
    reading: OnceLock<Option<AsyncFd<Arc<Socket>>>>,
}

impl Io {
    pub(crate) fn new(socket: Socket, runtime: &Handle) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self { socket: Arc::new(socket), runtime: runtime.clone(), reading: OnceLock::new() })
    }

    pub(super) fn socket(&self) -> &Socket {
        &self.socket
    }

    pub(super) fn raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    /// Another descriptor for the socket.
    pub(crate) fn duplicate(&self) -> io::Result<OwnedFd> {
        Ok(self.socket.try_clone()?.into())
    }

    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()?.as_socket().ok_or_else(|| io::ErrorKind::Unsupported.into())
    }

    pub(crate) async fn readable(&self) -> io::Result<()> {
        let watched = self.reading.get_or_init(|| self.watch(Arc::clone(&self.socket), Interest::READABLE).ok());
        watched.as_ref().ok_or(io::ErrorKind::OutOfMemory)?.readable().await?.retain_ready();
        Ok(())
    }

    pub(crate) async fn writable(&self) -> io::Result<()> {
        // Of another descriptor, as one can be watched once.
        self.watch(self.socket.try_clone()?, Interest::WRITABLE)?.writable().await?.retain_ready();
        Ok(())
    }

    /// Tries to read; when there is nothing, [`Io::readable`] waits from now on.
    pub(super) fn try_read<T>(&self, read: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        match self.reading.get() {
            Some(Some(watched)) => watched.try_io(Interest::READABLE, |_| read()),
            _ => read(),
        }
    }

    // What is deprecated is that the trait of `socket` does not promise to name the same descriptor always. Ours own theirs.
    #[allow(deprecated)]
    fn watch<T: AsRawFd>(&self, socket: T, interest: Interest) -> io::Result<AsyncFd<T>> {
        let _entered = self.runtime.enter();
        AsyncFd::with_interest(socket, interest)
    }
}
