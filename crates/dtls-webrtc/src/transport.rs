//! Datagrams in and out of the crate, and what can be seen of a handshake on the way.

use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use dtls_sock::{ClearText, CloseReason, Link, PeerIdentity, Suite};
use parking_lot::Mutex;
use tokio::sync::{Mutex as AsyncMutex, mpsc};
use webrtc_util::{Conn, Error};

/// The crate receives into a buffer of this length.
pub(crate) const MAX_DATAGRAM: usize = 8192;

/// What is known of a session beside what the crate keeps to itself.
#[derive(Default)]
pub(crate) struct Seen {
    /// Of the ServerHello: the suite, and whether it has extended_master_secret.
    pub(crate) terms: Option<(Suite, bool)>,
    /// The alert with which the peer ended the handshake.
    pub(crate) refused: Option<CloseReason>,
    /// The identity of the handshake.
    pub(crate) identity: Option<PeerIdentity>,
    pub(crate) established: bool,
}

/// What the crate takes for a socket.
pub(crate) struct Transport {
    link: Link,
    incoming: AsyncMutex<mpsc::Receiver<Vec<u8>>>,
    seen: Arc<Mutex<Seen>>,
}

impl Transport {
    pub(crate) fn new(link: Link, incoming: mpsc::Receiver<Vec<u8>>, seen: Arc<Mutex<Seen>>) -> Self {
        Self { link, incoming: AsyncMutex::new(incoming), seen }
    }

    /// Takes notes; false for a datagram that is to be dropped.
    fn admits(&self, datagram: &[u8]) -> bool {
        let mut seen = self.seen.lock();
        if seen.established {
            // Nothing in clear is due any more, and the crate would end the session for a forged alert.
            return !ClearText::begins(datagram);
        }
        ClearText::each_in(datagram, |clear| match clear {
            ClearText::ServerHello { suite, extended_master_secret } => {
                seen.terms = Some((suite, extended_master_secret));
            }
            ClearText::FatalAlert(alert) => seen.refused = Some(CloseReason::PeerAlert(alert)),
            _ => {}
        });
        true
    }
}

#[async_trait]
impl Conn for Transport {
    async fn connect(&self, _: SocketAddr) -> webrtc_util::Result<()> {
        Ok(())
    }

    async fn recv(&self, buf: &mut [u8]) -> webrtc_util::Result<usize> {
        let mut incoming = self.incoming.lock().await;
        loop {
            let Some(datagram) = incoming.recv().await else {
                // The session is over. The crate would ask again and again if this were an error.
                return std::future::pending().await;
            };
            if let Some(room) = buf.get_mut(..datagram.len())
                && self.admits(&datagram)
            {
                room.copy_from_slice(&datagram);
                return Ok(datagram.len());
            }
        }
    }

    async fn recv_from(&self, buf: &mut [u8]) -> webrtc_util::Result<(usize, SocketAddr)> {
        Ok((self.recv(buf).await?, self.link.peer()))
    }

    async fn send(&self, datagram: &[u8]) -> webrtc_util::Result<usize> {
        ClearText::each_in(datagram, |clear| {
            if let ClearText::ServerHello { suite, extended_master_secret } = clear {
                self.seen.lock().terms = Some((suite, extended_master_secret));
            }
        });
        self.link.transmit(datagram);
        Ok(datagram.len())
    }

    async fn send_to(&self, datagram: &[u8], _: SocketAddr) -> webrtc_util::Result<usize> {
        self.send(datagram).await
    }

    fn local_addr(&self) -> webrtc_util::Result<SocketAddr> {
        Err(Error::Other("a session has no address of its own".to_owned()))
    }

    fn remote_addr(&self) -> Option<SocketAddr> {
        Some(self.link.peer())
    }

    async fn close(&self) -> webrtc_util::Result<()> {
        Ok(())
    }

    fn as_any(&self) -> &(dyn std::any::Any + Send + Sync) {
        self
    }
}
