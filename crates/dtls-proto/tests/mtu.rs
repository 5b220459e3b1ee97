//! Flights cut into fragments, and datagrams that were cut or joined on their way.

mod common;

use common::{Credentials, LATENCY, Pair, config, deliver};
use dtls_proto::Config;

fn both_kinds() -> [fn() -> Pair; 2] {
    [Pair::psk, Pair::raw_keys]
}

#[test]
fn handshakes_complete_at_every_mtu_and_no_datagram_exceeds_it() {
    for make in both_kinds() {
        for mtu in (256..600).chain([700, 1000, 1280, 1500]) {
            let limit = mtu - 48;
            let mut pair = make();
            pair.shrink(limit);
            pair.handshake_over(&mut |count, to, bytes| {
                assert!(bytes.len() <= limit, "{} bytes at an MTU of {mtu}", bytes.len());
                deliver(count, to, bytes)
            });
            pair.assert_echo();
        }
    }
}

#[test]
fn a_datagram_that_is_cut_anywhere_is_made_good_by_the_next_try() {
    for make in both_kinds() {
        for cut in 0..6 {
            for part in [1, 3, 12, 13, 14, 25, 26, 40, 60, 100] {
                let mut pair = make();
                pair.handshake_over(&mut |count, _, bytes| {
                    let len = if count == cut { bytes.len().min(part) } else { bytes.len() };
                    vec![(LATENCY, bytes[..len].to_vec())]
                });
                pair.assert_echo();
            }
        }
    }
}

#[test]
fn datagrams_that_were_joined_are_read_as_the_records_they_hold() {
    for make in both_kinds() {
        let mut pair = make();
        pair.shrink(208);
        pair.client.connect(pair.now);
        // Whatever is under way to one side arrives as one datagram, hellos but alone.
        for _ in 0..20 {
            let from_client = pair.client.transmit(pair.now);
            let hello = |bytes: &[u8]| bytes.first() == Some(&22) && bytes.get(13) == Some(&1);
            let joined: Vec<Vec<u8>> =
                if from_client.iter().any(|bytes| hello(bytes)) { from_client } else { vec![from_client.concat()] };
            let now = pair.now;
            let mut back = Vec::new();
            for datagram in joined {
                back.extend(pair.server.receive(now, &datagram));
            }
            let replies = pair.client.receive(now, &back.concat());
            for reply in replies {
                pair.post(common::To::Server, vec![reply], &mut deliver);
            }
            while let Some((_, _, datagram)) = pair.wire.pop_front() {
                let back = pair.server.receive(now, &datagram);
                let more = pair.client.receive(now, &back.concat());
                pair.post(common::To::Server, more, &mut deliver);
            }
        }
        pair.assert_echo();
    }
}

#[test]
fn an_identity_longer_than_a_datagram_is_sent_in_fragments() {
    let identity = "i".repeat(5000);
    let credentials = Credentials::psk(&identity, b"secret");
    let mut pair = Pair::new((config(1), credentials.clone()), (config(2), credentials));
    pair.handshake();
    pair.assert_echo();
}

#[test]
fn a_message_beyond_the_reassembly_limit_is_not_put_together() {
    let credentials = Credentials::psk(&"i".repeat(5000), b"secret");
    let server = Config { max_reassembly: 4096, ..config(2) };
    let mut pair = Pair::new((config(1), credentials.clone()), (server, credentials));
    pair.handshake();
    assert_eq!(pair.client.close_reason(), Some(dtls_proto::CloseReason::TimedOut));
    assert!(!pair.server.is_established());
}
