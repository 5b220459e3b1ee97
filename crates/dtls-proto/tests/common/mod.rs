//! Two peers, a network that loses, repeats, delays and cuts what it is told to, and a clock that only this moves.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use dtls_proto::{
    Answer, Association, CloseReason, Config, CredentialKinds, Error, Event, Hello, Info, KeyPair, Listener, Psk,
    Question, QuestionId, SecureRandom,
};

/// A generator that gives the same bytes for the same seed (splitmix64).
pub struct SeededRandom(Mutex<u64>);

impl SeededRandom {
    pub fn new(seed: u64) -> Arc<Self> {
        Arc::new(Self(Mutex::new(seed)))
    }

    pub fn next(&self) -> u64 {
        let mut state = self.0.lock().unwrap();
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = *state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&self, bound: u64) -> u64 {
        self.next() % bound
    }
}

impl SecureRandom for SeededRandom {
    fn fill(&self, out: &mut [u8]) -> Result<(), Error> {
        for chunk in out.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_be_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

pub fn config(seed: u64) -> Config {
    Config { random: SeededRandom::new(seed), ..Config::default() }
}

pub fn psk(identity: &str, key: &[u8]) -> Psk {
    Psk::new(identity.as_bytes(), key).unwrap()
}

/// The key pair whose private scalar is this small number.
pub fn key_pair(number: u8) -> KeyPair {
    let mut private = [0; 32];
    private[31] = number;
    KeyPair::new(&private, KeyPair::derive_public(&private).unwrap()).unwrap()
}

/// What a peer answers the engine's questions with.
#[derive(Clone, Default)]
pub struct Credentials {
    pub psks: Vec<Psk>,
    pub pair: Option<KeyPair>,
    pub trusted: Vec<dtls_proto::PublicKey>,
    pub hint: Option<Vec<u8>>,
    /// Keep questions open until [`Peer::answer_all`].
    pub slow: bool,
}

impl Credentials {
    pub fn psk(identity: &str, key: &[u8]) -> Self {
        Self { psks: vec![psk(identity, key)], ..Self::default() }
    }

    pub fn raw_key(number: u8) -> Self {
        Self { pair: Some(key_pair(number)), ..Self::default() }
    }

    pub fn kinds(&self) -> CredentialKinds {
        CredentialKinds { psk: !self.psks.is_empty(), ecdsa: self.pair.is_some() }
    }

    pub fn answer(&self, question: &Question) -> Answer {
        match question {
            Question::ClientPsk { .. } => Answer::Psk(self.psks.first().cloned()),
            Question::ServerPsk { identity } => {
                Answer::Psk(self.psks.iter().find(|psk| psk.identity() == identity).cloned())
            }
            Question::KeyPair => Answer::KeyPair(self.pair.clone()),
            Question::VerifyPeer(key) => Answer::Verdict(self.trusted.contains(key)),
            _ => unreachable!("a question without an answer here"),
        }
    }
}

/// An event, kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    Received(Vec<u8>),
    Established,
    Asked(QuestionId, Question),
    Closed(CloseReason),
}

pub struct Peer {
    pub config: Arc<Config>,
    pub credentials: Credentials,
    pub listener: Option<Listener>,
    pub association: Option<Association>,
    pub seen: Vec<Seen>,
    pub open: Vec<(QuestionId, Question)>,
}

impl Peer {
    pub fn new(config: Config, credentials: Credentials, listens: bool, now: Instant) -> Self {
        let config = Arc::new(config);
        let listener = listens.then(|| Listener::new(Arc::clone(&config), now).unwrap());
        Self { config, credentials, listener, association: None, seen: Vec::new(), open: Vec::new() }
    }

