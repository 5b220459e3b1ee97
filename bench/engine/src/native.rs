//! Our engine as a subject.

use std::time::{Duration, Instant};

use bench_pair::{Pair, Setup};
use dtls_proto::{Event, Suite};

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
        Some(Box::new(Records { pair: Setup::with_suite(suite(aead)).handshake(), records: Vec::new() }))
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

/// A pair, and the records on their way.
struct Records {
    pair: Pair,
    records: Vec<Vec<u8>>,
}

impl subject::Pair for Records {
    fn batch(&mut self, message: &[u8], count: usize) -> (Duration, Duration) {
        let Self { pair: Pair { client, server }, records } = self;
        records.resize_with(count, Vec::new);
        let sealing = timed(|| {
            for record in records.iter_mut() {
                record.clear();
                client.seal(&[message], record).unwrap();
            }
        });
        let mut received = 0;
        let opening = timed(|| {
            // As a sock does: one look at the clock for all that has come.
            let now = Instant::now();
            for record in records {
                server.handle_datagram(now, record, &mut |event| {
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
