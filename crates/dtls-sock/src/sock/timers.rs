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

    /// Whether the clock was to ring at `at`. It also rings where a sooner time has been asked for since.
    fn rings_at(&self, at: Instant) -> bool {
        self.0.lock().rings_at == Some(at)
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
    /// Handles what is due. Called by the clock, which was asked to ring at `at`.
    pub(crate) fn expire(&self, at: Instant) {
        if !self.timers.rings_at(at) {
            return;
        }
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_clock_is_asked_only_for_what_comes_before_its_next_ring() {
        let (timers, begin) = (Timers::default(), Instant::now());
        let at = |seconds| Some(begin + Duration::from_secs(seconds));
        let peer = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let (mut first, mut second) = (None, None);
        assert_eq!(timers.arm(peer(1), &mut first, at(10)), at(10));
        assert_eq!(timers.arm(peer(2), &mut second, at(20)), None);
        assert_eq!(timers.arm(peer(2), &mut second, at(5)), at(5));
        // Moves away: the clock rings in vain.
        assert_eq!(timers.arm(peer(2), &mut second, at(30)), None);
        assert!(timers.rings_at(begin + Duration::from_secs(5)));
        assert_eq!(timers.pop(begin + Duration::from_secs(5)), None);
        assert_eq!(timers.rearm(), at(10));
        // Asked for before, superseded since: it rings for nobody.
        assert!(!timers.rings_at(begin + Duration::from_secs(5)));
        assert_eq!(timers.arm(peer(1), &mut first, None), None);
        assert_eq!(timers.rearm(), at(30));
        assert_eq!(timers.arm(peer(2), &mut second, None), None);
        assert_eq!(timers.rearm(), None);
    }
}
