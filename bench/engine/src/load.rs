//! Many clients in one thread: our engine, with one socket for all. Each client has a loopback address of its own, which it gives
//! its datagrams as their source (IP_PKTINFO), so that a server sees as many peers as there are clients.

use std::collections::VecDeque;
use std::io::{IoSlice, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bench_pair::Client;
use dtls_proto::{Config, Psk, Suite};
use nix::libc::{in_addr, in_pktinfo};
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, SockaddrIn, recvmsg, sendmsg, setsockopt, sockopt::Ipv4PacketInfo,
};
use serde_json::json;

use crate::{latencies, number, tell};

/// Handshakes under way at a time, while sessions are set up.
const SETTING_UP: usize = 128;

struct Clients {
    socket: UdpSocket,
    server: SockaddrIn,
    config: Arc<Config>,
    psk: Psk,
    all: Vec<Client>,
    buffer: Vec<u8>,
    sealed: Vec<u8>,
    /// What is spoofed.
    hello: Vec<u8>,
}

/// Where spoofed hellos begin, behind all clients that there could be.
const SPOOFED: usize = 200 << 16;

/// Client number n is 127.a.b.c.
fn address(number: usize) -> Ipv4Addr {
    let [_, a, b, c] = ((number + 256) as u32).to_be_bytes();
    Ipv4Addr::new(127, a, b, c)
}

fn number_of(address: in_addr) -> usize {
    (u32::from_be(address.s_addr) as usize & 0x00ff_ffff) - 256
}

fn send_from(socket: &UdpSocket, server: &SockaddrIn, number: usize, datagram: &[u8]) {
    let source = in_pktinfo {
        ipi_ifindex: 0,
        ipi_spec_dst: in_addr { s_addr: u32::from(address(number)).to_be() },
        ipi_addr: in_addr { s_addr: 0 },
    };
    let control = [ControlMessage::Ipv4PacketInfo(&source)];
    // What finds no room is lost, as on any way; the echo's own patience counts it.
    let _ = sendmsg(socket.as_raw_fd(), &[IoSlice::new(datagram)], &control, MsgFlags::empty(), Some(server));
}

