//! Resident bytes of idle sessions on a server sock, clients gone.

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use dtls_proto::{Answer, Association, Config, CredentialKinds, Event, Psk, Question, Suite};
use dtls_sock::{Credman, DtlsSock, Options, Params, SockRole, UdpEp, UdpSock};

const SESSIONS: u32 = 10_000;
/// Sessions before the first measurement.
const WARM_UP: u32 = 100;

fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

/// A server sock on loopback whose pool has a key for "device".
pub fn server(runtime: &tokio::runtime::Runtime, credman: Arc<Credman>, tag: u16) -> (DtlsSock, UdpSock) {
    let local = UdpEp::from_socket_addr("127.0.0.1:0".parse().unwrap());
    let udp = UdpSock::create(runtime.handle(), Some(&local), None, 0).unwrap();
    let options = Options { max_handshakes_per_address: 4096, ..Options::default() };
    (DtlsSock::create(&udp, tag, SockRole::Server, options, credman).unwrap(), udp)
}

/// A handshake by our engine over a socket of its own, which is closed without a word. Every `number` has an address of
/// its own: the system gives ports of closed sockets out again.
pub fn connect(number: u32, port: u16, config: &Arc<Config>, psk: &Psk) {
    let [_, a, b, c] = number.to_be_bytes();
    let socket = UdpSocket::bind((Ipv4Addr::new(127, a + 1, b, c), 0)).unwrap();
    socket.connect(("127.0.0.1", port)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let kinds = CredentialKinds { psk: true, ecdsa: false };
    let mut client = Association::client(config, kinds, Instant::now()).unwrap();
    let (mut out, mut buffer) = (Vec::new(), [0; 2048]);
    loop {
        let now = Instant::now();
        while client.poll_transmit(now, &mut out) {
            socket.send(&out).unwrap();
            out.clear();
        }
        if client.is_established() {
            return;
        }
        let len = socket.recv(&mut buffer).unwrap();
        let mut asked = None;
        client.handle_datagram(now, &mut buffer[..len], &mut |event| {
            if let Event::Question(id, Question::ClientPsk { .. }) = event {
                asked = Some(id);
            }
        });
        if let Some(id) = asked {
            client.answer(now, id, Answer::Psk(Some(psk.clone())), &mut |_| {}).unwrap();
        }
    }
}

const SUITES: [Suite; 2] = [Suite::PSK_WITH_AES_128_GCM_SHA256, Suite::PSK_WITH_AES_128_CCM_8];

/// Each suite in a process of its own: memory that one has freed would serve the next.
pub fn report() {
    println!("\n| idle server session, {SESSIONS} of them | resident bytes each |\n|---|---|");
    for suite in SUITES {
        let program = std::env::current_exe().unwrap();
        let status = std::process::Command::new(program).args(["idle", suite.name()]).status().unwrap();
        assert!(status.success());
    }
}

/// The figure of the suite with this name.
pub fn measure(name: &str) {
    let suite = SUITES.into_iter().find(|suite| suite.name() == name).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let credman = Arc::new(Credman::default());
    credman.add(1, Params::Psk { id: Some(b"device"), key: Some(&[1; 16]), hint: None }).unwrap();
    let (sock, udp) = server(&runtime, credman, 1);
    let port = udp.local().unwrap().port;
    let config = Arc::new(Config { suites: vec![suite], ..Config::default() });
    let psk = Psk::new(b"device", &[1; 16]).unwrap();
    let mut meta = dtls_sock::RxMeta::default();
    let mut drain = || while sock.try_recv(&mut [], &mut meta) != Err(dtls_sock::Errno::Again) {};
    (0..WARM_UP).for_each(|number| connect(number, port, &config, &psk));
    drain();
    let before = resident();
    for number in WARM_UP..WARM_UP + SESSIONS {
        connect(number, port, &config, &psk);
        drain();
    }
    let each = (resident() - before) / SESSIONS as usize;
    assert_eq!(sock.stats().sessions, u64::from(WARM_UP + SESSIONS));
    println!("| {name} | {each} |");
}
