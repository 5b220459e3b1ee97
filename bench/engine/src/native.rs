//! Our engine: two associations that hand each other their datagrams.

use std::sync::Arc;
use std::time::Instant;

use dtls_proto::{Answer, Association, Config, CredentialKinds, Event, Hello, KeyPair, Listener, Psk, Question, Suite};

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
    wire: Vec<u8>,
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

    pub fn psk() -> Self {
        Self::with_suite(Suite::PSK_WITH_AES_128_CCM_8)
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
        Pair { client, server, wire }
    }
}

impl Pair {
    pub fn transfer(&mut self, message: &[u8]) {
        self.wire.clear();
        self.client.seal(&[message], &mut self.wire).unwrap();
        let mut received = 0;
        self.server.handle_datagram(Instant::now(), &mut self.wire, &mut |event| {
            if let Event::Received(bytes) = event {
                received = bytes.len();
            }
        });
        assert_eq!(received, message.len());
    }
}
