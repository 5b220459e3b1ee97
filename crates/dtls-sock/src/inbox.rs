//! What waits to be fetched from a sock: messages, notices of handshakes and failures, and asynchronous events.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::aux_data::RxMeta;
use crate::errno::{Errno, Result};
use crate::stats::Counters;

/// A session is established, or a message can be fetched with it.
pub const SOCK_ASYNC_CONN_RDY: u32 = 0x01;
/// A session ended.
pub const SOCK_ASYNC_CONN_FIN: u32 = 0x02;
/// A handshake waits to be fetched.
pub const SOCK_ASYNC_CONN_RECV: u32 = 0x04;
/// A message waits to be fetched.
pub const SOCK_ASYNC_MSG_RECV: u32 = 0x10;
/// A message was sent.
pub const SOCK_ASYNC_MSG_SENT: u32 = 0x20;
/// The address of a peer changed.
pub const SOCK_ASYNC_PATH_PROP: u32 = 0x40;

/// Learns of what happens in a sock, on whichever thread it happens; must return at once and must not call the sock.
pub trait Observer: Send + Sync {
    /// There is something to fetch: [`DtlsSock::try_recv`](crate::DtlsSock::try_recv) or
    /// [`DtlsSock::take_event`](crate::DtlsSock::take_event).
    fn wake(&self);

    /// A raw public key was accepted unverified; called once in a process.
    fn unverified_peer(&self) {}
}

/// Memory above this is given back when everything has been fetched: bytes, and entries.
const KEPT_BYTES: usize = 1 << 16;
const KEPT_ENTRIES: usize = 1 << 10;

/// One thing to fetch.
enum Entry {
    /// The next so many bytes of [`State::data`].
    Message(usize, RxMeta),
    Handshake(SocketAddr),
    Failed(SocketAddr, Errno),
}

#[derive(Default)]
struct State {
    queue: VecDeque<Entry>,
    /// The bytes of the messages in the queue, one behind the other.
    data: VecDeque<u8>,
    messages: usize,
    closed: bool,
    /// Somebody found the queue empty and wants to hear when it no longer is.
    armed: bool,
    /// Something was added since the last wake-up.
    fresh: bool,
    connections: VecDeque<(SocketAddr, u32)>,
    flags: u32,
    observer: Option<Arc<dyn Observer>>,
}

pub(crate) struct Inbox {
    state: Mutex<State>,
    /// Asynchronous events are wanted. Changed with the state locked.
    events: AtomicBool,
    /// For waiters in Rust.
    notify: Notify,
    max_messages: usize,
    max_bytes: usize,
    /// Notices and events kept: each session may have some, a peer that connects over and over not endlessly many.
    max_notices: usize,
    counters: Arc<Counters>,
}

impl Inbox {
    pub(crate) fn new(max_messages: usize, max_bytes: usize, max_notices: usize, counters: Arc<Counters>) -> Self {
        let (state, events) = (Mutex::default(), AtomicBool::new(false));
        Self { state, events, notify: Notify::new(), max_messages, max_bytes, max_notices, counters }
    }

    pub(crate) fn push_message(&self, message: &[u8], meta: &RxMeta) {
        let mut state = self.state.lock();
        if state.closed {
            return;
        }
        if state.messages >= self.max_messages || state.data.len() + message.len() > self.max_bytes {
            return Counters::add(&self.counters.messages_dropped, 1);
        }
        state.messages += 1;
        state.data.extend(message);
        state.queue.push_back(Entry::Message(message.len(), *meta));
        state.flags |= SOCK_ASYNC_MSG_RECV;
        state.fresh = true;
        Counters::add(&self.counters.messages_received, 1);
    }

    pub(crate) fn push_handshake(&self, peer: SocketAddr) {
        self.push_notice(Entry::Handshake(peer));
        self.push_connection(peer, SOCK_ASYNC_CONN_RDY | SOCK_ASYNC_CONN_RECV);
    }

    pub(crate) fn push_failure(&self, peer: SocketAddr, errno: Errno) {
        self.push_notice(Entry::Failed(peer, errno));
    }

    /// Queues a CONN event.
    pub(crate) fn push_connection(&self, peer: SocketAddr, flags: u32) {
        let mut state = self.state.lock();
        if !self.wants_events() || state.closed {
            return;
        }
        if state.connections.len() >= self.max_notices {
            return Counters::add(&self.counters.notices_dropped, 1);
        }
        state.connections.push_back((peer, flags));
        state.fresh = true;
    }

    /// Whether so much waits that it should be fetched before more is received.
    pub(crate) fn is_filling(&self) -> bool {
        let state = self.state.lock();
        state.messages > self.max_messages / 2 || state.data.len() > self.max_bytes / 2
    }

