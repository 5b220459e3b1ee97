//! A new ClientHello on a live association, peers that vanish, and peers that begin at the same time.

mod common;

use common::{Credentials, Pair, Peer, Seen, To, config, deliver};
use dtls_proto::{Association, CloseReason};

/// The client has lost its state, and begins again from the same address.
fn reborn(pair: &mut Pair, seed: u64) {
    pair.client = Peer::new(config(seed), Credentials::psk("device", b"secret"), false, pair.now);
    pair.client.connect(pair.now);
}

#[test]
fn the_old_association_serves_until_the_new_handshake_is_complete() {
    let mut pair = Pair::psk();
    pair.handshake();
    let mut old_client = std::mem::replace(
        &mut pair.client,
        Peer::new(config(9), Credentials::psk("device", b"secret"), false, pair.now),
    );
    pair.client.connect(pair.now);
    let now = pair.now;
    let mut towards_server = pair.client.transmit(now);
    let mut steps = 0;
    while !pair.client.is_established() {
        let message = format!("old {steps}");
        let record = old_client.send(message.as_bytes());
        let before = pair.server.received().len();
        pair.server.receive(now, &record);
        assert_eq!(pair.server.received()[before..], [message.into_bytes()]);
        let mut back = Vec::new();
        for datagram in std::mem::take(&mut towards_server) {
            back.extend(pair.server.receive(now, &datagram));
        }
        for datagram in back {
            towards_server.extend(pair.client.receive(now, &datagram));
        }
        steps += 1;
        assert!(steps < 10);
    }
    pair.assert_echo();
    let record = old_client.send(b"too late");
    let before = pair.server.received().len();
    pair.server.receive(now, &record);
    assert_eq!(pair.server.received().len(), before);
    assert_eq!(pair.server.seen.iter().filter(|seen| **seen == Seen::Established).count(), 2);
    assert_eq!(pair.server.close_reason(), None);
}

#[test]
fn a_client_that_vanished_comes_back_as_often_as_it_likes() {
    let mut pair = Pair::psk();
    pair.handshake();
    for seed in 10..20 {
        reborn(&mut pair, seed);
        pair.run_until(&mut deliver, |pair| pair.client.is_established() && pair.wire.is_empty());
        pair.assert_echo();
    }
}

#[test]
fn a_handshake_that_a_client_left_halfway_gives_way_to_its_next() {
    let mut pair = Pair::psk();
    pair.client.connect(pair.now);
    // The client hears nothing after the HelloVerifyRequest, and begins again.
    pair.run_until(
        &mut |count, to, bytes| if to == To::Client && count > 2 { vec![] } else { deliver(count, to, bytes) },
        |pair| pair.server.association.is_some(),
    );
    pair.wire.clear();
    reborn(&mut pair, 7);
    pair.run_until(&mut deliver, |pair| pair.client.is_established() && pair.server.is_established());
    pair.assert_echo();
}

#[test]
fn a_hello_that_leads_nowhere_leaves_the_live_association_alone() {
    let mut pair = Pair::psk();
    pair.handshake();
    let intact = std::mem::replace(
        &mut pair.client,
        Peer::new(config(9), Credentials::psk("device", b"wrong key"), false, pair.now),
    );
    pair.client.connect(pair.now);
    pair.run_until(&mut deliver, |pair| pair.client.is_closed());
    pair.client = intact;
    pair.assert_echo();
    assert_eq!(pair.server.close_reason(), None);
}

#[test]
fn peers_that_begin_at_the_same_time_end_up_with_one_association() {
    for seeds in [(1, 2), (2, 1), (3, 4), (5, 6)] {
        let credentials = Credentials::psk("device", b"secret");
        let mut pair = Pair::new((config(seeds.0), credentials.clone()), (config(seeds.1), credentials));
        let now = pair.now;
        pair.client = Peer::new(config(seeds.0), Credentials::psk("device", b"secret"), true, now);
        pair.client.connect(now);
        pair.server.connect(now);
        pair.run_until(&mut deliver, |pair| pair.client.is_established() && pair.server.is_established());
        pair.assert_echo();
    }
}

#[test]
fn a_client_whose_server_has_lost_its_state_is_not_told_and_can_begin_again() {
    let mut pair = Pair::psk();
    pair.handshake();
    pair.server.association = None;
    let now = pair.now;
    let record = pair.client.send(b"into the void");
    assert_eq!(pair.server.receive(now, &record), Vec::<Vec<u8>>::new());
    pair.client.run(now, |peer, sink| peer.association.as_mut().unwrap().close(sink));
    assert_eq!(pair.client.close_reason(), Some(CloseReason::Local));
    pair.client.association = None::<Association>;
    pair.handshake();
    pair.assert_echo();
}
