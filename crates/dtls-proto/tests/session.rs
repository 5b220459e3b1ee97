//! The life of an established association: data, its limits, and its end.

mod common;

use common::{Credentials, Pair, Seen, config};
use dtls_proto::{CloseReason, Config, SendError, Suite};

fn with_suite(suite: Suite) -> Pair {
    let config = |seed| Config { suites: vec![suite], ..config(seed) };
    let credentials =
        |number| Credentials { psks: Credentials::psk("device", b"secret").psks, ..Credentials::raw_key(number) };
    Pair::new((config(1), credentials(1)), (config(2), credentials(2)))
}

#[test]
fn messages_of_every_length_keep_their_bytes_and_their_boundaries() {
    for suite in Suite::ALL {
        let mut pair = with_suite(*suite);
        pair.handshake();
        let now = pair.now;
        let lengths = [0, 1, 15, 16, 17, 64, 1200, 16_383, 16_384];
        for len in lengths {
            let message = (0..len).map(|n| n as u8).collect::<Vec<_>>();
            let record = pair.client.send(&message);
            let overhead = pair.client.association.as_ref().unwrap().overhead().unwrap();
            assert_eq!(record.len(), len + overhead);
            pair.server.receive(now, &record);
            assert_eq!(pair.server.received().last(), Some(&message));
        }
        assert_eq!(pair.server.received().len(), lengths.len());
    }
}

#[test]
fn a_message_in_parts_is_one_message_and_several_records_may_share_a_datagram() {
    let mut pair = Pair::psk();
    pair.handshake();
    let mut datagram = Vec::new();
    let client = pair.client.association.as_mut().unwrap();
    client.seal(&[b"one", b"", b" message"], &mut datagram).unwrap();
    client.seal(&[], &mut datagram).unwrap();
    client.seal(&[b"two"], &mut datagram).unwrap();
    let now = pair.now;
    pair.server.receive(now, &datagram);
    assert_eq!(pair.server.received(), [&b"one message"[..], b"", b"two"]);
}

#[test]
fn what_is_longer_than_a_record_is_refused_and_changes_nothing() {
    let mut pair = Pair::psk();
    pair.handshake();
    let mut out = b"kept".to_vec();
    let client = pair.client.association.as_mut().unwrap();
    assert_eq!(client.seal(&[&[0; 16_384], b"x"], &mut out), Err(SendError::TooLong));
    assert_eq!(out, b"kept");
    pair.assert_echo();
}

#[test]
fn nothing_can_be_sent_before_the_handshake_is_complete_or_after_the_end() {
    let mut pair = Pair::psk();
    pair.client.connect(pair.now);
    let mut out = Vec::new();
    let client = pair.client.association.as_mut().unwrap();
    assert_eq!(client.seal(&[b"early"], &mut out), Err(SendError::NotEstablished));
    pair.handshake();
    let now = pair.now;
    pair.client.run(now, |peer, sink| peer.association.as_mut().unwrap().close(sink));
    let client = pair.client.association.as_mut().unwrap();
    assert_eq!(client.seal(&[b"late"], &mut out), Err(SendError::NotEstablished));
    assert!(out.is_empty());
}

#[test]
fn close_notify_ends_both_sides_and_is_answered() {
    let mut pair = Pair::psk();
    pair.handshake();
    let now = pair.now;
    pair.server.run(now, |peer, sink| peer.association.as_mut().unwrap().close(sink));
    let close_notify = pair.server.transmit(now).concat();
    let answer = pair.client.receive(now, &close_notify).concat();
    assert!(!answer.is_empty());
    assert_eq!(pair.client.close_reason(), Some(CloseReason::PeerClosed));
    assert_eq!(pair.server.close_reason(), Some(CloseReason::Local));
    assert_eq!(pair.server.receive(now, &answer), Vec::<Vec<u8>>::new());
    assert_eq!(pair.client.receive(now, &close_notify), Vec::<Vec<u8>>::new());
    assert_eq!(pair.client.seen.iter().filter(|seen| matches!(seen, Seen::Closed(_))).count(), 1);
}

#[test]
fn closing_in_the_middle_of_a_handshake_tells_the_peer() {
    let mut pair = Pair::raw_keys();
    pair.client.credentials.slow = true;
    pair.client.connect(pair.now);
    pair.run_until(&mut common::deliver, |pair| !pair.client.open.is_empty());
    let now = pair.now;
    pair.client.run(now, |peer, sink| peer.association.as_mut().unwrap().close(sink));
    let close_notify = pair.client.transmit(now).concat();
    pair.server.receive(now, &close_notify);
    assert_eq!(pair.server.close_reason(), Some(CloseReason::PeerClosed));
}

#[test]
fn records_may_come_in_any_order_within_the_window() {
    let mut pair = Pair::psk();
    pair.handshake();
    let now = pair.now;
    let records = (0..100u8).map(|n| pair.client.send(&[n])).collect::<Vec<_>>();
    for record in records[40..100].iter().rev() {
        pair.server.receive(now, record);
    }
    assert_eq!(pair.server.received().len(), 60);
    // Record 30 is older than the 64 numbers the window holds.
    pair.server.receive(now, &records[30]);
    assert_eq!(pair.server.received().len(), 60);
}

#[test]
fn an_established_association_has_no_deadline() {
    let mut pair = Pair::psk();
    pair.handshake();
    for peer in [&pair.client, &pair.server] {
        assert_eq!(peer.association.as_ref().unwrap().poll_timeout(), None);
    }
}
