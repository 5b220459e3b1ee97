//! The floor: what the primitives alone cost for the same work, with nothing around them.

use std::time::Duration;

use aes::Aes128;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use aws_lc_rs::aead::{AES_128_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair, UnparsedPublicKey as VerifyingKey,
};

use crate::subject::{self, Aead, Handshake, Run, Subject, timed};

/// The primitives as a subject.
pub struct Floor;

/// Bytes of the messages that a handshake hashes.
const TRANSCRIPT: usize = 600;

/// P_SHA256 (RFC 5246 section 5) for so many bytes.
fn prf(key: &hmac::Key, seed: &[u8], out: usize) -> [u8; 32] {
    let mut a = hmac::sign(key, seed);
    let mut last = [0; 32];
    for _ in 0..out.div_ceil(32) {
        let mut context = hmac::Context::with_key(key);
        context.update(a.as_ref());
        context.update(seed);
        last.copy_from_slice(context.sign().as_ref());
        a = hmac::sign(key, a.as_ref());
    }
    last
}

/// What both sides of any handshake do: two MACs for the cookie, and on each side the transcript's hash, the master
/// secret, the keys and both Finished.
fn symmetric() {
    let cookie = hmac::Key::new(hmac::HMAC_SHA256, &[3; 32]);
    for _ in 0..2 {
        std::hint::black_box(hmac::sign(&cookie, &[0; 100]));
    }
    for _ in 0..2 {
        std::hint::black_box(digest(&SHA256, &[5; TRANSCRIPT]));
        let premaster = hmac::Key::new(hmac::HMAC_SHA256, &[1; 36]);
        prf(&premaster, &[2; 54], 48);
        let master = hmac::Key::new(hmac::HMAC_SHA256, &[7; 48]);
        prf(&master, &[2; 77], 40);
        prf(&master, &[2; 47], 12);
        prf(&master, &[2; 47], 12);
    }
}

fn agree() {
    let random = SystemRandom::new();
    let keys = [0, 1].map(|_| EphemeralPrivateKey::generate(&ECDH_P256, &random).unwrap());
    let publics = keys.each_ref().map(|key| key.compute_public_key().unwrap());
    let [a, b] = keys;
    for (key, public) in [(a, &publics[1]), (b, &publics[0])] {
        let public = UnparsedPublicKey::new(&ECDH_P256, public.as_ref());
        agree_ephemeral(key, public, aws_lc_rs::error::Unspecified, |_| Ok(())).unwrap();
    }
}

fn sign_and_verify(key: &EcdsaKeyPair) {
    let signature = key.sign(&SystemRandom::new(), &[4; 133]).unwrap();
    let public = VerifyingKey::new(&ECDSA_P256_SHA256_ASN1, key.public_key().as_ref());
    public.verify(&[4; 133], signature.as_ref()).unwrap();
}

impl Subject for Floor {
    fn name(&self) -> &'static str {
        "floor"
    }

    fn handshake(&self, kind: Handshake) -> Option<Run> {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        Some(Box::new(move || {
            symmetric();
            if !matches!(kind, Handshake::PskCcm8 | Handshake::PskGcm) {
                agree();
            }
            let signatures = match kind {
                Handshake::EcdsaServer => 1,
                Handshake::EcdsaMutual => 2,
                _ => 0,
            };
            (0..signatures).for_each(|_| sign_and_verify(&key));
        }))
    }

    fn pair(&self, aead: Aead) -> Option<Box<dyn subject::Pair>> {
        let key = |algorithm, bytes: &[u8]| LessSafeKey::new(UnboundKey::new(algorithm, bytes).unwrap());
        Some(match aead {
            Aead::Gcm => Box::new(Whole(key(&AES_128_GCM, &[1; 16]), Vec::new())),
            Aead::ChaCha20 => Box::new(Whole(key(&CHACHA20_POLY1305, &[1; 32]), Vec::new())),
            Aead::Ccm8 => Box::new(Chain(Aes128::new(&[1; 16].into()))),
        })
    }

    fn idle(&self, _: Aead) -> Option<Box<dyn FnMut() -> Box<dyn std::any::Any>>> {
        None
    }
}

/// An AEAD of aws-lc, in place.
struct Whole(LessSafeKey, Vec<u8>);

impl subject::Pair for Whole {
    fn batch(&mut self, message: &[u8], count: usize) -> (Duration, Duration) {
        let nonce = || Nonce::assume_unique_for_key([9; 12]);
        let Self(key, buffer) = self;
        buffer.clear();
        buffer.extend_from_slice(message);
        buffer.extend_from_slice(&[0; 16]);
        let (text, tag) = buffer.split_at_mut(message.len());
        let sealing = timed(|| {
            for _ in 0..count {
                let sealed = key.seal_in_place_separate_tag(nonce(), Aad::from([0; 13]), text).unwrap();
                tag.copy_from_slice(sealed.as_ref());
            }
        });
        let original = buffer.clone();
        let opening = timed(|| {
            for _ in 0..count {
                buffer.copy_from_slice(&original);
                key.open_in_place(nonce(), Aad::from([0; 13]), buffer).unwrap();
            }
        });
        (sealing, opening)
    }
}

/// The chain of CBC-MAC alone, which nothing can make parallel: two blocks before the message and one after it.
struct Chain(Aes128);

impl subject::Pair for Chain {
    fn batch(&mut self, message: &[u8], count: usize) -> (Duration, Duration) {
        let blocks = message.len().div_ceil(16) + 3;
        let run = || {
            timed(|| {
                let mut block = [0; 16].into();
                for _ in 0..count * blocks {
                    self.0.encrypt_block(&mut block);
                }
                std::hint::black_box(block);
            })
        };
        (run(), run())
    }
}
