//! When which session is due: one structure a sock.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Instant;

use parking_lot::Mutex;

use crate::aux_data::RxMeta;
use crate::sock::clock;
use crate::sock::inner::Inner;

/// The deadlines of the sessions, each at most one.
#[derive(Default)]
pub(crate) struct Timers(Mutex<Due>);

#[derive(Default)]
struct Due {
    deadlines: BTreeSet<(Instant, SocketAddr)>,
    /// When the clock rings next. Perhaps earlier than any deadline: to call that off would cost more.
    rings_at: Option<Instant>,
}

impl Timers {
    /// Replaces the deadline `armed` of this session by `deadline`; when the clock has to ring for it.
    #[must_use]
    pub(crate) fn arm(
        &self,
        peer: SocketAddr,
        armed: &mut Option<Instant>,
        deadline: Option<Instant>,
    ) -> Option<Instant> {
        if *armed == deadline {
            return None;
        }
        let mut due = self.0.lock();
        if let Some(old) = armed.take() {
            due.deadlines.remove(&(old, peer));
        }
        let new = deadline?;
        due.deadlines.insert((new, peer));
        *armed = Some(new);
        if due.rings_at.is_some_and(|at| at <= new) {
            return None;
        }
        due.rings_at = Some(new);
        Some(new)
    }

    /// The clock has rung: when it has to ring again.
    fn rearm(&self) -> Option<Instant> {
        let mut due = self.0.lock();
        due.rings_at = due.deadlines.first().map(|(at, _)| *at);
        due.rings_at
    }

    /// Takes a session whose deadline has come.
    fn pop(&self, now: Instant) -> Option<(Instant, SocketAddr)> {
        let mut due = self.0.lock();
        let first = *due.deadlines.first().filter(|(at, _)| *at <= now)?;
        due.deadlines.remove(&first);
        Some(first)
    }
}

impl Inner {
    /// Handles what is due. Called by the clock.
    pub(crate) fn expire(&self) {
        let now = Instant::now();
        while let Some((at, peer)) = self.timers.pop(now) {
            let Some(session) = self.sessions.get(&peer) else { continue };
            self.drive_in_batch(now, &session, &RxMeta::of_peer(peer), |guarded, now, sink| {
                if guarded.armed == Some(at) {
                    guarded.armed = None;
                }
                if let Some(association) = guarded.association() {
                    association.handle_timeout(now, sink);
                }
            });
        }
        self.inbox.wake();
        if let Some(at) = self.timers.rearm() {
            clock::ring_at(at, &self.bell);
        }
    }
}
