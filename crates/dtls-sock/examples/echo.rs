//! RIOT's echo server and client in one process, without Node: `cargo run -p dtls-sock --example echo`.

use std::sync::Arc;
use std::time::Duration;

use dtls_sock::{Credman, DtlsSock, Errno, Options, Params, RxMeta, SockRole, UdpEp, UdpSock};
use tokio::runtime::Handle;

const TAG: u16 = 10;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let credman = Arc::new(Credman::default());
    credman.add(TAG, Params::Psk { id: Some(b"secretID"), key: Some(b"secretPSK"), hint: None })?;

    let udp = UdpSock::create(&Handle::current(), Some(&UdpEp::from_socket_addr("[::1]:0".parse()?)), None, 0)?;
    let server = DtlsSock::create(&udp, TAG, SockRole::Server, Options::default(), Arc::clone(&credman))?;
    let remote = udp.local()?;
    println!("the server listens on port {}", remote.port);
    tokio::spawn(echo(server));

    let udp = UdpSock::create(&Handle::current(), Some(&UdpEp::IPV6_ANY), None, 0)?;
    let client = DtlsSock::create(&udp, TAG, SockRole::Client, Options::default(), credman)?;
    let timeout = Some(Duration::from_secs(5));
    let (mut data, mut meta) = ([0; 128], RxMeta::default());
    client.session_init(&remote)?;
    if client.recv(&mut data, &mut meta, timeout).await != Err(Errno::Handshake) {
        return Err("the handshake did not complete".into());
    }
    println!("connected with {}", client.session_info(&remote).map_or("nothing", |info| info.suite.name()));
    let sent = client.send(&remote, b"HELLO", timeout).await?;
    let received = client.recv(&mut data, &mut meta, timeout).await?;
    println!("sent {sent} bytes, received {:?}", String::from_utf8_lossy(&data[..received]));
    client.session_destroy(&remote);
    client.close();
    if data[..received] == *b"HELLO" { Ok(()) } else { Err("the echo is not what was sent".into()) }
}

async fn echo(server: DtlsSock) {
    let (mut data, mut meta) = ([0; 128], RxMeta::default());
    loop {
        match server.recv(&mut data, &mut meta, None).await {
            Ok(len) => {
                if let Err(errno) = server.try_send(&UdpEp::from_socket_addr(meta.peer), &[&data[..len]], None) {
                    println!("the reply was not sent: {errno}");
                }
            }
            Err(Errno::Inval) => return,
            Err(_) => {}
        }
    }
}