    /// Adds flags of events that name no session, and wakes whoever waits for them.
    pub(crate) fn raise(&self, flags: u32) {
        // Asked without the lock: each send comes by here.
        if !self.wants_events() {
            return;
        }
        {
            let mut state = self.state.lock();
            if state.closed {
                return;
            }
            state.flags |= flags;
            state.fresh = true;
        }
        self.wake();
    }

    /// Wakes whoever waits, once for all that was added since the last time. Called without any lock.
    pub(crate) fn wake(&self) {
        if let Some(observer) = self.take_awaited() {
            observer.wake();
        }
    }

    /// The same, but the observer is left to the caller: whether it would have been woken.
    pub(crate) fn take_wake(&self) -> bool {
        self.take_awaited().is_some()
    }

    fn take_awaited(&self) -> Option<Arc<dyn Observer>> {
        let observer = {
            let mut state = self.state.lock();
            if !std::mem::take(&mut state.fresh) {
                return None;
            }
            let wanted = std::mem::take(&mut state.armed) || self.wants_events();
            state.observer.clone().filter(|_| wanted)
        };
        self.notify.notify_waiters();
        observer
    }

    fn wants_events(&self) -> bool {
        self.events.load(Ordering::Acquire)
    }

    /// Takes the next entry. A message longer than `data` is gone; `data` is untouched then. An empty queue arms the
    /// wake-up.
    pub(crate) fn take(&self, data: &mut [u8], meta: &mut RxMeta) -> Result<usize> {
        self.take_with(meta, |front, back| {
            let room = data.get_mut(..front.len() + back.len()).ok_or(Errno::NoBufs)?;
            room[..front.len()].copy_from_slice(front);
            room[front.len()..].copy_from_slice(back);
            Ok(room.len())
        })
    }

    /// Takes the next entry; a message is handed over as it is.
    pub(crate) fn take_owned(&self, meta: &mut RxMeta) -> Result<Box<[u8]>> {
        self.take_with(meta, |front, back| Ok([front, back].concat().into()))
    }

    /// `message` gets the bytes of a message, in two parts.
    fn take_with<T>(&self, meta: &mut RxMeta, message: impl FnOnce(&[u8], &[u8]) -> Result<T>) -> Result<T> {
        let mut state = self.state.lock();
        let state = &mut *state;
        if state.closed {
            return Err(Errno::Inval);
        }
        let Some(entry) = state.queue.pop_front() else {
            state.armed = true;
            state.give_memory_back();
            return Err(Errno::Again);
        };
        match entry {
            Entry::Message(len, received) => {
                *meta = received;
                let (front, back) = state.data.as_slices();
                let (front, rest) = (&front[..len.min(front.len())], len.saturating_sub(front.len()));
                let taken = message(front, &back[..rest]);
                state.data.drain(..len);
                state.messages -= 1;
                taken
            }
            Entry::Handshake(peer) => {
                *meta = RxMeta::of_peer(peer);
                Err(Errno::Handshake)
            }
            Entry::Failed(peer, errno) => {
                *meta = RxMeta::of_peer(peer);
                Err(errno)
            }
        }
    }

    /// Takes the next event: its flags, and the peer of a CONN event. 0 when there is none.
    pub(crate) fn take_event(&self) -> (u32, Option<SocketAddr>) {
        let mut state = self.state.lock();
        let flags = std::mem::take(&mut state.flags);
        match state.connections.pop_front() {
            Some((peer, connection)) => (flags | connection, Some(peer)),
            None => (flags, None),
        }
    }

    /// Whether events are kept; what is queued already is reported when they begin.
    pub(crate) fn want_events(&self, wanted: bool) {
        let mut state = self.state.lock();
        let begins = !self.events.swap(wanted, Ordering::AcqRel) && wanted;
        state.flags = 0;
        state.connections.clear();
        if begins && state.messages > 0 {
            state.flags |= SOCK_ASYNC_MSG_RECV;
            state.fresh = true;
        }
    }

    pub(crate) fn observe(&self, observer: Option<Arc<dyn Observer>>) {
        self.state.lock().observer = observer;
    }

    pub(crate) fn observer(&self) -> Option<Arc<dyn Observer>> {
        self.state.lock().observer.clone()
    }

    /// Ends waiting; everything that was not fetched is gone.
    pub(crate) fn close(&self) {
        let observer = {
            let mut state = self.state.lock();
            *state = State { closed: true, ..State::default() }.keeping(state.observer.take());
            state.observer.clone()
        };
        self.notify.notify_waiters();
        if let Some(observer) = observer {
            observer.wake();
        }
    }

    /// Runs `attempt` until it gives something else than [`Errno::Again`].
    pub(crate) async fn wait<T>(&self, mut attempt: impl FnMut() -> Result<T>) -> Result<T> {
        loop {
            let notified = self.notify.notified();
            let mut notified = std::pin::pin!(notified);
            // Registered before the attempt, or a wake-up between the two would be lost.
            notified.as_mut().enable();
            match attempt() {
                Err(Errno::Again) => notified.await,
                result => return result,
            }
        }
    }

