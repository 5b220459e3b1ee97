//! The engine beside OpenSSL, in memory, on one core, in one run: `npm run bench:engine`, with libssl-dev and pkg-config installed.
//!
//! Rounds are interleaved and medians shown, so that what else the machine does hits both sides alike.

mod credentials;
mod idle;
mod native;
mod openssl_peer;

use std::time::{Duration, Instant};

const ROUNDS: usize = 7;
const ROUND: Duration = Duration::from_millis(300);

/// How often `work` runs in a second, over one round.
fn rate(work: &mut dyn FnMut()) -> f64 {
    let start = Instant::now();
    let mut count = 0u32;
    while start.elapsed() < ROUND {
        work();
        count += 1;
    }
    f64::from(count) / start.elapsed().as_secs_f64()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Runs both sides in turn and prints one row.
fn compare(name: &str, mut native: impl FnMut(), mut openssl: impl FnMut()) {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(rate(&mut native));
        theirs.push(rate(&mut openssl));
    }
    let (ours, theirs) = (median(ours), median(theirs));
    println!("| {name} | {ours:.0} | {theirs:.0} | {:.2} |", ours / theirs);
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [what, suite] = &arguments[..]
        && what == "idle"
    {
        return idle::measure(suite);
    }
    println!("| work, per second | sock-dtls | OpenSSL | ratio |\n|---|---|---|---|");
    let psk = native::Setup::psk();
    let their_psk = openssl_peer::Setup::psk("PSK-AES128-CCM8:@SECLEVEL=0");
    compare("handshakes PSK_AES_128_CCM_8", || drop(psk.handshake()), || drop(their_psk.handshake()));
    let server_only = native::Setup::raw_keys(false);
    let their_server_only = openssl_peer::Setup::certificate(false);
    compare(
        "handshakes ECDHE_ECDSA_AES_128_GCM, server authenticated",
        || drop(server_only.handshake()),
        || drop(their_server_only.handshake()),
    );
    let mutual = native::Setup::raw_keys(true);
    let their_mutual = openssl_peer::Setup::certificate(true);
    compare(
        "handshakes ECDHE_ECDSA_AES_128_GCM, mutual",
        || drop(mutual.handshake()),
        || drop(their_mutual.handshake()),
    );
    for (name, suite, cipher) in [
        ("GCM", dtls_proto::Suite::PSK_WITH_AES_128_GCM_SHA256, "PSK-AES128-GCM-SHA256"),
        ("CCM_8", dtls_proto::Suite::PSK_WITH_AES_128_CCM_8, "PSK-AES128-CCM8:@SECLEVEL=0"),
        ("ChaCha20-Poly1305", dtls_proto::Suite::PSK_WITH_CHACHA20_POLY1305_SHA256, "PSK-CHACHA20-POLY1305"),
    ] {
        for len in [64, 1200] {
            let mut pair = native::Setup::with_suite(suite).handshake();
            let mut their_pair = openssl_peer::Setup::psk(cipher).handshake();
            let message = vec![7; len];
            compare(
                &format!("records sealed and opened, {len} B {name}"),
                || pair.transfer(&message),
                || their_pair.transfer(&message),
            );
        }
    }
    idle::report();
    credentials::report();
}
