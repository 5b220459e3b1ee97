//! The part of the benchmark that needs no Node: engines in memory, an OpenSSL peer, and a load generator. `npm run bench` runs it and
//! reads what it prints: one JSON object a line.

mod credentials;
mod dimpl_peer;
mod floor;
mod idle;
mod load;
mod native;
mod openssl_client;
mod openssl_peer;
mod openssl_server;
mod rows;
mod subject;
mod webrtc;

use subject::Subject;

/// Counts what Rust allocates; OpenSSL and aws-lc allocate by themselves.
#[global_allocator]
static ALLOCATOR: &stats_alloc::StatsAlloc<std::alloc::System> = &stats_alloc::INSTRUMENTED_SYSTEM;

/// All that are compared, ours first.
fn subjects() -> Vec<Box<dyn Subject>> {
    vec![
        Box::new(native::Native),
        Box::new(webrtc::Webrtc),
        Box::new(dimpl_peer::Dimpl),
        Box::new(openssl_peer::OpenSsl),
        Box::new(floor::Floor),
    ]
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["rows", rounds, millis] => rows::run(number(rounds), number(millis)),
        ["idle", subject, aead, sessions] => idle::run(subject, aead, number(sessions)),
        ["credentials", rounds] => credentials::run(number(rounds)),
        ["serve", auth] => openssl_server::serve(auth),
        ["client", auth, port, millis, ref rest @ ..] => openssl_client::run(auth, number(port), number(millis), rest),
        ["load", port, sessions] => load::run(number(port), number(sessions)),

        _ => {
            eprintln!("bench-engine is run by: npm run bench");
            std::process::exit(2);
        }
    }
}

fn number<T: std::str::FromStr>(word: &str) -> T {
    word.parse().unwrap_or_else(|_| panic!("not a number: {word}"))
}

/// Prints one result.
fn tell(result: &serde_json::Value) {
    println!("{result}");
}

/// The value at this fraction of the sorted values.
fn percentile(sorted: &[f64], fraction: f64) -> f64 {
    sorted.get(((sorted.len() as f64 * fraction) as usize).min(sorted.len().saturating_sub(1))).copied().unwrap_or(0.0)
}

/// Median and tails of round trips, in microseconds.
fn latencies(mut micros: Vec<f64>) -> serde_json::Value {
    micros.sort_by(f64::total_cmp);
    serde_json::json!({
        "p50": percentile(&micros, 0.5),
        "p99": percentile(&micros, 0.99),
        "p999": percentile(&micros, 0.999),
    })
}
