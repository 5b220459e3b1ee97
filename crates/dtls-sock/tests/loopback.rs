//! The socks from Rust, over loopback, without Node.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dtls_sock::{Credman, DtlsSock, Errno, Options, Params, RxMeta, SockRole, UdpEp, UdpSock};
use tokio::runtime::Handle;

const TAG: u16 = 1;
const PATIENCE: Option<Duration> = Some(Duration::from_secs(20));

fn credman() -> Arc<Credman> {
    let credman = Arc::new(Credman::default());
    credman.add(TAG, Params::Psk { id: Some(b"device"), key: Some(b"shared key"), hint: None }).unwrap();
    credman
}

fn open(role: SockRole, credman: &Arc<Credman>, options: Options) -> (DtlsSock, UdpEp) {
    let any = UdpEp::from_socket_addr("127.0.0.1:0".parse().unwrap());
    let udp = UdpSock::create(&Handle::current(), Some(&any), None, 0).unwrap();
    let local = udp.local().unwrap();
    (DtlsSock::create(&udp, TAG, role, options, Arc::clone(credman)).unwrap(), local)
}

/// A server that sends everything back, until it is closed.
fn echo_server(credman: &Arc<Credman>, options: Options) -> (DtlsSock, UdpEp) {
    let (sock, local) = open(SockRole::Server, credman, options);
    let server = sock.clone();
    tokio::spawn(async move {
        let (mut data, mut meta) = (vec![0; 16_384], RxMeta::default());
        loop {
            match server.recv(&mut data, &mut meta, None).await {
                Ok(len) => drop(server.try_send(&UdpEp::from_socket_addr(meta.peer), &[&data[..len]], None)),
                Err(Errno::Inval) => return,
                Err(_) => {}
            }
        }
    });
    (sock, local)
}

