//! An echo server on OpenSSL for any number of peers: the same server for every client.

use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};

use openssl::ssl::ErrorCode;
use serde_json::json;

use crate::openssl_peer::{Setup, Side, Step, go_on};
use crate::tell;

struct Peer {
    /// `None` only while it is worked on.
    state: Option<Step>,
    side: Side,
}

pub fn serve(psk: bool) {
    let setup =
        if psk { Setup::psk("PSK-AES128-GCM-SHA256:PSK-AES128-CCM8:@SECLEVEL=0") } else { Setup::certificate(false) };
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let _ = socket2::SockRef::from(&socket).set_recv_buffer_size(4 << 20);
    tell(&json!({ "port": socket.local_addr().unwrap().port() }));
    let mut peers: HashMap<SocketAddr, Peer> = HashMap::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let (len, from) = socket.recv_from(&mut buffer).unwrap();
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
                // One byte says that the rest is not to be echoed.
                Ok(len) if message[0] != b'-' => drop(stream.ssl_write(&message[..len])),
                Ok(_) => {}
                Err(error) if error.code() == ErrorCode::WANT_READ => break,
                Err(_) => return false,
            }
        }
    }
    peer.state = Some(state);
    true
}
