//! What a handshake costs a server with ten credentials, and with 100,000.

use std::sync::Arc;
use std::time::Instant;

use dtls_proto::{Config, Psk, Suite};
use dtls_sock::{Credman, Params};

use crate::idle::{connect, server};
use crate::median;

const HANDSHAKES: u32 = 300;

/// A pool with this many credentials, all of them with tags of their own; the last is the one that is asked for.
fn pool(count: u32) -> (Arc<Credman>, Vec<u16>) {
    let credman = Arc::new(Credman::default());
    credman.set_max_credentials(200_000);
    let psks = count.min(65_000) as u16;
    for tag in 1..=psks {
        let id = if tag == psks { "device".to_owned() } else { format!("device-{tag}") };
        credman.add(tag, Params::Psk { id: Some(id.as_bytes()), key: Some(&[1; 16]), hint: None }).unwrap();
    }
    // A tag has one credential of each type: the rest are key pairs.
    let private = [7; 32];
    let public = dtls_proto::KeyPair::derive_public(&private).unwrap();
    for tag in 1..=(count - u32::from(psks)) as u16 {
        let params =
            Params::Ecdsa { private_key: Some(&private), public_key: Some((public.x(), public.y())), client_keys: &[] };
        credman.add(tag, params).unwrap();
    }
    (credman, (1..=psks).collect())
}

pub fn report() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let config = Arc::new(Config { suites: vec![Suite::PSK_WITH_AES_128_CCM_8], ..Config::default() });
    let psk = Psk::new(b"device", &[1; 16]).unwrap();
    let sides = [10, 100_000].map(|count| {
        let (credman, tags) = pool(count);
        let (sock, udp) = server(&runtime, credman, 0);
        tags.into_iter().for_each(|tag| sock.add_credential(tag).unwrap());
        (count, sock, udp.local().unwrap().port, Vec::new())
    });
    let mut sides = sides;
    for round in 0..crate::ROUNDS as u32 {
        for (_, _, port, times) in &mut sides {
            let start = Instant::now();
            let numbers = round * HANDSHAKES..(round + 1) * HANDSHAKES;
            numbers.for_each(|number| connect(number, *port, &config, &psk));
            times.push(start.elapsed().as_secs_f64() / f64::from(HANDSHAKES) * 1e6);
        }
    }
    println!("\n| credentials in the pool | microseconds a handshake, over loopback |\n|---|---|");
    for (count, _, _, times) in sides {
        println!("| {count} | {:.0} |", median(times));
    }
}
