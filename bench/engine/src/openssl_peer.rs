//! OpenSSL: two DTLS streams over queues of datagrams, with the cookie exchange on.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::rc::Rc;
use std::time::Duration;

use openssl::asn1::Asn1Time;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{
    HandshakeError, MidHandshakeSslStream, Ssl, SslContext, SslContextBuilder, SslMethod, SslOptions, SslStream,
    SslVerifyMode, SslVersion,
};
use openssl::x509::{X509, X509NameBuilder};

use crate::subject::{self, Aead, Handshake, Run, Subject, timed};

/// OpenSSL as a subject. It has no raw public keys: certificates that are taken as they are stand in for them.
pub struct OpenSsl;

impl Subject for OpenSsl {
    fn name(&self) -> &'static str {
        "OpenSSL"
    }

    fn handshake(&self, kind: Handshake) -> Option<Run> {
        let setup = match kind {
            Handshake::PskCcm8 => Setup::psk("PSK-AES128-CCM8:@SECLEVEL=0"),
            Handshake::PskGcm => Setup::psk("PSK-AES128-GCM-SHA256"),
            Handshake::EcdhePsk => Setup::psk("ECDHE-PSK-CHACHA20-POLY1305"),
            Handshake::EcdsaServer => Setup::certificate(false),
            Handshake::EcdsaMutual => Setup::certificate(true),
        };
        Some(Box::new(move || drop(setup.handshake())))
    }

    fn pair(&self, aead: Aead) -> Option<Box<dyn subject::Pair>> {
        Some(Box::new(Setup::psk(cipher(aead)).handshake()))
    }

    fn idle(&self, aead: Aead) -> Option<Box<dyn FnMut() -> Box<dyn std::any::Any>>> {
        let setup = Setup::psk(cipher(aead));
        Some(Box::new(move || Box::new(setup.handshake().server)))
    }
}

fn cipher(aead: Aead) -> &'static str {
    match aead {
        Aead::Gcm => "PSK-AES128-GCM-SHA256",
        Aead::Ccm8 => "PSK-AES128-CCM8:@SECLEVEL=0",
        Aead::ChaCha20 => "PSK-CHACHA20-POLY1305",
    }
}

type Queue = Rc<RefCell<VecDeque<Vec<u8>>>>;

#[derive(Debug)]
pub struct Wire {
    incoming: Queue,
    outgoing: Queue,
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let datagram = self.incoming.borrow_mut().pop_front().ok_or(io::ErrorKind::WouldBlock)?;
        buffer[..datagram.len()].copy_from_slice(&datagram);
        Ok(datagram.len())
    }
}

