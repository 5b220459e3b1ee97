//! Handshakes over a network that delivers: what they agree on, and what refuses them.

mod common;

use common::{Credentials, Pair, config, key_pair, psk};
use dtls_proto::{CloseReason, Config, Error, Group, PeerIdentity, Suite};

fn with_suite(seed: u64, suite: Suite) -> Config {
    Config { suites: vec![suite], ..config(seed) }
}

fn both(number: u8) -> Credentials {
    Credentials { psks: vec![psk("device", b"secret")], ..Credentials::raw_key(number) }
}

#[test]
fn every_suite_with_every_group_completes_and_echoes() {
    for suite in Suite::ALL {
        for group in Group::ALL {
            let config = |seed| Config { groups: vec![group], ..with_suite(seed, *suite) };
            let mut pair = Pair::new((config(1), both(1)), (config(2), both(2)));
            pair.handshake();
            pair.assert_echo();
            assert_eq!(pair.client.info().suite, *suite);
            assert_eq!(pair.server.info().suite, *suite);
            assert!(pair.server.info().extended_master_secret);
        }
    }
}

#[test]
fn each_side_learns_who_the_other_is() {
    let mut pair = Pair::psk();
    pair.handshake();
    assert_eq!(pair.server.info().peer, PeerIdentity::Psk(b"device"[..].into()));
    let mut pair = Pair::raw_keys();
    pair.handshake();
    pair.assert_echo();
    assert_eq!(pair.client.info().peer, PeerIdentity::RawPublicKey(Box::new(*key_pair(2).public())));
    assert_eq!(pair.server.info().peer, PeerIdentity::RawPublicKey(Box::new(*key_pair(1).public())));
}

#[test]
fn the_server_prefers_forward_secrecy() {
    let mut pair = Pair::psk();
    pair.handshake();
    assert_eq!(pair.server.info().suite, Suite::ECDHE_PSK_WITH_AES_128_GCM_SHA256);
}

#[test]
fn a_peer_whose_key_is_not_trusted_is_refused_on_either_side() {
    for untrusting in ["client", "server"] {
        let mut pair = Pair::raw_keys();
        let peer = if untrusting == "client" { &mut pair.client } else { &mut pair.server };
        peer.credentials.trusted.clear();
        pair.handshake();
        let (refusing, refused) =
            if untrusting == "client" { (&pair.client, &pair.server) } else { (&pair.server, &pair.client) };
        assert_eq!(refusing.close_reason(), Some(CloseReason::Refused(Error::BadCertificate)));
        let alert = Error::BadCertificate.alert();
        assert_eq!(refused.close_reason(), Some(CloseReason::PeerAlert(alert)));
    }
}

#[test]
fn a_wrong_key_and_an_unknown_identity_end_the_same_way_with_decrypt_error() {
    let mut traces = Vec::new();
    for (identity, key) in [("device", &b"wrong!"[..]), ("nobody", b"secret")] {
        for suite in [Suite::PSK_WITH_AES_128_CCM_8, Suite::ECDHE_PSK_WITH_AES_128_GCM_SHA256] {
            let client = (with_suite(1, suite), Credentials::psk(identity, key));
            let server = (with_suite(2, suite), Credentials::psk("device", b"secret"));
            let mut pair = Pair::new(client, server);
            let mut lengths = Vec::new();
            pair.handshake_over(&mut |count, to, datagram| {
                lengths.push((to, datagram.len()));
                common::deliver(count, to, datagram)
            });
            assert_eq!(pair.server.close_reason(), Some(CloseReason::Refused(Error::Authentication)));
            assert_eq!(
                pair.client.close_reason(),
                Some(CloseReason::PeerAlert(dtls_proto::AlertDescription::DECRYPT_ERROR))
            );
            traces.push(format!("{lengths:?}"));
        }
    }
    assert_eq!(traces[0], traces[2]);
    assert_eq!(traces[1], traces[3]);
}
