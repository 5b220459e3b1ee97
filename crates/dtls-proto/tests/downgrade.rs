//! A man in the middle who changes what the hellos say, and peers that offer too little.

mod common;

use common::{Credentials, LATENCY, Pair, To, config};
use dtls_proto::{AlertDescription, CloseReason, Config, Error, Suite};

/// Replaces every occurrence of `from` in the first record of hellos that go to `side`.
fn tamper(pair: &mut Pair, side: To, from: &[u8], to: &[u8]) {
    assert_eq!(from.len(), to.len());
    let mut changed = 0;
    pair.handshake_over(&mut |_, towards, bytes| {
        let mut bytes = bytes.to_vec();
        let is_hello = bytes[0] == 22 && matches!(bytes.get(13), Some(1 | 2));
        if towards == side && is_hello {
            for at in 0..=bytes.len() - from.len() {
                if bytes[at..at + from.len()] == *from {
                    bytes[at..at + from.len()].copy_from_slice(to);
                    changed += 1;
                }
            }
        }
        vec![(LATENCY, bytes)]
    });
    assert!(changed > 0, "nothing was tampered with");
}

fn relaxed(seed: u64, suites: &[Suite]) -> Config {
    Config {
        suites: suites.to_vec(),
        require_extended_master_secret: false,
        require_renegotiation_info: false,
        ..config(seed)
    }
}

fn relaxed_pair(suites: &[Suite]) -> Pair {
    let credentials = Credentials::psk("device", b"secret");
    Pair::new((relaxed(1, suites), credentials.clone()), (relaxed(2, suites), credentials))
}

fn assert_fails(pair: &Pair) {
    assert!(!pair.client.is_established() && !pair.server.is_established());
    assert!(pair.client.is_closed() && pair.client.close_reason().is_some());
}

const GCM_THEN_CCM: [Suite; 2] = [Suite::PSK_WITH_AES_128_GCM_SHA256, Suite::PSK_WITH_AES_128_CCM_8];

#[test]
fn a_better_suite_struck_from_the_offer_is_noticed() {
    let mut pair = relaxed_pair(&GCM_THEN_CCM);
    tamper(&mut pair, To::Server, &[0, 4, 0x00, 0xa8, 0xc0, 0xa8], &[0, 4, 0x00, 0x2f, 0xc0, 0xa8]);
    assert_fails(&pair);
}

#[test]
fn extended_master_secret_struck_from_the_offer_is_noticed_even_where_it_is_not_required() {
    let mut pair = relaxed_pair(&GCM_THEN_CCM);
    tamper(&mut pair, To::Server, &[0, 23, 0, 0], &[0xee, 23, 0, 0]);
    assert_fails(&pair);
}

#[test]
fn renegotiation_info_struck_from_the_offer_is_noticed_even_where_it_is_not_required() {
    let mut pair = relaxed_pair(&GCM_THEN_CCM);
    tamper(&mut pair, To::Server, &[0xff, 1, 0, 1, 0], &[0xee, 1, 0, 1, 0]);
    assert_fails(&pair);
}

#[test]
fn certificate_types_struck_from_the_offer_end_the_handshake() {
    for extension in [19, 20] {
        let mut pair = Pair::raw_keys();
        tamper(&mut pair, To::Server, &[0, extension, 0, 2, 1, 2], &[0xee, extension, 0, 2, 1, 2]);
        assert_fails(&pair);
        assert_eq!(pair.server.close_reason(), Some(CloseReason::Refused(Error::UnsupportedCertificate)));
    }
}

#[test]
fn a_certificate_type_changed_in_the_answer_ends_the_handshake() {
    for extension in [19, 20] {
        let mut pair = Pair::raw_keys();
        tamper(&mut pair, To::Client, &[0, extension, 0, 1, 2], &[0, extension, 0, 1, 0]);
        assert_fails(&pair);
        assert_eq!(pair.client.close_reason(), Some(CloseReason::Refused(Error::UnsupportedCertificate)));
    }
}

#[test]
fn a_suite_that_was_not_offered_is_an_illegal_parameter() {
    let mut pair = relaxed_pair(&GCM_THEN_CCM);
    tamper(&mut pair, To::Client, &[0x00, 0xa8, 0], &[0x00, 0xa9, 0]);
    assert_fails(&pair);
    assert!(matches!(pair.client.close_reason(), Some(CloseReason::Refused(Error::IllegalParameter(_)))));
}

#[test]
fn a_group_struck_from_the_offer_is_noticed() {
    let mut pair = Pair::psk();
    tamper(&mut pair, To::Server, &[0, 10, 0, 6, 0, 4, 0, 23, 0, 29], &[0, 10, 0, 6, 0, 4, 0, 24, 0, 29]);
    assert_fails(&pair);
}

#[test]
fn a_peer_without_a_required_extension_is_refused() {
    for (extension, replacement) in [([0, 23, 0, 0], [0xee, 23, 0, 0]), ([0xff, 1, 0, 1], [0xee, 1, 0, 1])] {
        let mut pair = Pair::psk();
        tamper(&mut pair, To::Server, &extension, &replacement);
        assert!(matches!(pair.server.close_reason(), Some(CloseReason::Refused(Error::HandshakeFailure(_)))));
        let reason = CloseReason::PeerAlert(AlertDescription::HANDSHAKE_FAILURE);
        assert_eq!(pair.client.close_reason(), Some(reason));
    }
}

#[test]
fn dtls_1_0_is_refused_with_protocol_version() {
    let mut pair = Pair::psk();
    // The version of the body stands behind the record and the message header.
    pair.handshake_over(&mut |_, to, bytes| {
        let mut bytes = bytes.to_vec();
        if to == To::Server && bytes[13] == 1 {
            bytes[26] = 0xff;
        }
        vec![(LATENCY, bytes)]
    });
    assert_eq!(pair.server.close_reason(), Some(CloseReason::Refused(Error::ProtocolVersion)));
    assert_eq!(pair.client.close_reason(), Some(CloseReason::PeerAlert(AlertDescription::PROTOCOL_VERSION)));
}

#[test]
fn peers_without_a_suite_in_common_part_with_handshake_failure() {
    let credentials = Credentials::psk("device", b"secret");
    let client = (relaxed(1, &GCM_THEN_CCM[..1]), credentials.clone());
    let mut pair = Pair::new(client, (relaxed(2, &GCM_THEN_CCM[1..]), credentials));
    pair.handshake();
    assert!(matches!(pair.server.close_reason(), Some(CloseReason::Refused(Error::HandshakeFailure(_)))));
    assert_fails(&pair);
}

#[test]
fn the_wrong_kind_of_credential_finds_no_suite() {
    let mut pair = Pair::new((config(1), Credentials::psk("device", b"secret")), (config(2), Credentials::raw_key(2)));
    pair.handshake();
    assert_fails(&pair);
}
