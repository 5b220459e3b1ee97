//! Bytes from strangers: forged, replayed, flipped and random records, at every step.

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{Credentials, LATENCY, Pair, SeededRandom, To, config, deliver};
use dtls_proto::{Config, Discard, Hello, Listener};
use proptest::prelude::*;

fn forged_record(content_type: u8, epoch: u8, sequence: u64, body: &[u8]) -> Vec<u8> {
    let mut record = vec![content_type, 0xfe, 0xfd, 0, epoch];
    record.extend_from_slice(&sequence.to_be_bytes()[2..]);
    record.extend_from_slice(&(body.len() as u16).to_be_bytes());
    record.extend_from_slice(body);
    record
}

#[test]
fn forged_records_of_epoch_1_end_no_handshake_whenever_they_come() {
    for make in [Pair::psk as fn() -> Pair, Pair::raw_keys] {
        for content_type in 20..=23 {
            let mut pair = make();
            pair.handshake_over(&mut |_, _, bytes| {
                // Before and after every datagram, both ways.
                let forged = forged_record(content_type, 1, 0, &[content_type; 40]);
                vec![(LATENCY, forged.clone()), (LATENCY, bytes.to_vec()), (LATENCY, forged)]
            });
            pair.assert_echo();
        }
    }
}

#[test]
fn a_record_counts_once_and_is_never_answered() {
    let mut pair = Pair::psk();
    pair.handshake();
    let now = pair.now;
    let record = pair.client.send(b"once");
    for _ in 0..5 {
        assert_eq!(pair.server.receive(now, &record), Vec::<Vec<u8>>::new());
    }
    assert_eq!(pair.server.received(), [b"once"]);
    let discards = pair.server.association.as_mut().unwrap().take_discards();
    assert_eq!(discards.of(Discard::Replayed), 4);
}

#[test]
fn a_changed_byte_anywhere_in_a_record_makes_it_a_forgery_that_is_dropped_and_counted() {
    let mut pair = Pair::psk();
    pair.handshake();
    let now = pair.now;
    let record = pair.client.send(b"intact");
    // Behind the version and the length, which say where the record ends.
    for at in (3..11).chain(13..record.len()) {
        let mut changed = record.clone();
        changed[at] ^= 0x20;
        assert_eq!(pair.server.receive(now, &changed), Vec::<Vec<u8>>::new(), "byte {at}");
    }
    assert_eq!(pair.server.received(), Vec::<Vec<u8>>::new());
    pair.server.receive(now, &record);
    assert_eq!(pair.server.received(), [b"intact"]);
    let discards = pair.server.association.as_mut().unwrap().take_discards();
    assert!(discards.of(Discard::Forged) as usize >= record.len() - 13);
}

#[test]
fn plaintext_on_an_established_association_is_dropped() {
    let mut pair = Pair::psk();
    pair.handshake();
    let now = pair.now;
    for record in [
        forged_record(21, 0, 9, &[2, 40]),
        forged_record(21, 0, 9, &[1, 0]),
        forged_record(23, 0, 9, b"in clear"),
        forged_record(20, 0, 9, &[1]),
        forged_record(22, 0, 9, &[20, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0]),
    ] {
        for peer in [&mut pair.client, &mut pair.server] {
            assert_eq!(peer.receive(now, &record), Vec::<Vec<u8>>::new());
        }
    }
    assert!(pair.server.received().is_empty());
    pair.assert_echo();
}

#[test]
fn a_flipped_bit_in_any_handshake_datagram_ends_in_success_or_in_a_clean_failure() {
    for make in [Pair::psk as fn() -> Pair, Pair::raw_keys] {
        for datagram in 0..6 {
            for at in 0..300 {
                let mut pair = make();
                pair.handshake_over(&mut |count, _, bytes| {
                    let mut bytes = bytes.to_vec();
                    if count == datagram && at < bytes.len() {
                        bytes[at] ^= 1 << (at % 8);
                    }
                    vec![(LATENCY, bytes)]
                });
                if pair.client.is_established() {
                    pair.assert_echo();
                } else {
                    assert!(pair.client.close_reason().is_some());
                }
            }
        }
    }
}

#[test]
fn a_fatal_alert_in_clear_ends_a_handshake_and_a_warning_does_not() {
    let mut pair = Pair::psk();
    let mut alerts = 0;
    pair.handshake_over(&mut |count, to, bytes| {
        alerts += usize::from(to == To::Client);
        vec![(LATENCY, forged_record(21, 0, 50 + count as u64, &[1, 90])), (LATENCY, bytes.to_vec())]
    });
    assert!(alerts > 0);
    pair.assert_echo();
}

fn listener(seed: u64, now: std::time::Instant) -> Listener {
    Listener::new(Arc::new(config(seed)), now).unwrap()
}

