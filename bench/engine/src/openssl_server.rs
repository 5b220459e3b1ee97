//! An echo server on OpenSSL for any number of peers: the same server for every client.

use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};

use openssl::ssl::ErrorCode;
use serde_json::json;

use crate::openssl_peer::{Setup, Side, Step, go_on};
use crate::tell;

/// A message that begins with this byte is not echoed.
const QUIET: u8 = b'-';

struct Peer {
    /// `None` only while it is worked on.
    state: Option<Step>,
    side: Side,
}

/// Serves for ever. `auth` is "psk" or "certificate", anything else is datagrams in clear.
pub fn serve(auth: &str) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let _ = socket2::SockRef::from(&socket).set_recv_buffer_size(4 << 20);
    tell(&json!({ "port": socket.local_addr().unwrap().port() }));
    match auth {
        "psk" => sessions(&socket, &Setup::psk("PSK-AES128-GCM-SHA256:PSK-AES128-CCM8:@SECLEVEL=0")),
        "certificate" => sessions(&socket, &Setup::certificate(false)),
        _ => plain(&socket),
    }
}

fn plain(socket: &UdpSocket) {
    let mut buffer = vec![0; 1 << 16];
    loop {
        let (len, from) = socket.recv_from(&mut buffer).unwrap();
        if buffer[0] != QUIET {
            // A client that is gone misses nothing.
            let _ = socket.send_to(&buffer[..len], from);
        }
    }
}

fn sessions(socket: &UdpSocket, setup: &Setup) {
    let mut peers: HashMap<SocketAddr, Peer> = HashMap::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let (len, from) = socket.recv_from(&mut buffer).unwrap();
        if is_first_hello(&buffer[..len]) {
            // The system gives ports of clients that are gone out again.
            peers.remove(&from);
        }
        let peer = peers.entry(from).or_insert_with(|| {
            let (state, side) = setup.server();
            Peer { state: Some(state), side }
        });
        peer.side.push(buffer[..len].to_vec());
        let gone = !work(peer);
        while let Some(datagram) = peer.side.pop() {
            // A client that is gone already misses nothing.
            let _ = socket.send_to(&datagram, from);
        }
        if gone {
            peers.remove(&from);
        }
    }
}

/// Goes on with the handshake, or echoes what has come; false when the session is over.
fn work(peer: &mut Peer) -> bool {
    let Some(state) = peer.state.take() else { return false };
    let Ok(mut state) = go_on(state) else { return false };
    let mut message = [0; 1 << 14];
    if let Ok(stream) = &mut state {
        loop {
            match stream.ssl_read(&mut message) {
                Ok(len) if message[0] != QUIET => drop(stream.ssl_write(&message[..len])),
                Ok(_) => {}
                Err(error) if error.code() == ErrorCode::WANT_READ => break,
                Err(_) => return false,
            }
        }
    }
    peer.state = Some(state);
    true
}

/// Whether a datagram begins a handshake: a ClientHello with the first sequence number of all.
fn is_first_hello(datagram: &[u8]) -> bool {
    datagram.len() > 13 && datagram[0] == 22 && datagram[3..11] == [0; 8] && datagram[13] == 1
}
