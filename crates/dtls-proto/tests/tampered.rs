//! A man in the middle who changes what is sent in clear behind the hellos: signatures, key shares, keys.

mod common;

use common::{Credentials, LATENCY, Pair, To, config};
use dtls_proto::{AlertDescription, CloseReason, Config, Error, Group};

const CERTIFICATE: u8 = 11;
const SERVER_KEY_EXCHANGE: u8 = 12;
const CERTIFICATE_VERIFY: u8 = 15;
const CLIENT_KEY_EXCHANGE: u8 = 16;

/// A handshake in which `change` gets the body of each message of this type that goes to `side`.
fn handshake_with(pair: &mut Pair, side: To, message_type: u8, change: impl Fn(&mut [u8])) {
    let mut changed = 0;
    pair.handshake_over(&mut |_, to, bytes| {
        let mut bytes = bytes.to_vec();
        let mut at = 0;
        while to == side && at + 13 < bytes.len() {
            let end = at + 13 + usize::from(u16::from_be_bytes([bytes[at + 11], bytes[at + 12]]));
            let in_clear = bytes[at] == 22 && bytes[at + 4] == 0;
            if in_clear && bytes[at + 13] == message_type {
                change(&mut bytes[at + 13 + 12..end]);
                changed += 1;
            }
            at = end;
        }
        vec![(LATENCY, bytes)]
    });
    assert!(changed > 0, "nothing was tampered with");
    assert!(!pair.client.is_established() && !pair.server.is_established());
    assert!(pair.client.is_closed() && pair.server.is_closed());
}

fn assert_client_refuses(pair: &Pair, error: Error) {
    assert_eq!(pair.client.close_reason(), Some(CloseReason::Refused(error)));
    assert!(matches!(pair.server.close_reason(), Some(CloseReason::PeerAlert(_))));
}

fn assert_server_refuses(pair: &Pair, error: Error) {
    assert_eq!(pair.server.close_reason(), Some(CloseReason::Refused(error)));
    assert!(matches!(pair.client.close_reason(), Some(CloseReason::PeerAlert(_))));
}

fn spoil_last_byte(body: &mut [u8]) {
    *body.last_mut().unwrap() ^= 1;
}

/// A pair over one group, with raw public keys.
fn over(group: Group) -> Pair {
    let only = |seed| Config { groups: vec![group], ..config(seed) };
    Pair::new((only(1), Credentials::raw_key(1)), (only(2), Credentials::raw_key(2)))
}

const BAD_SHARE: Error = Error::IllegalParameter("the key share is not a valid point");

#[test]
fn a_server_whose_signature_is_wrong_is_refused_with_decrypt_error() {
    let mut pair = Pair::raw_keys();
    handshake_with(&mut pair, To::Client, SERVER_KEY_EXCHANGE, spoil_last_byte);
    assert_client_refuses(&pair, Error::Authentication);
    assert_eq!(pair.server.close_reason(), Some(CloseReason::PeerAlert(AlertDescription::DECRYPT_ERROR)));
}

#[test]
fn a_server_key_share_that_was_not_signed_is_refused() {
    for group in Group::ALL {
        let mut pair = over(group);
        // The curve type, the group and the length stand before the share.
        handshake_with(&mut pair, To::Client, SERVER_KEY_EXCHANGE, |body| body[4 + 20] ^= 1);
        assert_client_refuses(&pair, Error::Authentication);
    }
}

#[test]
fn a_client_whose_signature_is_wrong_is_refused_with_decrypt_error() {
    let mut pair = Pair::raw_keys();
    handshake_with(&mut pair, To::Server, CERTIFICATE_VERIFY, spoil_last_byte);
    assert_server_refuses(&pair, Error::Authentication);
    assert_eq!(pair.client.close_reason(), Some(CloseReason::PeerAlert(AlertDescription::DECRYPT_ERROR)));
}

#[test]
fn a_client_key_share_that_is_not_on_the_curve_is_refused() {
    let mut pair = over(Group::Secp256r1);
    handshake_with(&mut pair, To::Server, CLIENT_KEY_EXCHANGE, spoil_last_byte);
    assert_server_refuses(&pair, BAD_SHARE);
}

#[test]
fn a_compressed_point_is_refused() {
    let mut pair = over(Group::Secp256r1);
    handshake_with(&mut pair, To::Server, CLIENT_KEY_EXCHANGE, |body| body[1] = 2);
    assert_server_refuses(&pair, BAD_SHARE);
}

#[test]
fn an_x25519_share_that_makes_the_secret_zero_is_refused() {
    let mut pair = over(Group::X25519);
    handshake_with(&mut pair, To::Server, CLIENT_KEY_EXCHANGE, |body| body[1..].fill(0));
    assert_server_refuses(&pair, BAD_SHARE);
}

#[test]
fn a_raw_public_key_that_is_not_on_the_curve_is_refused() {
    let mut pair = Pair::raw_keys();
    handshake_with(&mut pair, To::Client, CERTIFICATE, spoil_last_byte);
    assert!(matches!(pair.client.close_reason(), Some(CloseReason::Refused(_))));
    let mut pair = Pair::raw_keys();
    handshake_with(&mut pair, To::Server, CERTIFICATE, spoil_last_byte);
    assert!(matches!(pair.server.close_reason(), Some(CloseReason::Refused(_))));
}

#[test]
fn lengths_that_point_beyond_a_message_are_decode_errors() {
    for (side, message_type) in [
        (To::Client, SERVER_KEY_EXCHANGE),
        (To::Client, CERTIFICATE),
        (To::Server, CERTIFICATE),
        (To::Server, CERTIFICATE_VERIFY),
        (To::Server, CLIENT_KEY_EXCHANGE),
    ] {
        let mut pair = Pair::raw_keys();
        // The length of what the message carries at its end, wherever it stands.
        let at = match message_type {
            SERVER_KEY_EXCHANGE => 4 + 65 + 3,
            CERTIFICATE_VERIFY => 3,
            CERTIFICATE => 2,
            _ => 0,
        };
        handshake_with(&mut pair, side, message_type, |body| body[at] = body[at].wrapping_add(1));
        let refused = if side == To::Client { &pair.client } else { &pair.server };
        assert_eq!(refused.close_reason(), Some(CloseReason::Refused(Error::Decode)), "message type {message_type}");
    }
}
