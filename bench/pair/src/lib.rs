//! Two associations of the engine that hand each other their datagrams in memory: for benchmarks.

#![forbid(unsafe_code)]
#![allow(clippy::missing_panics_doc, reason = "what fails here fails the benchmark")]

use std::sync::{Arc, Mutex};
use std::time::Instant;

use dtls_proto::{Answer, Association, Config, CredentialKinds, Event, Hello, KeyPair, Listener, Psk, Question, Suite};

/// What both sides agree on.
pub struct Setup {
    config: Arc<Config>,
    kinds: CredentialKinds,
    psk: Psk,
    pair: KeyPair,
    client_has_key: bool,
    /// Of the server's sock, not of one handshake.
    listener: Mutex<Listener>,
}

/// Both ends of an established session.
pub struct Pair {
    /// The client's end.
    pub client: Association,
    /// The server's end.
    pub server: Association,
}

fn key_pair() -> KeyPair {
    let private = [7; 32];
    KeyPair::new(&private, KeyPair::derive_public(&private).unwrap()).unwrap()
}

impl Setup {
    /// This suite alone, with the credential that it needs.
    pub fn with_suite(suite: Suite) -> Self {
        let config = Arc::new(Config { suites: vec![suite], ..Config::default() });
        let ecdsa = !suite.key_exchange().uses_psk();
        let psk = Psk::new(b"device", &[1; 16]).unwrap();
        let kinds = CredentialKinds { psk: !ecdsa, ecdsa };
        let listener = Mutex::new(Listener::new(Arc::clone(&config), Instant::now()).unwrap());
        Self { config, kinds, psk, pair: key_pair(), client_has_key: true, listener }
    }

    /// Raw public keys, of the server alone or of both.
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

    /// A handshake, with the cookie exchange.
    pub fn handshake(&self) -> Pair {
        let now = Instant::now();
        let mut listener = self.listener.lock().unwrap();
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
        Pair { client, server }
    }
}

/// A client whose datagrams somebody else carries.
pub struct Client {
    /// Its association.
    pub association: Association,
    psk: Psk,
    out: Vec<u8>,
}

impl Client {
    /// A client that begins a handshake.
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