    /// Runs `call` with a sink, then answers what it asked.
    pub fn run(&mut self, now: Instant, call: impl FnOnce(&mut Self, &mut dyn FnMut(Event<'_>))) {
        let mut events = Vec::new();
        call(self, &mut |event| {
            events.push(match event {
                Event::Received(bytes) => Seen::Received(bytes.to_vec()),
                Event::Established => Seen::Established,
                Event::Question(id, question) => Seen::Asked(id, question),
                Event::Closed(reason) => Seen::Closed(reason),
                _ => unreachable!("an event without a name here"),
            });
        });
        for event in &events {
            if let Seen::Asked(id, question) = event {
                self.open.push((*id, question.clone()));
            }
        }
        self.seen.extend(events);
        if !self.credentials.slow {
            self.answer_all(now);
        }
    }

    pub fn answer_all(&mut self, now: Instant) {
        for (id, question) in std::mem::take(&mut self.open) {
            let answer = self.credentials.answer(&question);
            self.run(now, |peer, sink| {
                if let Some(association) = &mut peer.association {
                    let _ = association.answer(now, id, answer, sink);
                }
            });
        }
    }

    pub fn connect(&mut self, now: Instant) {
        self.association = Some(Association::client(&self.config, self.credentials.kinds(), now).unwrap());
    }

    /// Takes a datagram in, and returns the datagrams that go out at once.
    pub fn receive(&mut self, now: Instant, datagram: &[u8]) -> Vec<Vec<u8>> {
        let mut datagram = datagram.to_vec();
        let mut out = Vec::new();
        if Listener::is_client_hello(&datagram) {
            let Some(listener) = &mut self.listener else { return Vec::new() };
            let mut reply = Vec::new();
            match listener.handle(now, b"peer", &datagram, &mut reply) {
                Hello::Discarded(_) => {}
                Hello::VerifyRequest => {
                    assert!(reply.len() <= datagram.len(), "an answer to an unverified address is not amplified");
                    out.push(reply);
                }
                Hello::Verified(hello) => self.run(now, |peer, sink| {
                    let (config, kinds) = (&peer.config, peer.credentials.kinds());
                    let hint = peer.credentials.hint.as_deref();
                    match &mut peer.association {
                        Some(association) => association.handle_hello(config, kinds, hint, &hello, now, sink),
                        none => *none = Some(Association::server(config, kinds, hint, &hello, now, sink)),
                    }
                }),
            }
        } else {
            self.run(now, |peer, sink| {
                if let Some(association) = &mut peer.association {
                    association.handle_datagram(now, &mut datagram, sink);
                }
            });
        }
        out.extend(self.transmit(now));
        out
    }

    pub fn transmit(&mut self, now: Instant) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        if let Some(association) = &mut self.association {
            let mut datagram = Vec::new();
            while association.poll_transmit(now, &mut datagram) {
                out.push(std::mem::take(&mut datagram));
            }
        }
        out
    }

    pub fn send(&mut self, message: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        self.association.as_mut().unwrap().seal(&[message], &mut out).unwrap();
        out
    }

    pub fn is_established(&self) -> bool {
        self.association.as_ref().is_some_and(Association::is_established)
    }

    pub fn is_closed(&self) -> bool {
        self.association.as_ref().is_some_and(Association::is_closed)
    }

    pub fn info(&self) -> Info {
        self.association.as_ref().unwrap().info().unwrap().clone()
    }

    pub fn close_reason(&self) -> Option<CloseReason> {
        self.seen.iter().rev().find_map(|seen| match seen {
            Seen::Closed(reason) => Some(*reason),
            _ => None,
        })
    }

    pub fn received(&self) -> Vec<Vec<u8>> {
        let messages = self.seen.iter().filter_map(|seen| match seen {
            Seen::Received(bytes) => Some(bytes.clone()),
            _ => None,
        });
        messages.collect()
    }
}

/// Which way a datagram goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    Client,
    Server,
}

/// What the network does with a datagram: the datagrams that arrive in its place, each after a delay.
pub type Fate<'a> = dyn FnMut(usize, To, &[u8]) -> Vec<(Duration, Vec<u8>)> + 'a;

pub const LATENCY: Duration = Duration::from_millis(10);

pub fn deliver(_: usize, _: To, datagram: &[u8]) -> Vec<(Duration, Vec<u8>)> {
    vec![(LATENCY, datagram.to_vec())]
}

pub struct Pair {
    pub now: Instant,
    pub client: Peer,
    pub server: Peer,
    /// Datagrams under way, by arrival.
    pub wire: VecDeque<(Instant, To, Vec<u8>)>,
    /// Datagrams sent so far.
    pub sent: usize,
}

impl Pair {
    pub fn new(client: (Config, Credentials), server: (Config, Credentials)) -> Self {
        let now = Instant::now();
        Self {
            now,
            client: Peer::new(client.0, client.1, false, now),
            server: Peer::new(server.0, server.1, true, now),
            wire: VecDeque::new(),
            sent: 0,
        }
    }

