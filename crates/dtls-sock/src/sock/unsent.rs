//! Datagrams that wait behind a full socket buffer.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::errno::{Errno, Result};
use crate::sock::inner::Inner;
use crate::stats::Counters;

/// How long to wait for room where nothing tells that there is.
const WITHOUT_NOTICE: Duration = Duration::from_millis(5);

/// Datagrams that may wait.
const MAX_UNSENT: usize = 1024;

#[derive(Default)]
pub(crate) struct Unsent(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    datagrams: VecDeque<(SocketAddr, Vec<u8>)>,
    /// A task waits for room.
    attended: bool,
}

impl Unsent {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.lock().datagrams.is_empty()
    }
}

impl Inner {
    /// Sends a datagram, or queues it behind a full socket buffer.
    pub(crate) fn send_datagram(&self, datagram: &[u8], peer: SocketAddr, source: Option<SocketAddr>) -> Result<()> {
        let waits = !self.unsent.is_empty();
        let result = if waits { Err(Errno::Again) } else { self.udp.try_send_to(datagram, peer, source) };
        match result {
            Ok(_) => {
                Counters::add(&self.counters.datagrams_sent, 1);
                Ok(())
            }
            Err(Errno::Again) => self.send_when_writable(datagram, peer),
            Err(errno) => {
                Counters::add(&self.counters.datagrams_unsent, 1);
                Err(errno)
            }
        }
    }

    fn send_when_writable(&self, datagram: &[u8], peer: SocketAddr) -> Result<()> {
        let mut unsent = self.unsent.0.lock();
        let inner = self.me.upgrade().filter(|_| unsent.datagrams.len() < MAX_UNSENT);
        let Some(inner) = inner else {
            Counters::add(&self.counters.datagrams_unsent, 1);
            return Err(Errno::NoMem);
        };
        unsent.datagrams.push_back((peer, datagram.to_vec()));
        if !std::mem::replace(&mut unsent.attended, true) {
            self.runtime.spawn(attend(inner));
        }
        Ok(())
    }

    /// Sends what there is room for; whether something still waits.
    fn send_waiting(&self) -> bool {
        let mut unsent = self.unsent.0.lock();
        while let Some((peer, datagram)) = unsent.datagrams.front() {
            match self.udp.try_send_to(datagram, *peer, None) {
                Err(Errno::Again) => return true,
                Ok(_) => Counters::add(&self.counters.datagrams_sent, 1),
                Err(_) => Counters::add(&self.counters.datagrams_unsent, 1),
            }
            unsent.datagrams.pop_front();
        }
        unsent.attended = false;
        false
    }
}

/// Waits for room until nothing waits any more.
async fn attend(inner: Arc<Inner>) {
    loop {
        tokio::select! {
            () = inner.udp.closed() => {}
            writable = inner.udp.writable() => {
                if writable.is_err() {
                    // Nothing can tell, no descriptor being left; room may come all the same.
                    tokio::time::sleep(WITHOUT_NOTICE).await;
                }
            }
        }
        if !inner.send_waiting() {
            return;
        }
    }
}