/// A ClientHello with the cookie that the server sent for it.
fn hello_with_cookie(pair: &mut Pair, listener: &mut Listener) -> Vec<u8> {
    pair.client.connect(pair.now);
    let first = pair.client.transmit(pair.now).concat();
    let mut request = Vec::new();
    assert!(matches!(listener.handle(pair.now, b"here", &first, &mut request), Hello::VerifyRequest));
    assert!(request.len() < first.len());
    pair.client.receive(pair.now, &request).concat()
}

#[test]
fn a_cookie_holds_for_one_address_and_one_hello_and_for_two_minutes_at_most() {
    let mut pair = Pair::psk();
    let mut listener = listener(5, pair.now);
    let hello = hello_with_cookie(&mut pair, &mut listener);
    let mut out = Vec::new();
    assert!(matches!(listener.handle(pair.now, b"here", &hello, &mut out), Hello::Verified(_)));
    assert!(matches!(listener.handle(pair.now, b"there", &hello, &mut out), Hello::VerifyRequest));
    let mut other = hello.clone();
    other[40] ^= 1;
    assert!(matches!(listener.handle(pair.now, b"here", &other, &mut out), Hello::VerifyRequest));
    let soon = pair.now + Duration::from_secs(61);
    assert!(matches!(listener.handle(soon, b"here", &hello, &mut out), Hello::Verified(_)));
    let late = soon + Duration::from_secs(61);
    assert!(matches!(listener.handle(late, b"here", &hello, &mut out), Hello::VerifyRequest));
}

#[test]
fn a_fragmented_hello_and_one_that_is_cut_are_dropped_without_an_answer() {
    let mut pair = Pair::psk();
    let mut listener = listener(5, pair.now);
    let hello = hello_with_cookie(&mut pair, &mut listener);
    let mut out = Vec::new();
    for len in 0..hello.len() {
        assert!(matches!(listener.handle(pair.now, b"here", &hello[..len], &mut out), Hello::Discarded(_)));
    }
    let mut fragment = hello;
    fragment[14..17].copy_from_slice(&[0, 40, 0]);
    assert!(matches!(listener.handle(pair.now, b"here", &fragment, &mut out), Hello::Discarded(_)));
    assert!(out.is_empty());
}

#[test]
fn half_a_message_in_every_slot_stays_within_the_reassembly_limit() {
    let credentials = Credentials::psk("device", b"secret");
    let server = Config { max_reassembly: 4096, ..config(2) };
    let mut pair = Pair::new((config(1), credentials.clone()), (server, credentials));
    pair.client.connect(pair.now);
    pair.run_until(&mut deliver, |pair| pair.server.association.is_some());
    let now = pair.now;
    for seq in 2..18u8 {
        for offset in (0..16).map(|n| n * 256u16) {
            let mut body = vec![16, 0, 0x10, 0, 0, seq, 0];
            body.extend_from_slice(&offset.to_be_bytes());
            body.extend_from_slice(&[0, 0, 200]);
            body.extend_from_slice(&[0; 200]);
            pair.server.receive(now, &forged_record(22, 0, 100, &body));
        }
    }
    let discards = pair.server.association.as_mut().unwrap().take_discards();
    assert!(discards.of(Discard::Fragment) > 200, "{discards:?}");
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let trace = || {
        let mut pair = Pair::psk();
        let mut bytes = Vec::new();
        let random = SeededRandom::new(3);
        pair.handshake_over(&mut |_, _, datagram| {
            bytes.extend_from_slice(datagram);
            if random.below(4) == 0 { vec![] } else { vec![(LATENCY, datagram.to_vec())] }
        });
        bytes
    };
    assert_eq!(trace(), trace());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn random_datagrams_at_every_step_end_no_handshake_that_does_not_take_them_for_its_own(
        soup in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..120), 1..6),
    ) {
        let mut pair = Pair::raw_keys();
        pair.handshake_over(&mut |_, _, bytes| {
            let junk = soup.iter().map(|junk| (LATENCY, junk.clone()));
            junk.chain([(LATENCY, bytes.to_vec())]).collect()
        });
        pair.assert_echo();
    }

    #[test]
    fn random_records_of_epoch_0_never_panic_and_never_hang(
        records in prop::collection::vec((20u8..25, prop::collection::vec(any::<u8>(), 0..80)), 1..5),
    ) {
        let mut pair = Pair::raw_keys();
        pair.handshake_over(&mut |count, _, bytes| {
            let forged = records.iter().map(|(kind, body)| forged_record(*kind, 0, count as u64, body));
            let forged = forged.map(|record| (LATENCY, record));
            forged.chain([(LATENCY, bytes.to_vec())]).collect()
        });
        prop_assert!(pair.client.is_established() || pair.client.close_reason().is_some());
    }
}
