//! Handshakes and records, in memory, on one core.

use std::sync::Arc;
use std::time::{Duration, Instant};

use dtls_proto::{Association, Config, CredentialKinds, Listener};
use serde_json::json;
use stats_alloc::Region;

use crate::subject::{Aead, Handshake, Subject};
use crate::{ALLOCATOR, subjects, tell};

const LENGTHS: [usize; 5] = [16, 64, 256, 1200, 16384];
/// Records sealed before they are opened.
const BATCH: usize = 32;
/// The longest datagram that dimpl sends.
const DIMPL_LONGEST: usize = 1200;

/// One subject's rounds of one row.
struct Entrant<W> {
    name: &'static str,
    work: W,
    rounds: Vec<f64>,
}

pub fn run(rounds: usize, millis: u64) {
    let round = Duration::from_millis(millis);
    for (name, kind) in Handshake::ALL {
        handshakes(name, kind, rounds, round);
    }
    hellos(rounds, round);
    for (name, aead) in Aead::ALL {
        for length in LENGTHS {
            records(name, aead, length, rounds, round / 2);
        }
    }
}

fn entrants<W>(work: impl Fn(&dyn Subject) -> Option<W>) -> Vec<Entrant<W>> {
    let of =
        |subject: Box<dyn Subject>| Some(Entrant { name: subject.name(), work: work(&*subject)?, rounds: Vec::new() });
    subjects().into_iter().filter_map(of).collect()
}

fn handshakes(row: &str, kind: Handshake, rounds: usize, round: Duration) {
    let mut entrants = entrants(|subject| subject.handshake(kind));
    // The first round warms up.
    for number in 0..=rounds {
        for Entrant { work, rounds, .. } in &mut entrants {
            let (start, mut count) = (Instant::now(), 0u32);
            while start.elapsed() < round {
                work();
                count += 1;
            }
            if number > 0 {
                rounds.push(f64::from(count) / start.elapsed().as_secs_f64());
            }
        }
    }
    for Entrant { name, mut work, rounds } in entrants {
        let region = Region::new(ALLOCATOR);
        work();
        let allocations = region.change().allocations;
        tell(&json!({ "group": "handshakes", "row": row, "subject": name, "unit": "/s", "rounds": rounds,
            "allocations": allocations }));
    }
}

/// First ClientHellos that our listener answers, for which it keeps nothing.
fn hellos(rounds: usize, round: Duration) {
    let config = Arc::new(Config::default());
    let mut listener = Listener::new(Arc::clone(&config), Instant::now()).unwrap();
    let (mut hello, mut reply) = (Vec::new(), Vec::new());
    let kinds = CredentialKinds { psk: true, ecdsa: false };
    Association::client(&config, kinds, Instant::now()).unwrap().poll_transmit(Instant::now(), &mut hello);
    let mut rates = Vec::new();
    let region = Region::new(ALLOCATOR);
    let mut total = 0u32;
    for _ in 0..rounds {
        let (start, mut count) = (Instant::now(), 0u32);
        while start.elapsed() < round / 2 {
            reply.clear();
            listener.handle(start, &count.to_be_bytes(), &hello, &mut reply);
            assert!(!reply.is_empty() && reply.len() <= hello.len());
            count += 1;
        }
        total += count;
        rates.push(f64::from(count) / start.elapsed().as_secs_f64());
    }
    let change = region.change();
    // What was allocated and is held still, for all of them.
    let kept = change.bytes_allocated.saturating_sub(change.bytes_deallocated) as f64 / f64::from(total);
    tell(&json!({ "group": "hellos", "row": "answered, in memory", "subject": "sock-dtls native", "unit": "/s",
        "rounds": rates, "kept": kept.round() }));
}

fn records(row: &str, aead: Aead, length: usize, rounds: usize, round: Duration) {
    let fits = |subject: &dyn Subject| match subject.name() {
        "dimpl" => length <= DIMPL_LONGEST,
        // It receives into 8,192 bytes.
        "webrtc-dtls" => length <= 8000,
        _ => true,
    };
    let mut entrants =
        entrants(|subject| fits(subject).then(|| subject.pair(aead)).flatten().map(|pair| (pair, Vec::new())));
    let message = vec![7; length];
    for number in 0..=rounds {
        for Entrant { work: (pair, opens), rounds: seals, .. } in &mut entrants {
            let (mut sealing, mut opening, mut count) = (Duration::ZERO, Duration::ZERO, 0usize);
            while sealing + opening < round {
                let (sealed, opened) = pair.batch(&message, BATCH);
                (sealing, opening, count) = (sealing + sealed, opening + opened, count + BATCH);
            }
            if number > 0 {
                seals.push(count as f64 / sealing.as_secs_f64());
                opens.push(count as f64 / opening.as_secs_f64());
            }
        }
    }
    for Entrant { name, work: (mut pair, opens), rounds: seals } in entrants {
        let region = Region::new(ALLOCATOR);
        pair.batch(&message, BATCH);
        let allocations = region.change().allocations as f64 / BATCH as f64;
        let both: Vec<f64> = seals.iter().zip(&opens).map(|(seal, open)| 1.0 / (1.0 / seal + 1.0 / open)).collect();
        for (group, rounds) in [("seal", seals), ("open", opens), ("seal and open", both)] {
            tell(
                &json!({ "group": group, "row": row, "length": length, "subject": name, "unit": "/s", "rounds": rounds,
                "allocations": allocations }),
            );
        }
    }
}
