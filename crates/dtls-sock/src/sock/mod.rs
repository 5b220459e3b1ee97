//! The DTLS sock: RIOT's `net/sock/dtls.h` in Rust.

mod clock;
mod driver;
mod inner;
mod link;
mod outgoing;
mod question;
mod receive;
mod send;
mod session;
mod table;
mod timers;
mod unsent;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use dtls_proto::{Association, CloseReason, Info, Role};
use parking_lot::{Mutex, RwLock};

use crate::aux_data::RxMeta;
use crate::credman::{Credman, Tag};
use crate::endpoint::UdpEp;
use crate::errno::{Errno, Result};
use crate::inbox::{Inbox, Observer};
use crate::options::Options;
use crate::stats::{Counters, Stats};
use crate::tags;
use crate::udp::UdpSock;
use clock::Bell;
use inner::Inner;
use session::{Runner, Session, Stage};
use table::SessionTable;
use timers::Timers;
use unsent::Unsent;

pub use inner::SockRole;
pub use link::Link;
pub use question::{CredentialCallback, CredentialQuestion};

/// The longest message that fits one record (RFC 6347 section 4.1.1).
pub const MAX_MESSAGE: usize = 1 << 14;

/// How a session stands after [`DtlsSock::establish`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Establishing {
    /// It is established: the waiter is not called.
    Done,
    /// Its handshake runs: the waiter will be called.
    Pending(WaiterId),
}

/// Names a waiter of [`DtlsSock::establish`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaiterId(u64);

/// A DTLS sock over a UDP sock. Clones are the same sock; it is open until [`DtlsSock::close`].
#[derive(Clone)]
pub struct DtlsSock(Arc<Inner>);

impl DtlsSock {
    /// Takes over reading from `udp`. `tag` begins the tag list, [`CREDMAN_TAG_EMPTY`](crate::CREDMAN_TAG_EMPTY)
    /// leaves it empty.
    ///
    /// # Errors
    /// [`Errno::Inval`] when `udp` is closed or in use by another DTLS sock, or when the engine of `options` cannot do
    /// what they ask for, or nothing with that credential.
    pub fn create(udp: &UdpSock, tag: Tag, role: SockRole, options: Options, credman: Arc<Credman>) -> Result<Self> {
        if let Some(engine) = &options.engine {
            engine.check_options(&options)?;
        }
        let attachment = udp.attach()?;
        let counters = Arc::new(Counters::default());
        let max_notices = options.max_sessions.saturating_add(options.recv_queue_messages);
        let inbox =
            Inbox::new(options.recv_queue_messages, options.recv_queue_bytes, max_notices, Arc::clone(&counters));
        let sock = Self(Arc::new_cyclic(|me| Inner {
            me: me.clone(),
            udp: udp.clone(),
            attachment: Mutex::new(Some(attachment)),
            runtime: udp.runtime().clone(),
            role,
            config: options.config(),
            credman,
            tags: RwLock::default(),
            hint: RwLock::default(),
            client_psk_cb: RwLock::default(),
            rpk_cb: RwLock::default(),
            sessions: SessionTable::new(&options),
            timers: Timers::default(),
            inbox,
            counters,
            answering: Mutex::default(),
            outgoing: Mutex::default(),
            unsent: Unsent::default(),
            bell: Arc::new(Bell(me.clone())),
            closed: AtomicBool::new(false),
            nudge: tokio::sync::Notify::new(),
            driving: AtomicBool::new(false),
            options,
        }));
        if tag != crate::CREDMAN_TAG_EMPTY {
            sock.add_credential(tag)?;
        }
        match sock.ensure_read() {
            // Bound late: the first call that needs the driver starts it.
            Ok(()) | Err(Errno::AddrNotAvail) => Ok(sock),
            Err(errno) => Err(errno),
        }
    }

    /// The UDP sock underneath.
    pub fn udp_sock(&self) -> &UdpSock {
        &self.0.udp
    }

    /// Sets the hint that a server sends with PSK suites; an empty one is none.
    ///
    /// # Errors
    /// [`Errno::Inval`] when it is longer than the option `max_hint_length`.
    pub fn set_server_psk_id_hint(&self, hint: &[u8]) -> Result<()> {
        if hint.len() > self.0.options.max_hint_length.min(usize::from(u16::MAX)) {
            return Err(Errno::Inval);
        }
        *self.0.hint.write() = (!hint.is_empty()).then(|| hint.to_vec());
        Ok(())
    }

    /// Appends a tag to the list.
    ///
    /// # Errors
    /// [`Errno::NoMem`] when the list is full; [`Errno::Inval`] for a credential that the sock's engine cannot use.
    pub fn add_credential(&self, tag: Tag) -> Result<()> {
        self.0.check_credentials(|inner| tags::credentials_of(&inner.credman, tag))?;
        self.0.tags.write().add(tag)
    }

    /// Takes the first occurrence of a tag off the list; the order of the rest stays.
    ///
    /// # Errors
    /// [`Errno::Inval`] when it is not in the list.
    pub fn remove_credential(&self, tag: Tag) -> Result<()> {
        if self.0.tags.write().remove(tag) { Ok(()) } else { Err(Errno::Inval) }
    }

