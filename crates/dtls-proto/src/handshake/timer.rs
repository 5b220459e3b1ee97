//! The two clocks of a handshake: when to send again (RFC 6347 section 4.2.4.1), and when to give up.

use std::time::{Duration, Instant};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Timers {
    initial: Duration,
    max: Duration,
    backoff: Duration,
    /// When the flight last left.
    sent_at: Option<Instant>,
    retransmit_at: Option<Instant>,
    give_up_at: Instant,
}

impl Timers {
    pub(crate) fn new(now: Instant, initial: Duration, max: Duration, lifetime: Duration) -> Self {
        Self { initial, max, backoff: initial, sent_at: None, retransmit_at: None, give_up_at: now + lifetime }
    }

    /// A flight has left as a whole; when `expects_answer`, it will leave again unless an answer comes.
    pub(crate) fn flight_sent(&mut self, now: Instant, expects_answer: bool) {
        self.sent_at = Some(now);
        self.retransmit_at = expects_answer.then(|| now + self.backoff);
    }

    /// The answer to the flight has come.
    pub(crate) fn flight_answered(&mut self) {
        self.retransmit_at = None;
        self.sent_at = None;
        self.backoff = self.initial;
    }

    /// Whether the flight is due again; if so, the next wait is twice as long.
    pub(crate) fn retransmit_due(&mut self, now: Instant) -> bool {
        let due = self.retransmit_at.is_some_and(|at| at <= now);
        if due {
            self.retransmit_at = None;
            self.backoff = (self.backoff * 2).min(self.max);
        }
        due
    }

    /// Whether the peer's repeated flight may be answered by sending ours again: not while ours can still be on its
    /// way, or two peers that see duplicates would go on answering each other.
    pub(crate) fn may_answer_repetition(&self, now: Instant) -> bool {
        self.sent_at.is_some_and(|at| now >= at + self.initial / 2)
    }

    pub(crate) fn gives_up(&self, now: Instant) -> bool {
        now >= self.give_up_at
    }

    pub(crate) fn next_deadline(&self) -> Instant {
        self.retransmit_at.map_or(self.give_up_at, |at| at.min(self.give_up_at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_start_again_with_the_next_flight() {
        let start = Instant::now();
        let second = Duration::from_secs(1);
        let mut timers = Timers::new(start, second, second * 4, second * 100);
        let mut now = start;
        for wait in [1, 2, 4, 4] {
            timers.flight_sent(now, true);
            assert_eq!(timers.next_deadline(), now + second * wait);
            assert!(!timers.retransmit_due(now));
            now = timers.next_deadline();
            assert!(timers.retransmit_due(now));
        }
        timers.flight_answered();
        timers.flight_sent(now, true);
        assert_eq!(timers.next_deadline(), now + second);
    }

    #[test]
    fn without_a_flight_under_way_the_lifetime_is_the_deadline() {
        let start = Instant::now();
        let mut timers = Timers::new(start, Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(60));
        assert_eq!(timers.next_deadline(), start + Duration::from_secs(60));
        timers.flight_sent(start, false);
        assert_eq!(timers.next_deadline(), start + Duration::from_secs(60));
        assert!(!timers.gives_up(start + Duration::from_secs(59)) && timers.gives_up(start + Duration::from_secs(60)));
    }
}
