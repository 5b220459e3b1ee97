//! OpenSSL: two DTLS streams over queues of datagrams, with the cookie exchange on.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::rc::Rc;

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
    client: SslStream<Wire>,
    server: SslStream<Wire>,
    buffer: Vec<u8>,
}

fn context(cipher: &str) -> SslContextBuilder {
    let mut context = SslContext::builder(SslMethod::dtls()).unwrap();
    context.set_min_proto_version(Some(SslVersion::DTLS1_2)).unwrap();
    context.set_cipher_list(cipher).unwrap();
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
        let mut contexts = [0, 1].map(|_| {
            let mut context = context("ECDHE-ECDSA-AES128-GCM-SHA256");
            context.set_groups_list("P-256").unwrap();
            context
        });
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

    pub fn handshake(&self) -> Pair {
        let (up, down) = (Queue::default(), Queue::default());
        let mut ends = [
            (&self.client, Wire { incoming: Rc::clone(&down), outgoing: Rc::clone(&up) }),
            (&self.server, Wire { incoming: up, outgoing: down }),
        ]
        .map(|(context, wire)| {
            let mut ssl = Ssl::new(context).unwrap();
            ssl.set_mtu(1232).unwrap();
            Some((ssl, wire))
        });
        let mut client = step(start(ends[0].take().unwrap(), true));
        let mut server = step(start(ends[1].take().unwrap(), false));
        loop {
            client = go_on(client);
            server = go_on(server);
            match (client, server) {
                (Ok(client), Ok(server)) => return Pair { client, server, buffer: vec![0; 2048] },
                (a, b) => (client, server) = (a, b),
            }
        }
    }
}

type Step = Result<SslStream<Wire>, MidHandshakeSslStream<Wire>>;

fn start((ssl, wire): (Ssl, Wire), client: bool) -> Result<SslStream<Wire>, HandshakeError<Wire>> {
    if client { ssl.connect(wire) } else { ssl.accept(wire) }
}

fn step(result: Result<SslStream<Wire>, HandshakeError<Wire>>) -> Step {
    match result {
        Ok(stream) => Ok(stream),
        Err(HandshakeError::WouldBlock(middle)) => Err(middle),
        Err(error) => panic!("OpenSSL: {error}"),
    }
}

fn go_on(state: Step) -> Step {
    match state {
        Ok(stream) => Ok(stream),
        Err(middle) => step(middle.handshake()),
    }
}

impl Pair {
    pub fn transfer(&mut self, message: &[u8]) {
        self.client.ssl_write(message).unwrap();
        assert_eq!(self.server.ssl_read(&mut self.buffer).unwrap(), message.len());
    }
}
