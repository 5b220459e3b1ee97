//! When which session is due: one structure a sock.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Instant;

use parking_lot::Mutex;
use tokio::sync::Notify;

/// The deadlines of the sessions, each at most one.
#[derive(Default)]
pub(crate) struct Timers {
    due: Mutex<BTreeSet<(Instant, SocketAddr)>>,
    /// The earliest deadline has come closer.
    pub(crate) changed: Notify,
}

impl Timers {
    /// Replaces the deadline `armed` of this session by `deadline`.
    pub(crate) fn arm(&self, peer: SocketAddr, armed: &mut Option<Instant>, deadline: Option<Instant>) {
        if *armed == deadline {
            return;
        }
        let mut due = self.due.lock();
        if let Some(old) = armed.take() {
            due.remove(&(old, peer));
        }
        if let Some(new) = deadline {
            let earliest = due.first().map(|(at, _)| *at);
            due.insert((new, peer));
            *armed = Some(new);
            if earliest.is_none_or(|at| new < at) {
                self.changed.notify_one();
            }
        }
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        self.due.lock().first().map(|(at, _)| *at)
    }

    /// Takes a session whose deadline has come.
    pub(crate) fn pop(&self, now: Instant) -> Option<(Instant, SocketAddr)> {
        let mut due = self.due.lock();
        let first = *due.first().filter(|(at, _)| *at <= now)?;
        due.remove(&first);
        Some(first)
    }
}
