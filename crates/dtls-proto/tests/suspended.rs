//! Handshakes that wait for a credential.

mod common;

use std::time::Duration;

use common::{Credentials, Pair, Seen, config, deliver, psk};
use dtls_proto::{Answer, CloseReason, Error, Question, QuestionId, StaleAnswer};

/// A pair of which one side keeps its questions open.
fn slow(raw_keys: bool, server: bool) -> Pair {
    let mut pair = if raw_keys { Pair::raw_keys() } else { Pair::psk() };
    let peer = if server { &mut pair.server } else { &mut pair.client };
    peer.credentials.slow = true;
    pair
}

fn run_to_question(pair: &mut Pair) {
    pair.client.connect(pair.now);
    pair.run_until(&mut deliver, |pair| !pair.client.open.is_empty() || !pair.server.open.is_empty());
}

#[test]
fn slow_answers_on_either_side_still_complete() {
    for raw_keys in [false, true] {
        for server in [false, true] {
            let mut pair = slow(raw_keys, server);
            run_to_question(&mut pair);
            let mut questions = 0;
            for _ in 0..10 {
                // Three seconds a question: the other side repeats its flight meanwhile, in vain.
                let until = pair.now + Duration::from_secs(3);
                pair.run_until(&mut deliver, |pair| pair.now >= until || pair.client.is_established());
                let now = pair.now;
                let peer = if server { &mut pair.server } else { &mut pair.client };
                questions += peer.open.len();
                peer.answer_all(now);
                pair.run_until(&mut deliver, |pair| {
                    !pair.client.open.is_empty()
                        || !pair.server.open.is_empty()
                        || (pair.client.is_established() && pair.server.is_established())
                });
            }
            assert_eq!(questions, if raw_keys { 2 } else { 1 });
            pair.assert_echo();
        }
    }
}

#[test]
fn an_answer_counts_once_and_only_if_it_is_of_the_questions_kind() {
    let mut pair = slow(false, false);
    run_to_question(&mut pair);
    let (id, question) = pair.client.open[0].clone();
    assert_eq!(question, Question::ClientPsk { hint: None });
    let now = pair.now;
    let association = pair.client.association.as_mut().unwrap();
    let mut nothing = |_: dtls_proto::Event<'_>| {};
    assert_eq!(association.answer(now, id, Answer::Verdict(true), &mut nothing), Err(StaleAnswer));
    assert_eq!(association.answer(now, id, Answer::KeyPair(None), &mut nothing), Err(StaleAnswer));
    let right = Answer::Psk(Some(psk("device", b"secret")));
    assert_eq!(association.answer(now, id, right.clone(), &mut nothing), Ok(()));
    assert_eq!(association.answer(now, id, right, &mut nothing), Err(StaleAnswer));
    pair.run_until(&mut deliver, |pair| pair.client.is_established() && pair.server.is_established());
    pair.assert_echo();
}

#[test]
fn no_key_ends_the_clients_handshake_with_an_alert() {
    let mut pair = slow(false, false);
    run_to_question(&mut pair);
    pair.client.credentials.psks.clear();
    let now = pair.now;
    pair.client.answer_all(now);
    pair.run_until(&mut deliver, |pair| pair.server.is_closed());
    assert_eq!(pair.client.close_reason(), Some(CloseReason::Refused(Error::NoCredential)));
    assert!(matches!(pair.server.close_reason(), Some(CloseReason::PeerAlert(_))));
}

#[test]
fn a_question_that_is_never_answered_ends_with_the_handshakes_lifetime() {
    for server in [false, true] {
        let mut pair = slow(true, server);
        let begun = pair.now;
        run_to_question(&mut pair);
        let (id, question): (QuestionId, Question) =
            if server { pair.server.open[0].clone() } else { pair.client.open[0].clone() };
        pair.run_until(&mut deliver, |pair| pair.client.is_closed() && pair.server.is_closed());
        assert!(pair.now - begun <= Duration::from_secs(61));
        let now = pair.now;
        let peer = if server { &mut pair.server } else { &mut pair.client };
        assert_eq!(peer.close_reason(), Some(CloseReason::TimedOut));
        let late = Credentials::raw_key(1).answer(&question);
        let association = peer.association.as_mut().unwrap();
        assert_eq!(association.answer(now, id, late, &mut |_| {}), Err(StaleAnswer));
    }
}

#[test]
fn data_that_comes_while_the_server_waits_is_delivered_after_it_is_established() {
    let mut pair = slow(false, true);
    run_to_question(&mut pair);
    // The client has sent its Finished by now, and cannot send data before the server's.
    let until = pair.now + Duration::from_millis(500);
    pair.run_until(&mut deliver, |pair| pair.now >= until);
    let now = pair.now;
    pair.server.answer_all(now);
    pair.run_until(&mut deliver, |pair| pair.client.is_established());
    pair.assert_echo();
}

#[test]
fn data_that_overtakes_the_servers_finished_waits_for_it() {
    let mut pair = Pair::psk();
    pair.client.connect(pair.now);
    pair.run_until(&mut deliver, |pair| pair.server.is_established());
    let now = pair.now;
    let last_flight = pair.server.transmit(now).concat();
    let last_flight = if last_flight.is_empty() { pair.wire.pop_back().unwrap().2 } else { last_flight };
    let early = pair.server.send(b"early");
    assert_eq!(pair.client.receive(now, &early), Vec::<Vec<u8>>::new());
    assert!(pair.client.received().is_empty() && !pair.client.is_established());
    pair.client.receive(now, &last_flight);
    assert_eq!(pair.client.seen[pair.client.seen.len() - 2..], [Seen::Established, Seen::Received(b"early".to_vec())]);
}

#[test]
fn a_server_without_a_key_pair_after_all_refuses() {
    let mut pair = Pair::new((config(1), Credentials::raw_key(1)), (config(2), Credentials::raw_key(2)));
    pair.server.credentials.slow = true;
    run_to_question(&mut pair);
    pair.server.credentials.pair = None;
    let now = pair.now;
    pair.server.answer_all(now);
    pair.run_until(&mut deliver, |pair| pair.client.is_closed());
    assert_eq!(pair.server.close_reason(), Some(CloseReason::Refused(Error::NoCredential)));
}
