//! dimpl: two state machines that hand each other their packets.

use std::sync::Arc;
use std::time::{Duration, Instant};

use dimpl::crypto::Dtls12CipherSuite;
use dimpl::{Config, Dtls, DtlsCertificate, Output, PskResolver, certificate};

use crate::subject::{self, Aead, Handshake, Run, Subject, timed};

/// dimpl as a subject.
pub struct Dimpl;

struct Keys;

impl PskResolver for Keys {
    fn resolve(&self, _: &[u8]) -> Option<Vec<u8>> {
        Some(vec![1; 16])
    }
}

struct Setup {
    client: Arc<Config>,
    server: Arc<Config>,
    certificates: Option<[DtlsCertificate; 2]>,
}

impl Setup {
    fn psk() -> Self {
        Self {
            client: Arc::new(Config::builder().with_psk_client(b"device".to_vec(), Arc::new(Keys)).build().unwrap()),
            server: Arc::new(Config::builder().with_psk_server(None, Arc::new(Keys)).build().unwrap()),
            certificates: None,
        }
    }

    fn certificates(suite: Dtls12CipherSuite, mutual: bool) -> Self {
        let config = || {
            let builder =
                Config::builder().dtls12_cipher_suites(&[suite]).kx_groups(&[dimpl::crypto::NamedGroup::Secp256r1]);
            Arc::new(builder.require_client_certificate(mutual).build().unwrap())
        };
        let certificates = [0, 1].map(|_| certificate::generate_self_signed_certificate().unwrap());
        Self { client: config(), server: config(), certificates: Some(certificates) }
    }

    fn handshake(&self) -> Pair {
        let now = Instant::now();
        let new = |config: &Arc<Config>, side: usize| match &self.certificates {
            Some(certificates) => Dtls::new_12(Arc::clone(config), certificates[side].clone(), now),
            None => Dtls::new_12_psk(Arc::clone(config), now),
        };
        let (mut client, mut server) = (new(&self.client, 0), new(&self.server, 1));
        client.set_active(true);
        server.set_active(false);
        client.handle_timeout(now).unwrap();
        server.handle_timeout(now).unwrap();
        let mut pair = Pair { client, server, buffer: vec![0; 1 << 15], records: Vec::new() };
        let (mut up, mut down) = (false, false);
        while !(up && down) {
            up |= pass(&mut pair.client, &mut pair.server, &mut pair.buffer);
            down |= pass(&mut pair.server, &mut pair.client, &mut pair.buffer);
        }
        pair
    }
}

struct Pair {
    client: Dtls,
    server: Dtls,
    buffer: Vec<u8>,
    records: Vec<Vec<u8>>,
}

/// Hands over what one side has to send; whether it is connected.
fn pass(from: &mut Dtls, to: &mut Dtls, buffer: &mut [u8]) -> bool {
    let mut connected = false;
    loop {
        match from.poll_output(buffer) {
            Output::Packet(packet) => to.handle_packet(packet).unwrap(),
            Output::Connected => connected = true,
            Output::Timeout(_) => return connected,
            _ => {}
        }
    }
}

impl Subject for Dimpl {
    fn name(&self) -> &'static str {
        "dimpl"
    }

    fn handshake(&self, kind: Handshake) -> Option<Run> {
        let gcm = Dtls12CipherSuite::ECDHE_ECDSA_AES128_GCM_SHA256;
        let setup = match kind {
            Handshake::PskCcm8 => Setup::psk(),
            Handshake::PskGcm | Handshake::EcdhePsk => return None,
            Handshake::EcdsaServer => Setup::certificates(gcm, false),
            Handshake::EcdsaMutual => Setup::certificates(gcm, true),
        };
        Some(Box::new(move || drop(setup.handshake())))
    }

    fn pair(&self, aead: Aead) -> Option<Box<dyn subject::Pair>> {
        let setup = match aead {
            Aead::Gcm => Setup::certificates(Dtls12CipherSuite::ECDHE_ECDSA_AES128_GCM_SHA256, false),
            Aead::Ccm8 => Setup::psk(),
            Aead::ChaCha20 => Setup::certificates(Dtls12CipherSuite::ECDHE_ECDSA_CHACHA20_POLY1305_SHA256, false),
        };
        Some(Box::new(setup.handshake()))
    }

    fn idle(&self, aead: Aead) -> Option<Box<dyn FnMut() -> Box<dyn std::any::Any>>> {
        let setup = match aead {
            Aead::Gcm => Setup::certificates(Dtls12CipherSuite::ECDHE_ECDSA_AES128_GCM_SHA256, false),
            Aead::Ccm8 => Setup::psk(),
            Aead::ChaCha20 => return None,
        };
        Some(Box::new(move || Box::new(setup.handshake().server)))
    }
}

impl subject::Pair for Pair {
    fn batch(&mut self, message: &[u8], count: usize) -> (Duration, Duration) {
        let Self { client, server, buffer, records } = self;
        records.resize_with(count, Vec::new);
        let sealing = timed(|| {
            for record in records.iter_mut() {
                client.send_application_data(message).unwrap();
                record.clear();
                while let Output::Packet(packet) = client.poll_output(buffer) {
                    record.extend_from_slice(packet);
                }
            }
        });
        let mut received = 0;
        let opening = timed(|| {
            for record in records {
                server.handle_packet(record).unwrap();
                loop {
                    match server.poll_output(buffer) {
                        Output::ApplicationData(data) => received += data.len(),
                        Output::Timeout(_) => break,
                        _ => {}
                    }
                }
            }
        });
        assert_eq!(received, message.len() * count);
        (sealing, opening)
    }
}