    fn push_notice(&self, entry: Entry) {
        let mut state = self.state.lock();
        if state.closed {
            return;
        }
        if state.queue.len() - state.messages >= self.max_notices {
            return Counters::add(&self.counters.notices_dropped, 1);
        }
        state.queue.push_back(entry);
        state.fresh = true;
    }
}

impl State {
    /// Called when everything has been fetched: a burst leaves no memory of its size behind.
    fn give_memory_back(&mut self) {
        if self.data.capacity() > KEPT_BYTES {
            self.data = VecDeque::new();
        }
        if self.queue.capacity() > KEPT_ENTRIES {
            self.queue = VecDeque::new();
        }
    }

    fn keeping(mut self, observer: Option<Arc<dyn Observer>>) -> Self {
        self.observer = observer;
        self
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use proptest::prelude::*;

    use super::*;

    fn inbox(max_messages: usize, max_bytes: usize) -> Inbox {
        Inbox::new(max_messages, max_bytes, 8, Arc::default())
    }

    fn peer(port: u16) -> RxMeta {
        RxMeta::of_peer(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port))
    }

    #[derive(Clone, Debug)]
    enum Step {
        Push(Vec<u8>),
        Handshake,
        Take(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => proptest::collection::vec(any::<u8>(), 1..40).prop_map(Step::Push),
            1 => Just(Step::Handshake),
            3 => (0usize..50).prop_map(Step::Take),
        ]
    }

    proptest! {
        #[test]
        fn it_gives_what_a_list_of_messages_would(steps in proptest::collection::vec(step(), 0..200)) {
            let (inbox, mut list) = (inbox(10, 200), VecDeque::new());
            let (mut port, mut meta) = (0, RxMeta::default());
            for step in steps {
                port += 1;
                let messages = list.iter().filter_map(|(entry, _): &(Option<Vec<u8>>, u16)| entry.as_ref());
                let (count, bytes) = (messages.clone().count(), messages.map(Vec::len).sum::<usize>());
                match step {
                    Step::Push(message) => {
                        inbox.push_message(&message, &peer(port));
                        if count < 10 && bytes + message.len() <= 200 {
                            list.push_back((Some(message), port));
                        }
                    }
                    Step::Handshake => {
                        inbox.push_handshake(peer(port).peer);
                        if list.len() - count < 8 {
                            list.push_back((None, port));
                        }
                    }
                    Step::Take(room) => {
                        let mut data = vec![0; room];
                        let taken = inbox.take(&mut data, &mut meta);
                        match list.pop_front() {
                            None => prop_assert_eq!(taken, Err(Errno::Again)),
                            Some((entry, from)) => {
                                prop_assert_eq!(meta.peer.port(), from);
                                match entry {
                                    None => prop_assert_eq!(taken, Err(Errno::Handshake)),
                                    Some(message) if message.len() > room => {
                                        prop_assert_eq!(taken, Err(Errno::NoBufs));
                                        prop_assert!(data.iter().all(|byte| *byte == 0));
                                    }
                                    Some(message) => {
                                        prop_assert_eq!(taken, Ok(message.len()));
                                        prop_assert_eq!(&data[..message.len()], &message[..]);
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_burst_that_was_fetched_leaves_no_memory_behind() {
        let inbox = inbox(10_000, 1 << 24);
        for _ in 0..5000 {
            inbox.push_message(&[7; 1000], &peer(1));
        }
        let mut meta = RxMeta::default();
        while inbox.take(&mut [0; 1000], &mut meta).is_ok() {}
        let state = inbox.state.lock();
        assert!(state.data.capacity() <= KEPT_BYTES && state.queue.capacity() <= KEPT_ENTRIES);
    }

    #[test]
    fn whoever_found_nothing_is_told_once_for_all_that_comes() {
        struct Count(std::sync::atomic::AtomicU32);
        impl Observer for Count {
            fn wake(&self) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
        let (inbox, count) = (inbox(10, 1000), Arc::new(Count(0.into())));
        inbox.observe(Some(Arc::clone(&count) as _));
        let mut meta = RxMeta::default();
        let wakes = || count.0.load(Ordering::Relaxed);
        inbox.push_message(b"nobody has asked", &peer(1));
        inbox.wake();
        assert_eq!(wakes(), 0);
        while inbox.take(&mut [0; 99], &mut meta).is_ok() {}
        inbox.push_message(b"one", &peer(1));
        inbox.push_message(b"two", &peer(1));
        inbox.wake();
        inbox.wake();
        assert_eq!(wakes(), 1);
        while inbox.take(&mut [0; 99], &mut meta).is_ok() {}
        inbox.push_message(b"three", &peer(1));
        assert!(inbox.take_wake() && !inbox.take_wake());
        assert_eq!(wakes(), 1);
    }
}