impl Write for Wire {
    fn write(&mut self, datagram: &[u8]) -> io::Result<usize> {
        self.outgoing.borrow_mut().push_back(datagram.to_vec());
        Ok(datagram.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub struct Setup {
    client: SslContext,
    server: SslContext,
}

pub struct Pair {
    client: Stream,
    server: Stream,
    buffer: Vec<u8>,
}

fn context(cipher: &str) -> SslContextBuilder {
    let mut context = SslContext::builder(SslMethod::dtls()).unwrap();
    context.set_min_proto_version(Some(SslVersion::DTLS1_2)).unwrap();
    context.set_cipher_list(cipher).unwrap();
    context.set_groups_list("P-256").unwrap();
    context.set_options(SslOptions::NO_QUERY_MTU | SslOptions::NO_TICKET);
    context.set_session_cache_mode(openssl::ssl::SslSessionCacheMode::OFF);
    context
}

fn certificate() -> (X509, PKey<Private>) {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    let mut name = X509NameBuilder::new().unwrap();
    name.append_entry_by_text("CN", "bench").unwrap();
    let name = name.build();
    let mut certificate = X509::builder().unwrap();
    certificate.set_subject_name(&name).unwrap();
    certificate.set_issuer_name(&name).unwrap();
    certificate.set_pubkey(&key).unwrap();
    certificate.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    certificate.set_not_after(&Asn1Time::days_from_now(9).unwrap()).unwrap();
    certificate.sign(&key, MessageDigest::sha256()).unwrap();
    (certificate.build(), key)
}

impl Setup {
    pub fn psk(cipher: &str) -> Self {
        let mut client = context(cipher);
        client.set_psk_client_callback(|_, _, identity, key| {
            identity[..7].copy_from_slice(b"device\0");
            key[..16].fill(1);
            Ok(16)
        });
        let mut server = context(cipher);
        server.set_psk_server_callback(|_, _, key| {
            key[..16].fill(1);
            Ok(16)
        });
        Self::finish(client, server)
    }

    pub fn certificate(mutual: bool) -> Self {
        let (cert, key) = certificate();
        let mut contexts = [0, 1].map(|_| context("ECDHE-ECDSA-AES128-GCM-SHA256"));
        let [client, server] = &mut contexts;
        let with_key: &mut [&mut SslContextBuilder] = if mutual { &mut [client, server] } else { &mut [server] };
        for context in with_key {
            context.set_certificate(&cert).unwrap();
            context.set_private_key(&key).unwrap();
        }
        // The certificate is taken as it is, like a raw public key; the signatures are checked.
        let [client, server] = &mut contexts;
        client.set_verify_callback(SslVerifyMode::PEER, |_, _| true);
        if mutual {
            server.set_verify_callback(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT, |_, _| true);
        }
        let [client, server] = contexts;
        Self::finish(client, server)
    }

    fn finish(client: SslContextBuilder, mut server: SslContextBuilder) -> Self {
        server.set_options(SslOptions::COOKIE_EXCHANGE);
        server.set_cookie_generate_cb(|_, cookie| {
            cookie[..32].fill(9);
            Ok(32)
        });
        server.set_cookie_verify_cb(|_, cookie| cookie == [9; 32]);
        Self { client: client.build(), server: server.build() }
    }

    /// The client's end of a session that begins: its first flight waits in the side.
    pub fn client(&self) -> (Step, Side) {
        let (side, ssl, wire) = begin(&self.client);
        (step(ssl.connect(wire)).expect("a ClientHello"), side)
    }

    /// The server's end of a session that begins.
    pub fn server(&self) -> (Step, Side) {
        let (side, ssl, wire) = begin(&self.server);
        (step(ssl.accept(wire)).expect("nothing yet"), side)
    }

    pub fn handshake(&self) -> Pair {
        let ((mut client, up), (mut server, down)) = (self.client(), self.server());
        let pass = |from: &Side, to: &Side| {
            while let Some(datagram) = from.pop() {
                to.push(datagram);
            }
        };
        loop {
            pass(&up, &down);
            server = go_on(server).expect("the server goes on");
            pass(&down, &up);
            client = go_on(client).expect("the client goes on");
            match (client, server) {
                (Ok(client), Ok(server)) => {
                    let client = Stream { stream: client, side: up };
                    let server = Stream { stream: server, side: down };
                    return Pair { client, server, buffer: vec![0; 1 << 14] };
                }
                (a, b) => (client, server) = (a, b),
            }
        }
    }
}

/// A handshake under way, or an established stream.
pub type Step = Result<SslStream<Wire>, MidHandshakeSslStream<Wire>>;

/// The wire's other end.
pub struct Side {
    to_ssl: Queue,
    from_ssl: Queue,
}

impl Side {
    /// A datagram for OpenSSL.
    pub fn push(&self, datagram: Vec<u8>) {
        self.to_ssl.borrow_mut().push_back(datagram);
    }

    /// A datagram of OpenSSL's.
    pub fn pop(&self) -> Option<Vec<u8>> {
        self.from_ssl.borrow_mut().pop_front()
    }
}

/// An established session with its wire.
pub struct Stream {
    pub stream: SslStream<Wire>,
    pub side: Side,
}

fn begin(context: &SslContext) -> (Side, Ssl, Wire) {
    let (to_ssl, from_ssl) = (Queue::default(), Queue::default());
    let wire = Wire { incoming: Rc::clone(&to_ssl), outgoing: Rc::clone(&from_ssl) };
    let mut ssl = Ssl::new(context).unwrap();
    ssl.set_mtu(1232).unwrap();
    (Side { to_ssl, from_ssl }, ssl, wire)
}

/// A handshake that is over in failure is an error.
fn step(result: Result<SslStream<Wire>, HandshakeError<Wire>>) -> Result<Step, ()> {
    match result {
        Ok(stream) => Ok(Ok(stream)),
        Err(HandshakeError::WouldBlock(middle)) => Ok(Err(middle)),
        Err(_) => Err(()),
    }
}

/// Goes on with a handshake as far as the datagrams at hand carry it.
pub fn go_on(state: Step) -> Result<Step, ()> {
    match state {
        Ok(stream) => Ok(Ok(stream)),
        Err(middle) => step(middle.handshake()),
    }
}

impl subject::Pair for Pair {
    fn batch(&mut self, message: &[u8], count: usize) -> (Duration, Duration) {
        let sealing = timed(|| {
            (0..count).for_each(|_| assert_eq!(self.client.stream.ssl_write(message).unwrap(), message.len()))
        });
        while let Some(record) = self.client.side.pop() {
            self.server.side.push(record);
        }
        let opening = timed(|| {
            (0..count).for_each(|_| assert_eq!(self.server.stream.ssl_read(&mut self.buffer).unwrap(), message.len()));
        });
        (sealing, opening)
    }
}
