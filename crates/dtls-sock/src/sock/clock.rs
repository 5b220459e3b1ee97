//! Deadlines of all socks: one thread that sleeps until the next.
//!
//! A sock rings once for the earliest of its sessions' deadlines. A deadline that comes closer wakes the thread; one that moves
//! away, as most do while a handshake goes on, lets it find nothing to do.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Instant;

use parking_lot::{Condvar, Mutex};

use crate::sock::inner::Inner;

/// What the clock holds of a sock: little, since it may hold it for longer than the sock lives.
pub(crate) struct Bell(pub(crate) Weak<Inner>);

#[derive(Default)]
struct Clock {
    due: Mutex<BinaryHeap<Alarm>>,
    sooner: Condvar,
}

struct Alarm {
    at: Instant,
    bell: Weak<Bell>,
}

/// Has [`Inner::expire`] called at `at`.
pub(crate) fn ring_at(at: Instant, bell: &Arc<Bell>) {
    static CLOCK: OnceLock<Arc<Clock>> = OnceLock::new();
    let clock = CLOCK.get_or_init(|| {
        let clock = Arc::<Clock>::default();
        let ours = Arc::clone(&clock);
        let started = std::thread::Builder::new().name("sock-dtls-clock".to_owned()).spawn(move || ours.run());
        if started.is_err() {
            tracing::error!("no thread is left for the clock: lost handshake messages are not sent again");
        }
        clock
    });
    let mut due = clock.due.lock();
    let sooner = due.peek().is_none_or(|first| at < first.at);
    due.push(Alarm { at, bell: Arc::downgrade(bell) });
    if sooner {
        clock.sooner.notify_one();
    }
}

impl Clock {
    fn run(&self) {
        loop {
            let alarm = {
                let mut due = self.due.lock();
                loop {
                    match due.peek().map(|first| first.at) {
                        Some(at) if at <= Instant::now() => break due.pop(),
                        Some(at) => drop(self.sooner.wait_until(&mut due, at)),
                        None => self.sooner.wait(&mut due),
                    }
                }
            };
            // The lock is free: what is due may set the next alarm.
            let inner = alarm.and_then(|alarm| alarm.bell.upgrade()?.0.upgrade());
            if let Some(inner) = inner {
                inner.expire();
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