/// Sends, and returns what comes back; the notice of the handshake is passed over.
async fn round_trip(sock: &DtlsSock, to: &UdpEp, message: &[u8]) -> Result<Vec<u8>, Errno> {
    sock.send(to, message, PATIENCE).await?;
    let (mut data, mut meta) = (vec![0; 16_384], RxMeta::default());
    loop {
        match sock.recv(&mut data, &mut meta, PATIENCE).await {
            Err(Errno::Handshake) => {}
            result => return result.map(|len| data[..len].to_vec()),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_send_does_the_handshake_and_the_echo_comes_back() {
    let credman = credman();
    let (server, at) = echo_server(&credman, Options::default());
    let (client, _) = open(SockRole::Client, &credman, Options::default());
    for message in [&b"first"[..], b"second", &[7; 9000]] {
        assert_eq!(round_trip(&client, &at, message).await.unwrap(), message);
    }
    assert_eq!(server.stats().handshakes_completed, 1);
    client.session_destroy(&at);
    client.close();
    client.close();
    assert_eq!(client.send(&at, b"too late", PATIENCE).await, Err(Errno::Inval));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_clients_at_once_get_their_own_echoes() {
    const CLIENTS: usize = 200;
    let credman = credman();
    let options = Options { max_handshakes_per_address: CLIENTS, ..Options::default() };
    let (server, at) = echo_server(&credman, options);
    let tasks = (0..CLIENTS).map(|number| {
        let credman = Arc::clone(&credman);
        tokio::spawn(async move {
            let (client, _) = open(SockRole::Client, &credman, Options::default());
            for round in 0..5 {
                let message = format!("client {number}, round {round}");
                assert_eq!(round_trip(&client, &at, message.as_bytes()).await.unwrap(), message.as_bytes());
            }
            client.close();
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    assert_eq!(server.stats().handshakes_completed, CLIENTS as u64);
    // The goodbyes have been sent, if not yet read.
    for _ in 0..200 {
        if server.stats().sessions == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(server.stats().sessions, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn threads_may_send_on_one_session_at_the_same_time() {
    const THREADS: usize = 8;
    const MESSAGES: usize = 200;
    let credman = credman();
    let (server, at) = open(SockRole::Server, &credman, Options::default());
    let (client, _) = open(SockRole::Client, &credman, Options::default());
    client.send(&at, b"hello", PATIENCE).await.unwrap();
    let received = Arc::new(AtomicUsize::new(0));
    let counter = {
        let (server, received) = (server.clone(), Arc::clone(&received));
        tokio::spawn(async move {
            let (mut data, mut meta) = (vec![0; 64], RxMeta::default());
            while received.load(Ordering::Relaxed) < THREADS * MESSAGES {
                match server.recv(&mut data, &mut meta, PATIENCE).await {
                    Ok(len) if data[..len] == *b"from a thread" => drop(received.fetch_add(1, Ordering::Relaxed)),
                    Ok(_) | Err(Errno::Handshake) => {}
                    Err(errno) => panic!("{errno}"),
                }
            }
        })
    };
    let sent = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..MESSAGES {
                    assert_eq!(client.try_send(&at, &[b"from ", b"a thread"], None), Ok(13));
                    sent.fetch_add(1, Ordering::Relaxed);
                    // Loopback drops what the receiver's socket buffer has no room for.
                    while sent.load(Ordering::Relaxed) > received.load(Ordering::Relaxed) + 100 {
                        std::thread::sleep(Duration::from_micros(50));
                    }
                }
            });
        }
    });
    counter.await.unwrap();
    let stats = server.stats();
    assert_eq!((stats.records_forged, stats.records_replayed), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_in_the_middle_of_everything_ends_every_wait() {
    let credman = credman();
    for _ in 0..20 {
        let (server, at) = echo_server(&credman, Options::default());
        let (client, _) = open(SockRole::Client, &credman, Options::default());
        let waits = (0..4).map(|_| {
            let client = client.clone();
            tokio::spawn(async move {
                let (mut data, mut meta) = (vec![0; 64], RxMeta::default());
                loop {
                    match client.recv(&mut data, &mut meta, None).await {
                        Err(Errno::Inval) => return,
                        Ok(_) | Err(Errno::Handshake | Errno::ConnReset) => {}
                        Err(errno) => panic!("{errno}"),
                    }
                }
            })
        });
        let waits = waits.collect::<Vec<_>>();
        let sender = {
            let client = client.clone();
            tokio::spawn(async move { while client.send(&at, b"x", None).await.is_ok() {} })
        };
        tokio::time::sleep(Duration::from_millis(3)).await;
        client.udp_sock().close();
        server.close();
        client.close();
        for wait in waits {
            tokio::time::timeout(Duration::from_secs(20), wait).await.expect("a wait ends").unwrap();
        }
        tokio::time::timeout(Duration::from_secs(20), sender).await.expect("the sender ends").unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_send_that_gives_up_leaves_nothing_behind() {
    let credman = credman();
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let at = UdpEp::from_socket_addr(silent.local_addr().unwrap());
    let (client, _) = open(SockRole::Client, &credman, Options::default());
    for _ in 0..3 {
        assert_eq!(client.send(&at, b"x", Some(Duration::from_millis(20))).await, Err(Errno::TimedOut));
        assert_eq!(client.stats().sessions, 0);
    }
    let mut meta = RxMeta::default();
    assert_eq!(client.try_recv(&mut [0; 8], &mut meta), Err(Errno::Again));
}

/// Opens a server that its owner reads, and a client with a session.
async fn read_by_hand() -> (DtlsSock, DtlsSock, UdpEp, UdpEp) {
    let credman = credman();
    let options = Options { caller_reads: true, ..Options::default() };
    let (server, at) = open(SockRole::Server, &credman, options);
    let (client, from) = open(SockRole::Client, &credman, Options::default());
    client.session_init(&at).unwrap();
    let (mut data, mut meta) = ([0; 8], RxMeta::default());
    let mut done = 0;
    while done < 2 {
        server.receive();
        tokio::time::sleep(Duration::from_millis(1)).await;
        for sock in [&server, &client] {
            done += u32::from(sock.try_recv(&mut data, &mut meta) == Err(Errno::Handshake));
        }
    }
    (server, client, at, from)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sock_that_its_owner_reads_has_what_was_received_and_nothing_else() {
    let (server, client, at, _) = read_by_hand().await;
    let (mut data, mut meta) = ([0; 64], RxMeta::default());
    client.try_send(&at, &[b"waits"], None).unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(server.try_recv(&mut data, &mut meta), Err(Errno::Again));
    assert!(!server.take_wake());
    assert!(!server.receive(), "nothing is left");
    assert!(!server.take_wake(), "nobody observes");
    assert_eq!(server.try_recv(&mut data, &mut meta), Ok(5));
    server.close();
    assert!(!server.receive());
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_sent_later_leave_with_the_flush_or_when_they_are_many() {
    let (server, client, at, _) = read_by_hand().await;
    let fetch = || {
        server.receive();
        let (mut data, mut meta, mut all) = ([0; 64], RxMeta::default(), Vec::new());
        while let Ok(len) = server.try_recv(&mut data, &mut meta) {
            all.push(data[..len].to_vec());
        }
        all
    };
    let messages = |count: u8| (0..count).map(|number| vec![number; 1 + usize::from(number) / 8]).collect::<Vec<_>>();
    for message in messages(40) {
        assert_eq!(client.try_send_later(&at, &[&message]), Ok(message.len()));
    }
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(fetch().is_empty());
    // One that does not wait comes behind those that do.
    client.try_send(&at, &[b"now"], None).unwrap();
    let mut expected = messages(40);
    expected.push(b"now".to_vec());
    assert_eq!(fetch(), expected);
    for message in messages(100) {
        client.try_send_later(&at, &[&message]).unwrap();
    }
    assert_eq!(fetch(), messages(64));
    client.flush();
    assert_eq!(fetch(), messages(100)[64..]);
    assert_eq!(client.stats().datagrams_unsent, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_too_long_for_the_mtu_leaves_those_around_it_alone() {
    let credman = credman();
    let (server, at) = open(SockRole::Server, &credman, Options::default());
    let (client, _) = open(SockRole::Client, &credman, Options { mtu: Some(600), ..Options::default() });
    client.send(&at, b"hello", PATIENCE).await.unwrap();
    assert_eq!(client.try_send_later(&at, &[b"before"]), Ok(6));
    assert_eq!(client.try_send_later(&at, &[&[0; 600]]), Err(Errno::MsgSize));
    assert_eq!(client.try_send_later(&at, &[b"behind"]), Ok(6));
    client.flush();
    let (mut data, mut meta) = ([0; 64], RxMeta::default());
    assert_eq!(server.recv(&mut data, &mut meta, PATIENCE).await, Err(Errno::Handshake));
    for expected in [&b"hello"[..], b"before", b"behind"] {
        let len = server.recv(&mut data, &mut meta, PATIENCE).await.unwrap();
        assert_eq!(&data[..len], expected);
    }
}
