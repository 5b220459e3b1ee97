//! Two peers and a network that does what the input says: loses, repeats, changes, cuts and invents datagrams.

#![no_main]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use dtls_proto::{
    Answer, Association, Config, CredentialKinds, Error, Event, Hello, KeyPair, Listener, Psk, Question, SecureRandom,
    Sink,
};
use libfuzzer_sys::fuzz_target;

/// More datagrams than this from one input would be a flood.
const MAX_ANSWERS: usize = 64;

/// The same bytes for the same input.
struct Counting(AtomicU64);

impl SecureRandom for Counting {
    fn fill(&self, out: &mut [u8]) -> Result<(), Error> {
        for byte in out {
            let number = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
            *byte = (number >> 40) as u8;
        }
        Ok(())
    }
}

struct Peer {
    config: Arc<Config>,
    pair: KeyPair,
    listener: Option<Listener>,
    association: Option<Association>,
    received: Vec<Vec<u8>>,
}

const KINDS: CredentialKinds = CredentialKinds { psk: true, ecdsa: true };

impl Peer {
    fn new(number: u8, server: bool, now: Instant) -> Self {
        let mut private = [0; 32];
        private[31] = number;
        let pair = KeyPair::new(&private, KeyPair::derive_public(&private).unwrap()).unwrap();
        let random = Arc::new(Counting(AtomicU64::new(u64::from(number) << 56)));
        let config = Arc::new(Config { random, ..Config::default() });
        let listener = server.then(|| Listener::new(Arc::clone(&config), now).unwrap());
        Self { config, pair, listener, association: None, received: Vec::new() }
    }

    fn run(&mut self, now: Instant, step: impl FnOnce(&mut Self, Sink<'_>)) -> Vec<Vec<u8>> {
        let (mut asked, mut received) = (Vec::new(), Vec::new());
        step(self, &mut |event| match event {
            Event::Question(id, question) => asked.push((id, question)),
            Event::Received(message) => received.push(message.to_vec()),
            _ => {}
        });
        while let Some((id, question)) = asked.pop() {
            let answer = match question {
                Question::KeyPair => Answer::KeyPair(Some(self.pair.clone())),
                Question::VerifyPeer(_) => Answer::Verdict(true),
                _ => Answer::Psk(Some(Psk::new(b"device", b"secret").unwrap())),
            };
            if let Some(association) = &mut self.association {
                let _ = association.answer(now, id, answer, &mut |event| match event {
                    Event::Question(id, question) => asked.push((id, question)),
                    Event::Received(message) => received.push(message.to_vec()),
                    _ => {}
                });
            }
        }
        self.received.append(&mut received);
        let mut out = Vec::new();
        if let Some(association) = &mut self.association {
            let mut datagram = Vec::new();
            while association.poll_transmit(now, &mut datagram) {
                out.push(std::mem::take(&mut datagram));
                assert!(out.len() < MAX_ANSWERS, "a flood");
            }
        }
        out
    }

    fn receive(&mut self, now: Instant, mut datagram: Vec<u8>) -> Vec<Vec<u8>> {
        if !Listener::is_client_hello(&datagram) {
            return self.run(now, |peer, sink| {
                if let Some(association) = &mut peer.association {
                    association.handle_datagram(now, &mut datagram, sink);
                }
            });
        }
        let Some(listener) = &mut self.listener else { return Vec::new() };
        let mut reply = Vec::new();
        match listener.handle(now, b"peer", &datagram, &mut reply) {
            Hello::Discarded(_) => Vec::new(),
            Hello::VerifyRequest => {
                assert!(reply.len() <= datagram.len(), "an unverified address got more than it sent");
                vec![reply]
            }
            Hello::Verified(hello) => self.run(now, |peer, sink| match &mut peer.association {
                Some(association) => association.handle_hello(&peer.config, KINDS, None, &hello, now, sink),
                none => *none = Some(Association::server(&peer.config, KINDS, None, &hello, now, sink)),
            }),
        }
    }

    fn timeout(&mut self, now: Instant) -> Vec<Vec<u8>> {
        self.run(now, |peer, sink| {
            if let Some(association) = &mut peer.association
                && association.poll_timeout().is_some_and(|at| at <= now)
            {
                association.handle_timeout(now, sink);
                assert!(association.poll_timeout().is_none_or(|at| at > now), "a deadline that never passes");
            }
        })
    }
}

fn simulate(input: &[u8]) {
    let mut now = Instant::now();
    let (mut client, mut server) = (Peer::new(1, false, now), Peer::new(2, true, now));
    client.association = Some(Association::client(&client.config, KINDS, now).unwrap());
    // True: to the server.
    let mut wire: Vec<(bool, Vec<u8>)> = client.run(now, |_, _| ()).into_iter().map(|bytes| (true, bytes)).collect();
    let mut script = input.iter().copied();
    for _ in 0..400 {
        let mut step = || script.next();
        let Some(operation) = step() else { break };
        if wire.is_empty() || operation % 16 == 0 {
            now += Duration::from_millis(u64::from(operation) * 16 + 1000);
            wire.extend(client.timeout(now).into_iter().map(|bytes| (true, bytes)));
            wire.extend(server.timeout(now).into_iter().map(|bytes| (false, bytes)));
            continue;
        }
        let (to_server, mut datagram) = wire.remove(usize::from(operation / 16) % wire.len());
        match operation % 16 {
            1 => continue,
            2 => wire.push((to_server, datagram.clone())),
            3 => {
                let at = usize::from(step().unwrap_or(0)) * 256 + usize::from(step().unwrap_or(0));
                let len = datagram.len();
                datagram[at % len] ^= step().unwrap_or(1);
            }
            4 => datagram.truncate(usize::from(step().unwrap_or(0))),
            5 => datagram = (0..step().unwrap_or(0)).map(|_| step().unwrap_or(0)).collect(),
            6 => {
                let (other, bytes) = wire.first().cloned().unwrap_or((to_server, Vec::new()));
                if other == to_server {
                    datagram.extend(bytes);
                }
            }
            _ => {}
        }
        let answers = if to_server { server.receive(now, datagram) } else { client.receive(now, datagram) };
        wire.extend(answers.into_iter().map(|bytes| (!to_server, bytes)));
        wire.truncate(MAX_ANSWERS);
    }
    assert!(client.received.is_empty() && server.received.is_empty(), "data came that nobody sent");

    // The same keys on both sides, or none at all.
    let (Some(ours), Some(theirs)) = (&mut client.association, &mut server.association) else { return };
    if ours.is_established() && theirs.is_established() {
        assert_eq!(ours.info().map(|info| info.suite), theirs.info().map(|info| info.suite));
        let mut record = Vec::new();
        ours.seal(&[b"ping"], &mut record).unwrap();
        server.receive(now, record);
        assert_eq!(server.received, [b"ping"]);
    }
}

fuzz_target!(|input: &[u8]| simulate(input));
