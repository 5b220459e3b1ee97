//! Deadlines of all socks: one thread that sleeps until the next.
//!
//! A sock rings once for the earliest of its sessions' deadlines. A deadline that comes closer wakes the thread; one that moves
//! away, as most do while a handshake goes on, lets it find nothing to do.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};
use std::time::Instant;

use parking_lot::{Condvar, Mutex};

use crate::sock::inner::Inner;

/// What the clock holds of a sock: little, since it may hold it for longer than the sock lives.
pub(crate) struct Bell(pub(crate) Weak<Inner>);

struct Clock {
    state: Mutex<State>,
    sooner: Condvar,
}

struct State {
    due: BinaryHeap<Alarm>,
    running: bool,
}

struct Alarm {
    at: Instant,
    bell: Weak<Bell>,
}

static CLOCK: Clock =
    Clock { state: Mutex::new(State { due: BinaryHeap::new(), running: false }), sooner: Condvar::new() };

/// Has [`Inner::expire`] called at `at`.
pub(crate) fn ring_at(at: Instant, bell: &Arc<Bell>) {
    let mut state = CLOCK.state.lock();
    if !state.running {
        let started = std::thread::Builder::new().name("sock-dtls-clock".to_owned()).spawn(|| CLOCK.run());
        state.running = started.is_ok();
        if started.is_err() {
            tracing::error!("no thread is left for the clock: lost handshake messages are not sent again for now");
        }
    }
    let sooner = state.due.peek().is_none_or(|first| at < first.at);
    state.due.push(Alarm { at, bell: Arc::downgrade(bell) });
    if sooner {
        CLOCK.sooner.notify_one();
    }
}

impl Clock {
    fn run(&self) {
        loop {
            let alarm = {
                let mut state = self.state.lock();
                loop {
                    match state.due.peek().map(|first| first.at) {
                        Some(at) if at <= Instant::now() => break state.due.pop(),
                        Some(at) => drop(self.sooner.wait_until(&mut state, at)),
                        None => self.sooner.wait(&mut state),
                    }
                }
            };
            let Some(Alarm { at, bell }) = alarm else { continue };
            // The lock is free: what is due may set the next alarm.
            if let Some(inner) = bell.upgrade().and_then(|bell| bell.0.upgrade())
                && catch_unwind(AssertUnwindSafe(|| inner.expire(at))).is_err()
            {
                // One sock must not stop the clock of all.
                tracing::error!("a deadline could not be handled");
            }
        }
    }
}

/// The earliest alarm is the greatest, for the heap.
impl Ord for Alarm {
    fn cmp(&self, other: &Self) -> Ordering {
        other.at.cmp(&self.at)
    }
}

impl PartialOrd for Alarm {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Alarm {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl Eq for Alarm {}