    /// The tags in order.
    pub fn credentials(&self) -> Vec<Tag> {
        self.0.tags.read().to_vec()
    }

    /// Sets who chooses the PSK credential of a client; `None` leaves it to the sock's rules.
    pub fn set_client_psk_cb(&self, callback: Option<CredentialCallback>) {
        *self.0.client_psk_cb.write() = callback;
    }

    /// Sets who chooses the ECDSA credential; `None` leaves it to the sock's rules.
    pub fn set_rpk_cb(&self, callback: Option<CredentialCallback>) {
        *self.0.rpk_cb.write() = callback;
    }

    /// Starts a handshake. True: a ClientHello was sent; false: there is a session with that peer.
    ///
    /// # Errors
    /// [`Errno::Inval`]: closed sock, or an endpoint that is no peer; [`Errno::AfNoSupport`]: its family,
    /// or not one of the UDP sock's; [`Errno::AddrNotAvail`]: the UDP sock has no local endpoint; [`Errno::NoMem`]: session limit;
    /// [`Errno::ConnAborted`]: no credential of the sock's tags can be offered; what the system says of the send.
    pub fn session_init(&self, ep: &UdpEp) -> Result<bool> {
        let peer = self.peer(ep)?;
        self.start(peer).map(|(_, started)| started)
    }

    /// Ends a session with close_notify and frees it; nothing without one.
    pub fn session_destroy(&self, ep: &UdpEp) {
        if let Ok(peer) = ep.to_socket_addr()
            && let Some(session) = self.0.sessions.get(&peer)
        {
            self.0.end(&session);
        }
    }

    /// Takes the next message into `data`: its length, with where it came from in `meta`.
    ///
    /// # Errors
    /// [`Errno::Handshake`]: a handshake is complete; [`Errno::ConnRefused`], [`Errno::ConnAborted`],
    /// [`Errno::TimedOut`], [`Errno::ConnReset`]: a session that this sock started failed or ended; `meta` names the
    /// peer with each. [`Errno::Again`]: nothing there; [`Errno::NoBufs`]: the message was longer than `data`, and is
    /// gone; [`Errno::Inval`]: closed; [`Errno::AddrNotAvail`]: no local endpoint.
    pub fn try_recv(&self, data: &mut [u8], meta: &mut RxMeta) -> Result<usize> {
        self.readable()?;
        self.0.inbox.take(data, meta)
    }

    /// Takes the next message as it is. Errors as for [`DtlsSock::try_recv`].
    ///
    /// # Errors
    /// Those of [`DtlsSock::try_recv`] but for [`Errno::NoBufs`].
    pub fn try_recv_buf(&self, meta: &mut RxMeta) -> Result<Box<[u8]>> {
        self.readable()?;
        self.0.inbox.take_owned(meta)
    }

    /// Waits for the next message for as long as `timeout`, or for ever.
    ///
    /// # Errors
    /// Those of [`DtlsSock::try_recv`], with [`Errno::TimedOut`] in place of [`Errno::Again`].
    pub async fn recv(&self, data: &mut [u8], meta: &mut RxMeta, timeout: Option<Duration>) -> Result<usize> {
        let received = async {
            tokio::select! {
                received = self.0.inbox.wait(|| self.try_recv(data, meta)) => received,
                () = self.0.udp.closed() => Err(Errno::Inval),
            }
        };
        match timeout {
            None => received.await,
            Some(timeout) => tokio::time::timeout(timeout, received).await.unwrap_or(Err(Errno::TimedOut)),
        }
    }

    /// Receives what is there and handles it: for the owner of a sock with the option `caller_reads`, when the UDP sock
    /// can be read. Whether more may be left. Whoever waits in Rust is woken; the observer is not, as the caller is told by
    /// [`DtlsSock::take_wake`].
    pub fn receive(&self) -> bool {
        !self.is_over() && self.0.receive()
    }

    /// Whether there is something new to fetch that somebody waits for; the observer does not hear of it then.
    pub fn take_wake(&self) -> bool {
        self.0.inbox.take_wake()
    }

