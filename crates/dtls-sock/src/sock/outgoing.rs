//! Messages that leave together: sealed one behind the other, sent in as few calls of the system as it allows.

use std::cell::Cell;
use std::net::SocketAddr;

use crate::sock::inner::Inner;
use crate::stats::Counters;

/// Messages and bytes after which they leave without waiting for more.
const MAX_DATAGRAMS: usize = 64;
const MAX_BYTES: usize = 60_000;

/// Sealed datagrams that have not left yet, in order.
#[derive(Default)]
pub(crate) struct Outgoing {
    bytes: Vec<u8>,
    /// Where each ends in `bytes`, and whom it is for.
    datagrams: Vec<(usize, SocketAddr)>,
}

thread_local! {
    /// Memory that all socks of a thread use in turn: one that has nothing to send keeps none.
    static SPARE: Cell<Outgoing> = const { Cell::new(Outgoing { bytes: Vec::new(), datagrams: Vec::new() }) };
}

impl Outgoing {
    /// Adds a datagram that `seal` appends; one that it fails at, or that is longer than `limit`, is left out.
    pub(crate) fn push<E>(
        &mut self,
        peer: SocketAddr,
        limit: usize,
        seal: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<bool, E> {
        if self.bytes.capacity() == 0 {
            *self = SPARE.take();
        }
        let start = self.bytes.len();
        let sealed = seal(&mut self.bytes);
        let fits = self.bytes.len() - start <= limit;
        if sealed.is_err() || !fits {
            self.bytes.truncate(start);
            return sealed.map(|()| fits);
        }
        self.datagrams.push((self.bytes.len(), peer));
        Ok(true)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.datagrams.is_empty()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.datagrams.len() >= MAX_DATAGRAMS || self.bytes.len() >= MAX_BYTES
    }
}

impl Inner {
    /// Sends what waits to leave together.
    pub(crate) fn flush(&self) {
        let mut slot = self.outgoing.lock();
        if slot.is_empty() {
            return;
        }
        let mut outgoing = std::mem::take(&mut *slot);
        let Outgoing { bytes, datagrams } = &outgoing;
        let (mut start, mut rest) = (0, &datagrams[..]);
        while let [(end, peer), ..] = rest {
            // What waits for room comes first.
            let run = if self.unsent.is_empty() { self.udp.try_send_run(bytes, start, rest) } else { 0 };
            if run > 0 {
                Counters::add(&self.counters.datagrams_sent, run as u64);
                start = rest[run - 1].0;
                rest = &rest[run..];
            } else {
                // Counted there.
                let _ = self.send_datagram(&bytes[start..*end], *peer, None);
                start = *end;
                rest = &rest[1..];
            }
        }
        outgoing.bytes.clear();
        outgoing.datagrams.clear();
        SPARE.set(outgoing);
    }
}
