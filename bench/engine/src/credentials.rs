//! What a handshake costs a server sock with so many credentials in its pool, over loopback.

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bench_pair::Client;
use dtls_proto::{Config, Psk, Suite};
use dtls_sock::{Credman, DtlsSock, Options, Params, SockRole, UdpEp, UdpSock};
use serde_json::json;

use crate::tell;

const HANDSHAKES: u32 = 200;
const COUNTS: [u32; 5] = [10, 100, 1000, 10_000, 100_000];

/// A server sock on loopback.
fn server(runtime: &tokio::runtime::Runtime, credman: Arc<Credman>) -> DtlsSock {
    let local = UdpEp::from_socket_addr(([127, 0, 0, 1], 0).into());
    let udp = UdpSock::create(runtime.handle(), Some(&local), None, 0).unwrap();
    let options = Options { max_handshakes_per_address: 4096, ..Options::default() };
    DtlsSock::create(&udp, 0, SockRole::Server, options, credman).unwrap()
}

/// A handshake by our engine over a socket of its own, which is closed without a word. Every `number` has an address of
/// its own: the system gives ports of closed sockets out again.
fn connect(number: u32, port: u16, config: &Arc<Config>, psk: &Psk) {
    let [_, a, b, c] = number.to_be_bytes();
    let socket = UdpSocket::bind((Ipv4Addr::new(127, a + 1, b, c), 0)).unwrap();
    socket.connect(("127.0.0.1", port)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let mut client = Client::new(config, psk, Instant::now());
    let mut buffer = [0; 2048];
    loop {
        client.transmit(|datagram| {
            let _ = socket.send(datagram).unwrap();
        });
        if client.association.is_established() {
            return;
        }
        let len = socket.recv(&mut buffer).unwrap();
        client.handle(&mut buffer[..len], |_| {});
    }
}

/// A pool with this many credentials; the last PSK is the one that is asked for.
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

pub fn run(rounds: u32) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let config = Arc::new(Config { suites: vec![Suite::PSK_WITH_AES_128_CCM_8], ..Config::default() });
    let psk = Psk::new(b"device", &[1; 16]).unwrap();
    let mut sides = COUNTS.map(|count| {
        let (credman, tags) = pool(count);
        let sock = server(&runtime, credman);
        tags.into_iter().for_each(|tag| sock.add_credential(tag).unwrap());
        (count, sock, Vec::new())
    });
    for round in 0..=rounds {
        for (_, sock, times) in &mut sides {
            let port = sock.udp_sock().local().unwrap().port;
            let start = Instant::now();
            let numbers = round * HANDSHAKES..(round + 1) * HANDSHAKES;
            numbers.for_each(|number| connect(number, port, &config, &psk));
            if round > 0 {
                times.push(start.elapsed().as_secs_f64() / f64::from(HANDSHAKES) * 1e6);
            }
        }
    }
    for (count, _, times) in sides {
        tell(
            &json!({ "group": "credentials", "row": count, "subject": "sock-dtls native", "unit": "us", "rounds": times }),
        );
    }
}
