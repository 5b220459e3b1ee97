//! Our engine: two associations that hand each other their datagrams.

use std::sync::Arc;
use std::time::{Duration, Instant};

use dtls_proto::{Answer, Association, Config, CredentialKinds, Event, Hello, KeyPair, Listener, Psk, Question, Suite};

use crate::subject::{self, Aead, Handshake, Run, Subject, timed};

/// Our engine as a subject.
pub struct Native;

impl Subject for Native {
    fn name(&self) -> &'static str {
        "sock-dtls native"
    }

    fn handshake(&self, kind: Handshake) -> Option<Run> {
        let setup = match kind {
            Handshake::PskCcm8 => Setup::with_suite(Suite::PSK_WITH_AES_128_CCM_8),
            Handshake::PskGcm => Setup::with_suite(Suite::PSK_WITH_AES_128_GCM_SHA256),
            Handshake::EcdhePsk => Setup::with_suite(Suite::ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256),
            Handshake::EcdsaServer => Setup::raw_keys(false),
            Handshake::EcdsaMutual => Setup::raw_keys(true),
        };
        Some(Box::new(move || drop(setup.handshake())))
    }

    fn pair(&self, aead: Aead) -> Option<Box<dyn subject::Pair>> {
        Some(Box::new(Setup::with_suite(suite(aead)).handshake()))
    }

    fn idle(&self, aead: Aead) -> Option<Box<dyn FnMut() -> Box<dyn std::any::Any>>> {
        let setup = Setup::with_suite(suite(aead));
        Some(Box::new(move || Box::new(setup.handshake().server)))
    }
}

fn suite(aead: Aead) -> Suite {
    match aead {
        Aead::Gcm => Suite::PSK_WITH_AES_128_GCM_SHA256,
        Aead::Ccm8 => Suite::PSK_WITH_AES_128_CCM_8,
        Aead::ChaCha20 => Suite::PSK_WITH_CHACHA20_POLY1305_SHA256,
    }
}

pub struct Setup {
    config: Arc<Config>,
    kinds: CredentialKinds,
    psk: Psk,
    pair: KeyPair,
    client_has_key: bool,
}

pub struct Pair {
    pub client: Association,
    pub server: Association,
    records: Vec<Vec<u8>>,
}

fn key_pair() -> KeyPair {
    let private = [7; 32];
    KeyPair::new(&private, KeyPair::derive_public(&private).unwrap()).unwrap()
}

impl Setup {
    pub fn with_suite(suite: Suite) -> Self {
        let config = Arc::new(Config { suites: vec![suite], ..Config::default() });
        let ecdsa = !suite.key_exchange().uses_psk();
        let psk = Psk::new(b"device", &[1; 16]).unwrap();
        let kinds = CredentialKinds { psk: !ecdsa, ecdsa };
        Self { config, kinds, psk, pair: key_pair(), client_has_key: true }
    }

    pub fn raw_keys(mutual: bool) -> Self {
        Self { client_has_key: mutual, ..Self::with_suite(Suite::ECDHE_ECDSA_WITH_AES_128_GCM_SHA256) }
    }

    fn answer(&self, client: bool, question: &Question) -> Answer {
        match question {
            Question::KeyPair => Answer::KeyPair((!client || self.client_has_key).then(|| self.pair.clone())),
            Question::VerifyPeer(_) => Answer::Verdict(true),
            _ => Answer::Psk(Some(self.psk.clone())),
        }
    }

    fn run(&self, now: Instant, association: &mut Association, client: bool, datagram: &mut [u8]) {
        let mut asked = None;
        let mut sink = |event: Event<'_>| {
            if let Event::Question(id, question) = event {
                asked = Some((id, question));
            }
        };
        association.handle_datagram(now, datagram, &mut sink);
        while let Some((id, question)) = asked.take() {
            let answer = self.answer(client, &question);
            association
                .answer(now, id, answer, &mut |event| {
                    if let Event::Question(id, question) = event {
                        asked = Some((id, question));
                    }
                })
                .unwrap();
        }
    }

    pub fn handshake(&self) -> Pair {
        let now = Instant::now();
        let mut listener = Listener::new(Arc::clone(&self.config), now).unwrap();
        let mut client = Association::client(&self.config, self.kinds, now).unwrap();
        let (mut hello, mut reply) = (Vec::new(), Vec::new());
        client.poll_transmit(now, &mut hello);
        listener.handle(now, b"peer", &hello, &mut reply);
        self.run(now, &mut client, true, &mut reply);
        hello.clear();
        client.poll_transmit(now, &mut hello);
        let Hello::Verified(hello) = listener.handle(now, b"peer", &hello, &mut reply) else { panic!("no cookie") };
        let mut asked = None;
        let mut server = Association::server(&self.config, self.kinds, None, &hello, now, &mut |event| {
            if let Event::Question(id, question) = event {
                asked = Some((id, question));
            }
        });
        if let Some((id, question)) = asked {
            server.answer(now, id, self.answer(false, &question), &mut |_| {}).unwrap();
        }
        let mut wire = Vec::new();
        while !(client.is_established() && server.is_established()) {
            wire.clear();
            while server.poll_transmit(now, &mut wire) {
                self.run(now, &mut client, true, &mut wire);
                wire.clear();
            }
            while client.poll_transmit(now, &mut wire) {
                self.run(now, &mut server, false, &mut wire);
                wire.clear();
            }
        }
        Pair { client, server, records: Vec::new() }
    }
}

impl subject::Pair for Pair {
    fn batch(&mut self, message: &[u8], count: usize) -> (Duration, Duration) {
        self.records.resize_with(count, Vec::new);
        let (client, server, records) = (&mut self.client, &mut self.server, &mut self.records);
        let sealing = timed(|| {
            for record in records.iter_mut() {
                record.clear();
                client.seal(&[message], record).unwrap();
            }
        });
        let mut received = 0;
        let opening = timed(|| {
            for record in records {
                server.handle_datagram(Instant::now(), record, &mut |event| {
                    if let Event::Received(bytes) = event {
                        received += bytes.len();
                    }
                });
            }
        });
        assert_eq!(received, message.len() * count);
        (sealing, opening)
    }
}

/// A client whose datagrams somebody else carries.
pub struct Client {
    pub association: Association,
    psk: Psk,
    out: Vec<u8>,
}

impl Client {
    pub fn new(config: &Arc<Config>, psk: &Psk, now: Instant) -> Self {
        let kinds = CredentialKinds { psk: true, ecdsa: false };
        let association = Association::client(config, kinds, now).unwrap();
        Self { association, psk: psk.clone(), out: Vec::new() }
    }

    /// Hands out what is to be sent.
    pub fn transmit(&mut self, mut send: impl FnMut(&[u8])) {
        while self.association.poll_transmit(Instant::now(), &mut self.out) {
            send(&self.out);
            self.out.clear();
        }
    }

    /// Takes a datagram; `received` gets the messages in it.
    pub fn handle(&mut self, datagram: &mut [u8], mut received: impl FnMut(&[u8])) {
        let now = Instant::now();
        let mut asked = None;
        self.association.handle_datagram(now, datagram, &mut |event| match event {
            Event::Question(id, _) => asked = Some(id),
            Event::Received(message) => received(message),
            _ => {}
        });
        if let Some(id) = asked {
            self.association.answer(now, id, Answer::Psk(Some(self.psk.clone())), &mut |_| {}).unwrap();
        }
    }
}
