//! Work to count instructions of: `bench-pair <work> <times>`. Run under callgrind by `scripts/instructions.mjs`.

#![forbid(unsafe_code)]

use std::time::Instant;

use bench_pair::{Pair, Setup};
use dtls_proto::{Event, Suite};

const RECORDS: [(&str, Suite); 3] = [
    ("AES_128_GCM", Suite::PSK_WITH_AES_128_GCM_SHA256),
    ("AES_128_CCM_8", Suite::PSK_WITH_AES_128_CCM_8),
    ("CHACHA20_POLY1305", Suite::PSK_WITH_CHACHA20_POLY1305_SHA256),
];

fn setup(name: &str) -> Option<Setup> {
    Some(match name {
        "PSK_AES_128_CCM_8" => Setup::with_suite(Suite::PSK_WITH_AES_128_CCM_8),
        "PSK_AES_128_GCM" => Setup::with_suite(Suite::PSK_WITH_AES_128_GCM_SHA256),
        "ECDHE_PSK_AES_128_GCM" => Setup::with_suite(Suite::ECDHE_PSK_WITH_AES_128_GCM_SHA256),
        "ECDHE_ECDSA_AES_128_GCM" => Setup::raw_keys(true),
        _ => return None,
    })
}

fn transfer(pair: &mut Pair, message: &[u8], record: &mut Vec<u8>) {
    record.clear();
    pair.client.seal(&[message], record).expect("established");
    let mut received = 0;
    pair.server.handle_datagram(Instant::now(), record, &mut |event| {
        if let Event::Received(bytes) = event {
            received = bytes.len();
        }
    });
    assert_eq!(received, message.len());
}

/// All that is counted happens in here: callgrind collects between entry and return. What a process does once, like seeding its random
/// source, happened before.
#[inline(never)]
fn counted(times: u32, mut work: impl FnMut()) {
    (0..times).for_each(|_| work());
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [work, times] = &words[..] else { panic!("work, times") };
    let times = times.parse().expect("a number");
    if let Some(handshake) = work.strip_prefix("handshake ").and_then(setup) {
        drop(handshake.handshake());
        return counted(times, || drop(handshake.handshake()));
    }
    let record = work.strip_prefix("record ").and_then(|rest| rest.split_once(' '));
    let (aead, length) = record.expect("work that is known");
    let (_, suite) = RECORDS.into_iter().find(|(name, _)| *name == aead).expect("an AEAD");
    let mut pair = Setup::with_suite(suite).handshake();
    let message = vec![7; length.parse().expect("a length")];
    let mut record = Vec::new();
    transfer(&mut pair, &message, &mut record);
    counted(times, || transfer(&mut pair, &message, &mut record));
}
