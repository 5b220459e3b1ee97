//! The crate dtls of webrtc-rs: two connections on a runtime of one thread, with queues for a wire.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dtls::cipher_suite::CipherSuiteId;
use dtls::config::{ClientAuthType, Config, ExtendedMasterSecretType};
use dtls::conn::DTLSConn;
use dtls::crypto::Certificate;
use tokio::runtime::Runtime;
use tokio::sync::{Mutex, mpsc};
use webrtc_util::Conn;

use crate::subject::{self, Aead, Handshake, Run, Subject, timed};

/// The crate as a subject.
pub struct Webrtc;

struct Wire {
    incoming: Mutex<mpsc::UnboundedReceiver<Vec<u8>>>,
    outgoing: mpsc::UnboundedSender<Vec<u8>>,
}

#[async_trait]
impl Conn for Wire {
    async fn connect(&self, _: SocketAddr) -> webrtc_util::Result<()> {
        Ok(())
    }
    async fn recv(&self, buf: &mut [u8]) -> webrtc_util::Result<usize> {
        let Some(datagram) = self.incoming.lock().await.recv().await else { return std::future::pending().await };
        buf[..datagram.len()].copy_from_slice(&datagram);
        Ok(datagram.len())
    }
    async fn recv_from(&self, buf: &mut [u8]) -> webrtc_util::Result<(usize, SocketAddr)> {
        Ok((self.recv(buf).await?, ([127, 0, 0, 1], 1).into()))
    }
    async fn send(&self, datagram: &[u8]) -> webrtc_util::Result<usize> {
        // The other side may be gone.
        let _ = self.outgoing.send(datagram.to_vec());
        Ok(datagram.len())
    }
    async fn send_to(&self, datagram: &[u8], _: SocketAddr) -> webrtc_util::Result<usize> {
        self.send(datagram).await
    }
    fn local_addr(&self) -> webrtc_util::Result<SocketAddr> {
        Ok(([127, 0, 0, 1], 1).into())
    }
    fn remote_addr(&self) -> Option<SocketAddr> {
        Some(([127, 0, 0, 1], 1).into())
    }
    async fn close(&self) -> webrtc_util::Result<()> {
        Ok(())
    }
    fn as_any(&self) -> &(dyn std::any::Any + Send + Sync) {
        self
    }
}

fn psk(suite: CipherSuiteId, hint: Option<&[u8]>) -> Config {
    Config {
        cipher_suites: vec![suite],
        extended_master_secret: ExtendedMasterSecretType::Require,
        psk: Some(Arc::new(|_| Box::pin(async { Ok(vec![1; 16]) }))),
        psk_identity_hint: hint.map(<[u8]>::to_vec),
        ..Config::default()
    }
}

/// Client and server.
fn configs(kind: Handshake) -> Option<[Config; 2]> {
    let of_suite = |suite| Some([psk(suite, Some(b"device")), psk(suite, None)]);
    let mutual = match kind {
        Handshake::PskCcm8 => return of_suite(CipherSuiteId::Tls_Psk_With_Aes_128_Ccm_8),
        Handshake::PskGcm => return of_suite(CipherSuiteId::Tls_Psk_With_Aes_128_Gcm_Sha256),
        Handshake::EcdhePsk => return None,
        Handshake::EcdsaServer => false,
        Handshake::EcdsaMutual => true,
    };
    let side = |with_key: bool| Config {
        certificates: if with_key {
            vec![Certificate::generate_self_signed(["bench".to_owned()]).unwrap()]
        } else {
            Vec::new()
        },
        cipher_suites: vec![CipherSuiteId::Tls_Ecdhe_Ecdsa_With_Aes_128_Gcm_Sha256],
        extended_master_secret: ExtendedMasterSecretType::Require,
        insecure_skip_verify: true,
        client_auth: if mutual { ClientAuthType::RequireAnyClientCert } else { ClientAuthType::NoClientCert },
        ..Config::default()
    };
    Some([side(mutual), side(true)])
}

struct Pair {
    runtime: Arc<Runtime>,
    client: DTLSConn,
    server: DTLSConn,
    /// Datagrams of the client wait here until they are let through.
    sealed: mpsc::UnboundedReceiver<Vec<u8>>,
    to_server: mpsc::UnboundedSender<Vec<u8>>,
    buffer: Vec<u8>,
}

fn handshake(runtime: &Arc<Runtime>, [client, server]: &[Config; 2]) -> Pair {
    let (client_out, mut sealed) = mpsc::unbounded_channel();
    let (to_server, server_in) = mpsc::unbounded_channel();
    let (server_out, client_in) = mpsc::unbounded_channel();
    let client_wire = Arc::new(Wire { incoming: Mutex::new(client_in), outgoing: client_out });
    let server_wire = Arc::new(Wire { incoming: Mutex::new(server_in), outgoing: server_out });
    let (client, server) = runtime.block_on(async {
        let ends = async {
            let client = DTLSConn::new(client_wire, client.clone(), true, None);
            let server = DTLSConn::new(server_wire, server.clone(), false, None);
            let (client, server) = tokio::join!(client, server);
            (client.unwrap(), server.unwrap())
        };
        let mut ends = std::pin::pin!(ends);
        loop {
            tokio::select! {
                ends = &mut ends => return ends,
                Some(datagram) = sealed.recv() => to_server.send(datagram).unwrap(),
            }
        }
    });
    Pair { runtime: Arc::clone(runtime), client, server, sealed, to_server, buffer: vec![0; 1 << 14] }
}

fn runtime() -> Arc<Runtime> {
    Arc::new(tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap())
}

impl Subject for Webrtc {
    fn name(&self) -> &'static str {
        "webrtc-dtls"
    }

    fn handshake(&self, kind: Handshake) -> Option<Run> {
        let (configs, runtime) = (configs(kind)?, runtime());
        Some(Box::new(move || drop(handshake(&runtime, &configs))))
    }

    fn pair(&self, aead: Aead) -> Option<Box<dyn subject::Pair>> {
        let kind = match aead {
            Aead::Gcm => Handshake::PskGcm,
            Aead::Ccm8 => Handshake::PskCcm8,
            Aead::ChaCha20 => return None,
        };
        Some(Box::new(handshake(&runtime(), &configs(kind)?)))
    }

    fn idle(&self, aead: Aead) -> Option<Box<dyn FnMut() -> Box<dyn std::any::Any>>> {
        let kind = match aead {
            Aead::Gcm => Handshake::PskGcm,
            Aead::Ccm8 => Handshake::PskCcm8,
            Aead::ChaCha20 => return None,
        };
        let (configs, runtime) = (configs(kind)?, runtime());
        Some(Box::new(move || {
            let Pair { runtime, client, server, sealed, to_server, .. } = handshake(&runtime, &configs);
            drop((client, sealed));
            // Lets the tasks of the client end.
            runtime.block_on(async { tokio::task::yield_now().await });
            Box::new((server, to_server))
        }))
    }
}

impl subject::Pair for Pair {
    fn batch(&mut self, message: &[u8], count: usize) -> (Duration, Duration) {
        let Self { runtime, client, server, sealed, to_server, buffer } = self;
        let sealing = timed(|| {
            runtime.block_on(async {
                for _ in 0..count {
                    client.write(message, None).await.unwrap();
                }
            });
        });
        while let Ok(datagram) = sealed.try_recv() {
            to_server.send(datagram).unwrap();
        }
        let opening = timed(|| {
            runtime.block_on(async {
                for _ in 0..count {
                    assert_eq!(server.read(buffer, None).await.unwrap(), message.len());
                }
            });
        });
        (sealing, opening)
    }
}
