//! What is compared: implementations of DTLS 1.2, both sides in memory, with the cookie exchange on.

use std::time::Duration;

/// The handshakes, and the suite of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handshake {
    /// PSK_WITH_AES_128_CCM_8.
    PskCcm8,
    /// PSK_WITH_AES_128_GCM_SHA256.
    PskGcm,
    /// ECDHE_PSK; OpenSSL 3.0 has no AEAD but ChaCha20-Poly1305 for it, so that is what all use.
    EcdhePsk,
    /// ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 on P-256; raw public keys, or certificates taken as they are.
    EcdsaServer,
    /// The same, with the client authenticated as well.
    EcdsaMutual,
}

impl Handshake {
    pub const ALL: [(&'static str, Self); 5] = [
        ("PSK_AES_128_CCM_8", Self::PskCcm8),
        ("PSK_AES_128_GCM", Self::PskGcm),
        ("ECDHE_PSK_CHACHA20", Self::EcdhePsk),
        ("ECDHE_ECDSA_AES_128_GCM, server authenticated", Self::EcdsaServer),
        ("ECDHE_ECDSA_AES_128_GCM, mutual", Self::EcdsaMutual),
    ];
}

/// The AEADs of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aead {
    Gcm,
    Ccm8,
    ChaCha20,
}

impl Aead {
    pub const ALL: [(&'static str, Self); 3] =
        [("AES_128_GCM", Self::Gcm), ("AES_128_CCM_8", Self::Ccm8), ("CHACHA20_POLY1305", Self::ChaCha20)];
}

/// An established pair.
pub trait Pair {
    /// Seals so many messages at one side, then opens them at the other: how long each took.
    fn batch(&mut self, message: &[u8], count: usize) -> (Duration, Duration);
}

/// Runs one handshake and drops what came of it.
pub type Run = Box<dyn FnMut()>;

/// An implementation.
pub trait Subject {
    fn name(&self) -> &'static str;
    /// `None` where it has no such handshake.
    fn handshake(&self, kind: Handshake) -> Option<Run>;
    /// `None` where it has no such suite.
    fn pair(&self, aead: Aead) -> Option<Box<dyn Pair>>;
    /// Server sides of established sessions, held until dropped; `None` where they cannot be counted.
    fn idle(&self, aead: Aead) -> Option<Box<dyn FnMut() -> Box<dyn std::any::Any>>>;
}

/// Times `work`.
pub fn timed(work: impl FnOnce()) -> Duration {
    let start = std::time::Instant::now();
    work();
    start.elapsed()
}
