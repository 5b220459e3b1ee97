//! The same client for every server: OpenSSL, or plain datagrams where the server has no DTLS.

use std::io::IoSlice;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use nix::sys::socket::{ControlMessage, MsgFlags, SockaddrIn, sendmsg};
use serde_json::json;

use crate::openssl_peer::{Setup, Stream, go_on};
use crate::{latencies, number, tell};

/// Datagrams in one call.
const RUN: usize = 32;
/// Echoes before those that count.
const WARM_UP: usize = 20;
/// How long an echo may take; what takes longer is lost.
const PATIENCE: Duration = Duration::from_millis(100);

/// A session, or a plain socket.
enum End {
    Dtls(UdpSocket, Box<Stream>),
    Plain(UdpSocket),
}

fn open_socket(port: u16) -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(("127.0.0.1", port)).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    socket
}

impl End {
    /// `None` when the server does not answer.
    fn open(setup: Option<&Setup>, port: u16) -> Option<Self> {
        let socket = open_socket(port);
        let Some(setup) = setup else { return Some(Self::Plain(socket)) };
        let (mut state, side) = setup.client();
        let mut buffer = [0; 4096];
        loop {
            while let Some(datagram) = side.pop() {
                socket.send(&datagram).ok()?;
            }
            if let Ok(stream) = state {
                return Some(Self::Dtls(socket, Box::new(Stream { stream, side })));
            }
            let len = socket.recv(&mut buffer).ok()?;
            side.push(buffer[..len].to_vec());
            state = go_on(state).ok()?;
        }
    }

    fn send(&mut self, message: &[u8]) {
        match self {
            Self::Plain(socket) => drop(socket.send(message)),
            Self::Dtls(socket, stream) => {
                stream.stream.ssl_write(message).unwrap();
                while let Some(datagram) = stream.side.pop() {
                    let _ = socket.send(&datagram);
                }
            }
        }
    }

    /// Appends the datagram of a message.
    fn seal(&mut self, message: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Plain(_) => out.extend_from_slice(message),
            Self::Dtls(_, stream) => {
                stream.stream.ssl_write(message).unwrap();
                while let Some(datagram) = stream.side.pop() {
                    out.extend_from_slice(&datagram);
                }
            }
        }
    }

    /// Sends datagrams of this length in one call (UDP_SEGMENT).
    fn send_run(&self, run: &[u8], length: usize) {
        let (Self::Plain(socket) | Self::Dtls(socket, _)) = self;
        let segment = u16::try_from(length).unwrap();
        let control = [ControlMessage::UdpGsoSegments(&segment)];
        // What finds no room is lost, as on any way.
        let _ = sendmsg::<SockaddrIn>(socket.as_raw_fd(), &[IoSlice::new(run)], &control, MsgFlags::empty(), None);
    }

    /// False when nothing came in time.
    fn receive(&mut self, buffer: &mut [u8]) -> bool {
        match self {
            Self::Plain(socket) => socket.recv(buffer).is_ok(),
            Self::Dtls(socket, stream) => loop {
                let Ok(len) = socket.recv(buffer) else { return false };
                stream.side.push(buffer[..len].to_vec());
                if stream.stream.ssl_read(buffer).is_ok() {
                    return true;
                }
            },
        }
    }

    fn close(&mut self) {
        if let Self::Dtls(socket, stream) = self {
            let _ = stream.stream.shutdown();
            while let Some(datagram) = stream.side.pop() {
                let _ = socket.send(&datagram);
            }
        }
    }
}

pub fn run(auth: &str, port: u16, millis: u64, what: &[&str]) {
    let setup = match auth {
        "psk" => Some(Setup::psk("PSK-AES128-GCM-SHA256")),
        "certificate" => Some(Setup::certificate(false)),
        _ => None,
    };
    let time = Duration::from_millis(millis);
    let result = match what {
        ["handshakes"] => handshakes(setup.as_ref(), port, time),
        ["echo", length, window] => echo(setup.as_ref(), port, time, number(length), number(window)),
        ["send one by one", length] => send_singly(setup.as_ref(), port, time, number(length)),
        ["send", length] => send(setup.as_ref(), port, time, number(length)),
        _ => panic!("what to measure: {what:?}"),
    };
    tell(&result);
}

fn handshakes(setup: Option<&Setup>, port: u16, time: Duration) -> serde_json::Value {
    let (start, mut count, mut failed) = (Instant::now(), 0, 0);
    while start.elapsed() < time {
        match End::open(setup, port) {
            Some(mut end) => {
                end.close();
                count += 1;
            }
            None => failed += 1,
        }
    }
    json!({ "rate": f64::from(count) / start.elapsed().as_secs_f64(), "failed": failed })
}

fn echo(setup: Option<&Setup>, port: u16, time: Duration, length: usize, window: usize) -> serde_json::Value {
    let Some(mut end) = End::open(setup, port) else { return json!({ "failed": 1 }) };
    let (End::Plain(socket) | End::Dtls(socket, _)) = &end;
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let (message, mut buffer) = (vec![7; length], vec![0; 1 << 14]);
    for _ in 0..WARM_UP {
        end.send(&message);
        end.receive(&mut buffer);
    }
    let (start, mut sent, mut count) = (Instant::now(), std::collections::VecDeque::new(), 0);
    let mut micros = Vec::new();
    let mut lost = 0;
    while start.elapsed() < time {
        while sent.len() < window {
            sent.push_back(Instant::now());
            end.send(&message);
        }
        if end.receive(&mut buffer) {
            micros.extend(sent.pop_front().map(|at: Instant| at.elapsed().as_secs_f64() * 1e6));
            count += 1;
        } else {
            lost += sent.len();
            sent.clear();
        }
    }
    let rate = f64::from(count) / start.elapsed().as_secs_f64();
    end.close();
    json!({ "rate": rate, "lost": lost, "latencies": latencies(micros) })
}

/// Sends as fast as the system takes it, many datagrams a call, so that the sender is no limit; who receives, counts.
fn send(setup: Option<&Setup>, port: u16, time: Duration, length: usize) -> serde_json::Value {
    let mut run = Vec::new();
    repeat(setup, port, time, length, |end, message| {
        run.clear();
        (0..RUN).for_each(|_| end.seal(message, &mut run));
        end.send_run(&run, run.len() / RUN);
        RUN
    })
}

/// The same, one datagram a call: what a program in C does.
fn send_singly(setup: Option<&Setup>, port: u16, time: Duration, length: usize) -> serde_json::Value {
    repeat(setup, port, time, length, |end, message| {
        end.send(message);
        1
    })
}

/// Opens a session and sends over and over: `send` tells how many messages it has sent.
fn repeat(
    setup: Option<&Setup>,
    port: u16,
    time: Duration,
    length: usize,
    mut send: impl FnMut(&mut End, &[u8]) -> usize,
) -> serde_json::Value {
    let Some(mut end) = End::open(setup, port) else { return json!({ "failed": 1 }) };
    let message = vec![b'-'; length];
    let (start, mut count) = (Instant::now(), 0);
    while start.elapsed() < time {
        count += send(&mut end, &message);
    }
    let rate = count as f64 / start.elapsed().as_secs_f64();
    end.close();
    json!({ "rate": rate })
}