    /// Starts a handshake unless there is a session, and has `waiter` called when it is complete or has failed.
    ///
    /// # Errors
    /// Those of [`DtlsSock::session_init`], with [`Errno::AddrInUse`] for a UDP sock without local endpoint; the
    /// waiter is not called then.
    pub fn establish(&self, ep: &UdpEp, waiter: Box<dyn FnOnce(Result<()>) + Send>) -> Result<Establishing> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let (session, _) = self.peer(ep).and_then(|peer| self.start(peer)).map_err(send::as_told_of_sends)?;
        let id = WaiterId(NEXT.fetch_add(1, Ordering::Relaxed));
        match session.wait(id.0, waiter) {
            Ok(()) => Ok(Establishing::Pending(id)),
            Err(_) if session.stage() == Stage::Established => Ok(Establishing::Done),
            Err(_) if self.is_over() => Err(Errno::Inval),
            Err(_) => Err(Errno::ConnAborted),
        }
    }

    /// Forgets a waiter; a half-open session that nobody else waits for is dropped without a word.
    pub fn abandon(&self, ep: &UdpEp, waiter: WaiterId) {
        let Ok(peer) = ep.to_socket_addr() else { return };
        if let Some(session) = self.0.sessions.get(&peer)
            && session.forget_waiter(waiter.0)
            && session.ours
            && session.stage() == Stage::Handshaking
        {
            self.drop_session(&session);
        }
    }

    /// What the handshake with a peer agreed on; `None` without an established session.
    pub fn session_info(&self, ep: &UdpEp) -> Option<Info> {
        let session = self.0.sessions.get(&ep.to_socket_addr().ok()?)?;
        match &session.guarded.lock().runner {
            Some(Runner::Native(association)) => association.info().cloned(),
            Some(Runner::Other(other)) => other.info(),
            None => None,
        }
    }

    /// Takes the next asynchronous event: `SOCK_ASYNC_*` flags, 0 for none, and the peer of a CONN event.
    pub fn take_event(&self) -> (u32, Option<UdpEp>) {
        let (flags, peer) = self.0.inbox.take_event();
        (flags, peer.map(UdpEp::from_socket_addr))
    }

    /// Whether asynchronous events are kept, and the observer woken for each.
    pub fn want_events(&self, wanted: bool) {
        self.0.inbox.want_events(wanted);
        self.0.inbox.wake();
    }

    /// Sets who is woken when there is something to fetch.
    pub fn observe(&self, observer: Option<Arc<dyn Observer>>) {
        self.0.inbox.observe(observer);
    }

    /// The counters.
    pub fn stats(&self) -> Stats {
        let sessions = self.0.sessions.len() as u64;
        let handshakes = self.0.sessions.half_open() as u64;
        Stats { sessions, handshakes, ..self.0.counters.read() }
    }

    /// Ends all sessions with close_notify and all waiting calls with [`Errno::Inval`], and leaves the UDP sock open
    /// for others. Closing twice is harmless.
    pub fn close(&self) {
        if self.0.closed.swap(true, Ordering::AcqRel) {
            return;
        }
        self.0.flush();
        self.0.end_all();
        self.set_client_psk_cb(None);
        self.set_rpk_cb(None);
        self.0.inbox.close();
        self.0.nudge.notify_one();
        *self.0.attachment.lock() = None;
    }

    /// Whether [`DtlsSock::close`] was called.
    pub fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    /// The address of a peer, if this sock can reach it.
    fn peer(&self, ep: &UdpEp) -> Result<SocketAddr> {
        if self.is_over() {
            return Err(Errno::Inval);
        }
        let peer = ep.to_socket_addr()?;
        if peer.port() == 0 || peer.ip().is_unspecified() || peer.ip().is_multicast() {
            return Err(Errno::Inval);
        }
        self.ensure_read()?;
        Ok(peer)
    }

    /// Whether this sock or the UDP sock beneath it is closed.
    fn is_over(&self) -> bool {
        self.0.is_closed() || self.0.udp.is_closed()
    }

    fn readable(&self) -> Result<()> {
        if self.is_over() {
            return Err(Errno::Inval);
        }
        self.ensure_read()
    }

    /// Sees to it that somebody reads, once the UDP sock has a local endpoint to read from.
    fn ensure_read(&self) -> Result<()> {
        if !self.0.udp.is_bound() {
            return Err(Errno::AddrNotAvail);
        }
        if !self.0.options.caller_reads {
            self.0.ensure_driven();
        }
        Ok(())
    }

    fn start(&self, peer: SocketAddr) -> Result<(Arc<Session>, bool)> {
        if let Some(session) = self.0.sessions.get(&peer) {
            return Ok((session, false));
        }
        if !self.0.udp.reaches(peer) {
            return Err(Errno::AfNoSupport);
        }
        let session = Arc::new(Session::new(peer, true));
        if self.0.options.engine.is_none() {
            let association = Association::client(&self.0.config, self.0.kinds(), Instant::now());
            session.guarded.lock().runner = Some(Runner::Native(association.map_err(|_| Errno::ConnAborted)?));
        }
        if let Some(existing) = self.0.sessions.insert(&session)? {
            return Ok((existing, false));
        }
        if self.0.options.engine.is_some() {
            self.0.begin(&session, Role::Client).inspect_err(|_| self.0.sessions.remove(&session))?;
        }
        // Only the ClientHello leaves here; what answers it is handled on the runtime.
        self.0.drive(&session, &RxMeta::of_peer(peer), |_, _, _| {});
        if self.is_over() {
            // Closed meanwhile, and the sessions were gone through before this one was among them.
            self.0.end(&session);
            return Err(Errno::Inval);
        }
        Ok((session, true))
    }

    fn drop_session(&self, session: &Arc<Session>) {
        {
            let mut guarded = session.guarded.lock();
            guarded.runner = None;
            let peer = session.peer;
            let _ = self.0.timers.arm(peer, &mut guarded.armed, None);
        }
        self.0.bury(session, CloseReason::Local, false);
    }
}

impl std::fmt::Debug for DtlsSock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DtlsSock").field("role", &self.0.role).finish_non_exhaustive()
    }
}