impl Clients {
    fn new(port: u16) -> Self {
        let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
        setsockopt(&socket, Ipv4PacketInfo, &true).unwrap();
        let _ = socket2::SockRef::from(&socket).set_recv_buffer_size(4 << 20);
        socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        Self {
            socket,
            server: SockaddrIn::from(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)),
            config: Arc::new(Config { suites: vec![Suite::PSK_WITH_AES_128_GCM_SHA256], ..Config::default() }),
            psk: Psk::new(b"device", &[1; 16]).unwrap(),
            all: Vec::new(),
            buffer: vec![0; 1 << 16],
            sealed: Vec::new(),
            hello: Vec::new(),
        }
    }

    fn start(&mut self) {
        let (number, now) = (self.all.len(), Instant::now());
        let mut client = Client::new(&self.config, &self.psk, now);
        client.transmit(|datagram| send_from(&self.socket, &self.server, number, datagram));
        self.all.push(client);
    }

    /// Handles one datagram: whose it was, and whether it brought a message; answers to spoofed hellos are only that. `None`
    /// when nothing came for a while.
    fn receive(&mut self) -> Option<(usize, bool)> {
        let mut control = nix::cmsg_space!(in_pktinfo);
        let (len, number) = {
            let mut slices = [IoSliceMut::new(&mut self.buffer)];
            let fd = self.socket.as_raw_fd();
            let message = recvmsg::<SockaddrIn>(fd, &mut slices, Some(&mut control), MsgFlags::empty()).ok()?;
            let info = message.cmsgs().ok()?.find_map(|control| match control {
                ControlMessageOwned::Ipv4PacketInfo(info) => Some(info),
                _ => None,
            })?;
            (message.bytes, number_of(info.ipi_addr))
        };
        let Some(client) = self.all.get_mut(number) else { return Some((number, false)) };
        let mut received = false;
        client.handle(&mut self.buffer[..len], |_| received = true);
        client.transmit(|datagram| send_from(&self.socket, &self.server, number, datagram));
        Some((number, received))
    }

    /// Sends flights again that are due.
    fn retransmit(&mut self, from: usize) {
        let now = Instant::now();
        for (number, client) in self.all.iter_mut().enumerate().skip(from) {
            if client.association.poll_timeout().is_some_and(|at| at <= now) {
                client.association.handle_timeout(now, &mut |_| {});
                client.transmit(|datagram| send_from(&self.socket, &self.server, number, datagram));
            }
        }
    }

    /// Sets up so many sessions more: handshakes a second.
    fn connect(&mut self, count: usize) -> f64 {
        let (begin, first) = (Instant::now(), self.all.len());
        let (mut open, mut done) = (VecDeque::new(), 0);
        while done < count {
            while open.len() < SETTING_UP && self.all.len() < first + count {
                open.push_back(self.all.len());
                self.start();
            }
            if self.receive().is_none() {
                self.retransmit(first);
            }
            open.retain(|number| !self.all[*number].association.is_established());
            done = self.all.len() - first - open.len();
        }
        count as f64 / begin.elapsed().as_secs_f64()
    }

    fn send(&mut self, number: usize, message: &[u8]) {
        self.sealed.clear();
        self.all[number].association.seal(&[message], &mut self.sealed).unwrap();
        send_from(&self.socket, &self.server, number, &self.sealed);
    }

    /// A first ClientHello from an address that nobody has.
    fn spoof(&mut self, number: usize) {
        if self.hello.is_empty() {
            let hello = &mut self.hello;
            Client::new(&self.config, &self.psk, Instant::now()).transmit(|datagram| hello.extend_from_slice(datagram));
        }
        send_from(&self.socket, &self.server, SPOOFED + number % 0xffff, &self.hello);
    }

    /// Echoes in turns over the first `sessions`, `window` under way, while `storm` new clients connect and `flood` hellos a
    /// second are spoofed.
    fn echo(&mut self, sessions: usize, window: usize, time: Duration, storm: usize, flood: f64) -> serde_json::Value {
        let message = [7; 64];
        let mut sent = vec![None; sessions];
        let (mut next, mut under_way, mut count, mut lost) = (0, 0, 0u32, 0u32);
        let mut micros = Vec::new();
        let start = Instant::now();
        let (mut storm, per_turn) = (storm, storm.div_ceil(500));
        let (mut spoofed, mut answered) = (0, 0u32);
        while start.elapsed() < time {
            for _ in 0..window {
                if spoofed as f64 >= flood * start.elapsed().as_secs_f64() {
                    break;
                }
                self.spoof(spoofed);
                spoofed += 1;
            }
            while under_way < window.min(sessions) {
                if sent[next].replace(Instant::now()).is_none() {
                    under_way += 1;
                }
                self.send(next, &message);
                next = (next + 1) % sessions;
            }
            for _ in 0..per_turn.min(storm) {
                self.start();
                storm -= 1;
            }
            match self.receive() {
                Some((number, true)) => {
                    if let Some(at) = sent.get_mut(number).and_then(Option::take) {
                        micros.push(at.elapsed().as_secs_f64() * 1e6);
                        under_way -= 1;
                        count += 1;
                    }
                }
                Some((number, false)) => answered += u32::from(number >= SPOOFED),
                None => {
                    lost += under_way as u32;
                    sent.fill(None);
                    under_way = 0;
                }
            }
        }
        let rate = f64::from(count) / start.elapsed().as_secs_f64();
        let established = self.all.iter().skip(sessions).filter(|client| client.association.is_established()).count();
        json!({ "rate": rate, "lost": lost, "latencies": latencies(micros), "established": established,
            "spoofed": spoofed, "answered": answered })
    }
}

/// Connects and tells so; then each line on standard input, "window milliseconds storm flood", is a round of echoes over all
/// sessions, while so many further clients connect and so many hellos a second are spoofed.
pub fn run(port: u16, sessions: usize) {
    let mut clients = Clients::new(port);
    let rate = clients.connect(sessions);
    tell(&json!({ "connected": sessions, "rate": rate }));
    for line in std::io::stdin().lines().map_while(Result::ok) {
        let words: Vec<usize> = line.split(' ').map(number).collect();
        let [window, millis, storm, flood] = words[..] else { panic!("window, milliseconds, storm, flood: {line}") };
        tell(&clients.echo(sessions, window, Duration::from_millis(millis as u64), storm, flood as f64));
    }
}
