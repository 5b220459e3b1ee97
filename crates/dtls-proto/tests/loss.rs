//! Handshakes over a network that loses, repeats, delays and reorders.

mod common;

use std::time::Duration;

use common::{Credentials, LATENCY, Pair, SeededRandom, To, config, deliver, psk};
use dtls_proto::{Config, Suite};

/// The handshakes with different flights.
type Kind = (&'static str, fn() -> Pair);

fn kinds() -> Vec<Kind> {
    fn psk_only() -> Pair {
        let config = |seed| Config { suites: vec![Suite::PSK_WITH_AES_128_CCM_8], ..config(seed) };
        let credentials = Credentials { hint: Some(b"hint".to_vec()), ..Credentials::psk("device", b"secret") };
        Pair::new((config(1), credentials.clone()), (config(2), credentials))
    }
    fn anonymous_client() -> Pair {
        // It offers raw public keys and then has none to show.
        let mut pair = Pair::new((config(1), Credentials::raw_key(1)), (config(2), Credentials::raw_key(2)));
        pair.client.connect(pair.now);
        pair.client.credentials.pair = None;
        pair.client.credentials.psks = vec![psk("unused", b"unused")];
        pair
    }
    vec![
        ("PSK with hint", psk_only),
        ("ECDHE_PSK", Pair::psk),
        ("raw keys, mutual", Pair::raw_keys),
        ("raw keys, anonymous client", anonymous_client),
    ]
}

fn complete(mut pair: Pair, fate: &mut common::Fate<'_>) -> usize {
    if pair.client.association.is_none() {
        pair.client.connect(pair.now);
    }
    pair.run_until(fate, |pair| pair.client.is_established() && pair.server.is_established() && pair.wire.is_empty());
    pair.assert_echo();
    pair.sent
}

#[test]
fn each_single_datagram_may_be_lost() {
    for (name, make) in kinds() {
        let datagrams = complete(make(), &mut deliver);
        for lost in 0..datagrams {
            println!("{name}: without datagram {lost}");
            complete(make(), &mut |count, to, bytes| if count == lost { vec![] } else { deliver(count, to, bytes) });
        }
    }
}

#[test]
fn any_two_datagrams_may_be_lost() {
    for (name, make) in kinds() {
        for first in 0..10 {
            for second in first + 1..12 {
                println!("{name}: without datagrams {first} and {second}");
                complete(make(), &mut |count, to, bytes| {
                    if count == first || count == second { vec![] } else { deliver(count, to, bytes) }
                });
            }
        }
    }
}

#[test]
fn every_datagram_may_come_twice() {
    for (_, make) in kinds() {
        complete(make(), &mut |_, _, bytes| vec![(LATENCY, bytes.to_vec()), (LATENCY * 2, bytes.to_vec())]);
    }
}

#[test]
fn repeated_datagrams_do_not_make_the_peers_answer_each_other_for_ever() {
    let mut pair = Pair::psk();
    pair.handshake_over(&mut |_, _, bytes| vec![(LATENCY, bytes.to_vec()); 3]);
    assert!(pair.sent < 30, "{} datagrams", pair.sent);
}

#[test]
fn datagrams_may_overtake_each_other() {
    for (name, make) in kinds() {
        for seed in 0..200 {
            println!("{name}: seed {seed}");
            let random = SeededRandom::new(seed);
            let small = |mut pair: Pair| {
                pair.shrink(208);
                pair
            };
            complete(small(make()), &mut |_, _, bytes| {
                vec![(Duration::from_millis(1 + random.below(50)), bytes.to_vec())]
            });
        }
    }
}

#[test]
fn one_datagram_in_three_may_be_lost_while_others_come_late_and_twice() {
    for (name, make) in kinds() {
        let mut completed = 0;
        for seed in 0..100 {
            let random = SeededRandom::new(seed);
            let mut pair = make();
            if pair.client.association.is_none() {
                pair.client.connect(pair.now);
            }
            pair.run_until(
                &mut |_, _, bytes| {
                    let late = |n: u64| (Duration::from_millis(n), bytes.to_vec());
                    match random.below(6) {
                        0 | 1 => vec![],
                        2 => vec![late(5), late(300)],
                        _ => vec![late(1 + random.below(1500))],
                    }
                },
                |pair| pair.client.is_established() && pair.server.is_established(),
            );
            // Whatever happens, both know how it ended.
            assert!(pair.client.is_established() || pair.client.is_closed(), "{name}: seed {seed}");
            completed += usize::from(pair.client.is_established() && pair.server.is_established());
        }
        assert!(completed >= 80, "{name}: {completed} of 100 handshakes completed");
    }
}

#[test]
fn a_peer_that_never_answers_ends_the_handshake_when_its_lifetime_is_over() {
    let mut pair = Pair::psk();
    let begun = pair.now;
    let mut sent = Vec::new();
    pair.client.connect(pair.now);
    pair.run_until(
        &mut |_, _, _| {
            sent.push(());
            vec![]
        },
        |pair| pair.client.is_closed(),
    );
    assert_eq!(pair.client.close_reason(), Some(dtls_proto::CloseReason::TimedOut));
    assert_eq!(pair.now - begun, Duration::from_secs(60));
    // At 0, 1, 3, 7, 15 and 31 seconds.
    assert_eq!(sent.len(), 6);
}

#[test]
fn the_servers_last_flight_is_sent_again_when_the_client_repeats_its_finished() {
    let mut lost = 0;
    let mut pair = Pair::psk();
    pair.handshake_over(&mut |count, to, bytes| {
        // The server's last flight begins with ChangeCipherSpec.
        if to == To::Client && bytes[0] == 20 && lost < 4 {
            lost += 1;
            return vec![];
        }
        deliver(count, to, bytes)
    });
    assert_eq!(lost, 4);
    pair.assert_echo();
}
