//! One session of a sock.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::Instant;

use dtls_proto::{Answer, Association, ClearText, QuestionId, VerifiedHello};
use parking_lot::Mutex;

use crate::aux_data::RxMeta;
use crate::engine::EngineSession;
use crate::errno::Result;

/// Datagrams and answers that may wait for a handshake of one session.
const MAX_BACKLOG: usize = 64;

/// Where a session is in its life, readable without its lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Handshaking,
    Established,
    Closed,
}

/// Hears how an awaited handshake ended.
pub(crate) type Waiter = Box<dyn FnOnce(Result<()>) + Send>;

/// Work that is too long for the thread it came up on.
pub(crate) enum Work {
    Datagram(Vec<u8>, RxMeta),
    Hello(Box<VerifiedHello>),
    Answer(QuestionId, Answer),
}

/// What a session has only while its handshake runs.
#[derive(Default)]
pub(crate) struct Pending {
    queue: VecDeque<Work>,
    running: bool,
    pub(crate) waiters: Vec<(u64, Waiter)>,
}

/// What runs a session.
pub(crate) enum Runner {
    Native(Association),
    Other(Box<dyn EngineSession>),
}

/// The part of a session that its lock guards.
pub(crate) struct Guarded {
    /// `None` until the hello that begins it is handled, and after the end of a session of another engine.
    pub(crate) runner: Option<Runner>,
    pub(crate) armed: Option<Instant>,
}

impl Guarded {
    /// The association of a session that the native engine runs.
    pub(crate) fn association(&mut self) -> Option<&mut Association> {
        match &mut self.runner {
            Some(Runner::Native(association)) => Some(association),
            _ => None,
        }
    }
}

pub(crate) struct Session {
    pub(crate) peer: SocketAddr,
    /// Whether this sock began it; its failures are then told by `recv`.
    pub(crate) ours: bool,
    stage: AtomicU8,
    /// Whether it counts among the handshakes that peers have begun.
    half_open: AtomicBool,
    pub(crate) guarded: Mutex<Guarded>,
    pending: Mutex<Option<Box<Pending>>>,
}

impl Session {
    pub(crate) fn new(peer: SocketAddr, ours: bool) -> Self {
        Self {
            peer,
            ours,
            stage: AtomicU8::new(Stage::Handshaking as u8),
            half_open: AtomicBool::new(!ours),
            guarded: Mutex::new(Guarded { runner: None, armed: None }),
            pending: Mutex::default(),
        }
    }

    pub(crate) fn stage(&self) -> Stage {
        match self.stage.load(Ordering::Acquire) {
            0 => Stage::Handshaking,
            1 => Stage::Established,
            _ => Stage::Closed,
        }
    }

    pub(crate) fn set_stage(&self, stage: Stage) {
        self.stage.store(stage as u8, Ordering::Release);
    }

    /// True the first time it is asked of a handshake that a peer began.
    pub(crate) fn leave_half_open(&self) -> bool {
        self.half_open.swap(false, Ordering::AcqRel)
    }

    /// Whether the next datagram has to wait behind others.
    pub(crate) fn is_busy(&self) -> bool {
        self.pending.lock().as_ref().is_some_and(|pending| pending.running)
    }

    /// Whether handling a datagram may take an operation with a public key.
    pub(crate) fn takes_long(&self, datagram: &[u8]) -> bool {
        let may_be_of_a_handshake = match self.stage() {
            Stage::Handshaking => true,
            // A peer that begins again.
            Stage::Established => ClearText::begins(datagram),
            Stage::Closed => false,
        };
        may_be_of_a_handshake
            && self.guarded.lock().association().is_none_or(|association| association.takes_long(datagram))
    }

    /// Queues work. `Some(true)`: the caller has to start a worker; `None`: there is no room.
    pub(crate) fn enqueue(&self, work: Work) -> Option<bool> {
        let mut pending = self.pending.lock();
        let pending = pending.get_or_insert_default();
        if pending.queue.len() >= MAX_BACKLOG && !matches!(work, Work::Answer(..)) {
            return None;
        }
        pending.queue.push_back(work);
        Some(!std::mem::replace(&mut pending.running, true))
    }

    /// The next work; with `None` the worker has ended.
    pub(crate) fn next_work(&self) -> Option<Work> {
        let mut slot = self.pending.lock();
        let pending = slot.as_mut()?;
        let work = pending.queue.pop_front();
        if work.is_none() {
            pending.running = false;
            if pending.waiters.is_empty() {
                *slot = None;
            }
        }
        work
    }

    /// Lets `waiter` hear of the end of the handshake. False when that has been told already.
    pub(crate) fn wait(&self, id: u64, waiter: Waiter) -> std::result::Result<(), Waiter> {
        let mut pending = self.pending.lock();
        if self.stage() != Stage::Handshaking {
            return Err(waiter);
        }
        pending.get_or_insert_default().waiters.push((id, waiter));
        Ok(())
    }

    /// Forgets a waiter; true when it was there and none is left.
    pub(crate) fn forget_waiter(&self, id: u64) -> bool {
        let mut pending = self.pending.lock();
        let Some(pending) = pending.as_mut() else { return false };
        let before = pending.waiters.len();
        pending.waiters.retain(|(other, _)| *other != id);
        before > 0 && pending.waiters.is_empty()
    }

    /// All waiters, once the stage says how the handshake ended.
    pub(crate) fn take_waiters(&self) -> Vec<(u64, Waiter)> {
        let mut pending = self.pending.lock();
        pending.as_mut().map(|pending| std::mem::take(&mut pending.waiters)).unwrap_or_default()
    }
}
