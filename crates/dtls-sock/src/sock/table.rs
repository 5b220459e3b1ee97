//! The sessions of a sock by peer address, and how many handshakes peers have begun.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use crate::errno::{Errno, Result};
use crate::options::Options;
use crate::sock::session::Session;

/// Handshakes that peers have begun and not completed.
#[derive(Default)]
struct HalfOpen {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
}

pub(crate) struct SessionTable {
    sessions: RwLock<HashMap<SocketAddr, Arc<Session>>>,
    half_open: Mutex<HalfOpen>,
    max_sessions: usize,
    max_half_open: usize,
    max_half_open_per_address: usize,
}

impl SessionTable {
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            sessions: RwLock::default(),
            half_open: Mutex::default(),
            max_sessions: options.max_sessions,
            max_half_open: options.max_handshakes,
            max_half_open_per_address: options.max_handshakes_per_address,
        }
    }

    pub(crate) fn get(&self, peer: &SocketAddr) -> Option<Arc<Session>> {
        self.sessions.read().get(peer).cloned()
    }

    pub(crate) fn len(&self) -> usize {
        self.sessions.read().len()
    }

    pub(crate) fn half_open(&self) -> usize {
        self.half_open.lock().total
    }

    /// Adds a session of ours. `Ok(Some(_))`: there was one already, which stays.
    pub(crate) fn insert(&self, session: &Arc<Session>) -> Result<Option<Arc<Session>>> {
        let mut sessions = self.sessions.write();
        if let Some(existing) = sessions.get(&session.peer) {
            return Ok(Some(Arc::clone(existing)));
        }
        if sessions.len() >= self.max_sessions {
            return Err(Errno::NoMem);
        }
        sessions.insert(session.peer, Arc::clone(session));
        Ok(None)
    }

    /// Adds a session that a peer begins, if the limits for such handshakes allow it.
    pub(crate) fn insert_half_open(&self, session: &Arc<Session>) -> Result<Option<Arc<Session>>> {
        let mut half_open = self.half_open.lock();
        let of_address = half_open.by_address.get(&session.peer.ip()).copied().unwrap_or(0);
        if half_open.total >= self.max_half_open || of_address >= self.max_half_open_per_address {
            return Err(Errno::NoMem);
        }
        let existing = self.insert(session)?;
        if existing.is_none() {
            half_open.total += 1;
            *half_open.by_address.entry(session.peer.ip()).or_default() += 1;
        }
        Ok(existing)
    }

    /// A handshake that a peer began is complete, or over.
    pub(crate) fn leave_half_open(&self, session: &Session) {
        if !session.leave_half_open() {
            return;
        }
        let mut half_open = self.half_open.lock();
        half_open.total = half_open.total.saturating_sub(1);
        let ip = session.peer.ip();
        if let Some(count) = half_open.by_address.get_mut(&ip) {
            *count -= 1;
            if *count == 0 {
                half_open.by_address.remove(&ip);
            }
        }
    }

    /// Takes this session out; another one with the same peer stays.
    pub(crate) fn remove(&self, session: &Arc<Session>) {
        let mut sessions = self.sessions.write();
        if sessions.get(&session.peer).is_some_and(|other| Arc::ptr_eq(other, session)) {
            sessions.remove(&session.peer);
        }
        // A burst of sessions leaves no table of its size behind.
        if sessions.capacity() > 1024 && sessions.len() < sessions.capacity() / 8 {
            sessions.shrink_to_fit();
        }
    }

    pub(crate) fn take_all(&self) -> Vec<Arc<Session>> {
        std::mem::take(&mut *self.sessions.write()).into_values().collect()
    }
}