    /// A pair with pre-shared keys of their own and default settings.
    pub fn psk() -> Self {
        let credentials = Credentials::psk("device", b"secret");
        Self::new((config(1), credentials.clone()), (config(2), credentials))
    }

    /// A pair with raw public keys that trust each other.
    pub fn raw_keys() -> Self {
        let trusting = |own, peer| {
            let mut credentials = Credentials::raw_key(own);
            credentials.trusted = vec![*key_pair(peer).public()];
            credentials
        };
        let verifying = |seed| Config { verify_peer: true, ..config(seed) };
        Self::new((verifying(1), trusting(1, 2)), (verifying(2), trusting(2, 1)))
    }

    /// Cuts the flights of both sides to datagrams of at most `limit` bytes.
    pub fn shrink(&mut self, limit: usize) {
        for peer in [&mut self.client, &mut self.server] {
            peer.config = Arc::new(Config { max_datagram: limit, ..(*peer.config).clone() });
        }
        if let Some(listener) = &mut self.server.listener {
            *listener = Listener::new(Arc::clone(&self.server.config), self.now).unwrap();
        }
    }

    pub fn post(&mut self, to: To, datagrams: Vec<Vec<u8>>, fate: &mut Fate<'_>) {
        for datagram in datagrams {
            for (delay, bytes) in fate(self.sent, to, &datagram) {
                let at = self.now + delay;
                let position = self.wire.partition_point(|(other, ..)| *other <= at);
                self.wire.insert(position, (at, to, bytes));
            }
            self.sent += 1;
        }
    }

    /// Lets the client begin, and everything happen until nothing is left to do or `done` says so. Panics when that
    /// takes longer than any handshake may.
    pub fn run_until(&mut self, fate: &mut Fate<'_>, done: impl Fn(&Self) -> bool) {
        let limit = self.now + Duration::from_secs(200);
        loop {
            let from_client = self.client.transmit(self.now);
            self.post(To::Server, from_client, fate);
            let from_server = self.server.transmit(self.now);
            self.post(To::Client, from_server, fate);
            if done(self) {
                return;
            }
            let arrival = self.wire.front().map(|(at, ..)| *at);
            let timeout = |peer: &Peer| peer.association.as_ref().and_then(Association::poll_timeout);
            let next = [arrival, timeout(&self.client), timeout(&self.server)].into_iter().flatten().min();
            let Some(next) = next else { return };
            self.now = self.now.max(next);
            assert!(self.now < limit, "a handshake hangs");
            while self.wire.front().is_some_and(|(at, ..)| *at <= self.now) {
                let (_, to, datagram) = self.wire.pop_front().unwrap();
                let (peer, back) = match to {
                    To::Client => (&mut self.client, To::Server),
                    To::Server => (&mut self.server, To::Client),
                };
                let replies = peer.receive(self.now, &datagram);
                self.post(back, replies, fate);
            }
            let now = self.now;
            for peer in [&mut self.client, &mut self.server] {
                if timeout(peer).is_some_and(|at| at <= now) {
                    peer.run(now, |peer, sink| peer.association.as_mut().unwrap().handle_timeout(now, sink));
                }
            }
        }
    }

    /// A whole handshake over a network with this fate.
    pub fn handshake_over(&mut self, fate: &mut Fate<'_>) {
        self.client.connect(self.now);
        self.run_until(fate, |pair| {
            let over = |peer: &Peer| peer.is_established() || peer.is_closed();
            over(&pair.client) && (over(&pair.server) || pair.client.is_closed()) && pair.wire.is_empty()
        });
    }

    pub fn handshake(&mut self) {
        self.handshake_over(&mut deliver);
    }

    /// One message each way, checked.
    pub fn assert_echo(&mut self) {
        assert!(self.client.is_established(), "client: {:?}", self.client.close_reason());
        assert!(self.server.is_established(), "server: {:?}", self.server.close_reason());
        let (now, before) = (self.now, (self.client.received().len(), self.server.received().len()));
        let ping = self.client.send(b"ping");
        assert_eq!(self.server.receive(now, &ping), Vec::<Vec<u8>>::new());
        assert_eq!(self.server.received()[before.1..], [b"ping"]);
        let pong = self.server.send(b"pong");
        assert_eq!(self.client.receive(now, &pong), Vec::<Vec<u8>>::new());
        assert_eq!(self.client.received()[before.0..], [b"pong"]);
    }
}
