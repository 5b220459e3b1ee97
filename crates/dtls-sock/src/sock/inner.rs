//! The heart of a DTLS sock: every call on an association, and what follows from it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Instant;

use dtls_proto::{
    Answer, Association, CloseReason, Config, CredentialKinds, Event, PeerIdentity, Question, QuestionId, Sink,
    VerifiedHello,
};
use parking_lot::{Mutex, RwLock};

use crate::aux_data::RxMeta;
use crate::credman::{Credman, Tag};
use crate::engine::Credentials;
use crate::errno::Errno;
use crate::inbox::{Inbox, SOCK_ASYNC_CONN_FIN};
use crate::options::Options;
use crate::sock::clock::{self, Bell};
use crate::sock::driver;
use crate::sock::outgoing::Outgoing;
use crate::sock::question::{CredentialCallback, CredentialQuestion, Kind};
use crate::sock::receive::Answering;
use crate::sock::session::{Guarded, Runner, Session, Stage, Work};
use crate::sock::table::SessionTable;
use crate::sock::timers::Timers;
use crate::sock::unsent::Unsent;
use crate::stats::Counters;
use crate::tags::{self, TagList};
use crate::udp::{Attachment, UdpSock};

/// Which sides of a handshake a sock takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SockRole {
    /// Starts sessions only.
    Client,
    /// Accepts sessions, and may start some.
    Server,
}

pub(crate) struct Inner {
    pub(crate) me: Weak<Inner>,
    pub(crate) udp: UdpSock,
    pub(crate) attachment: Mutex<Option<Attachment>>,
    pub(crate) runtime: tokio::runtime::Handle,
    pub(crate) role: SockRole,
    pub(crate) options: Options,
    pub(crate) config: Arc<Config>,
    pub(crate) credman: Arc<Credman>,
    pub(crate) tags: RwLock<TagList>,
    pub(crate) hint: RwLock<Option<Vec<u8>>>,
    pub(crate) client_psk_cb: RwLock<Option<CredentialCallback>>,
    pub(crate) rpk_cb: RwLock<Option<CredentialCallback>>,
    pub(crate) sessions: SessionTable,
    pub(crate) timers: Timers,
    pub(crate) inbox: Inbox,
    pub(crate) counters: Arc<Counters>,
    pub(crate) answering: Mutex<Answering>,
    pub(crate) outgoing: Mutex<Outgoing>,
    pub(crate) unsent: Unsent,
    pub(crate) bell: Arc<Bell>,
    pub(crate) closed: AtomicBool,
    /// Wakes the driver: the sock is closed.
    pub(crate) nudge: tokio::sync::Notify,
    pub(crate) driving: AtomicBool,
}

/// What a call on an association left to do once its events are known.
#[derive(Default)]
struct Outcome {
    question: Option<(QuestionId, Question)>,
    established: bool,
    closed: Option<CloseReason>,
}

impl Inner {
    /// The kinds of credential that the sock's tags name now.
    pub(crate) fn kinds(&self) -> CredentialKinds {
        let Credentials { psk, ecdsa, .. } = tags::credentials(&self.credman, &self.tags.read());
        CredentialKinds { psk, ecdsa }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Starts the driver, unless it runs.
    pub(crate) fn ensure_driven(&self) {
        if !self.driving.load(Ordering::Acquire)
            && !self.driving.swap(true, Ordering::AcqRel)
            && let Some(inner) = self.me.upgrade()
        {
            self.runtime.spawn(driver::drive(inner));
        }
    }

    /// Runs `call` on the session's association, answers what it asks, sends what it has to send, keeps the books, and
    /// tells if there is something to fetch.
    pub(crate) fn drive(
        &self,
        session: &Arc<Session>,
        meta: &RxMeta,
        call: impl FnOnce(&mut Guarded, Instant, Sink<'_>),
    ) {
        self.drive_in_batch(Instant::now(), session, meta, call);
        self.inbox.wake();
    }

    /// The same, but it is the caller who tells, and looks at the clock, once for many. Everything that happens to an
    /// association happens in here.
    pub(crate) fn drive_in_batch(
        &self,
        now: Instant,
        session: &Arc<Session>,
        meta: &RxMeta,
        call: impl FnOnce(&mut Guarded, Instant, Sink<'_>),
    ) {
        let mut outcome = Outcome::default();
        let mut later = None;
        let was_established = session.stage() == Stage::Established;
        {
            let mut guarded = session.guarded.lock();
            let mut sink = |event: Event<'_>| self.note(session, meta, event, &mut outcome);
            call(&mut guarded, now, &mut sink);
            while let Some((id, question)) = outcome.question.take() {
                match self.answer_now(&question) {
                    Some(answer) => {
                        let mut sink = |event: Event<'_>| self.note(session, meta, event, &mut outcome);
                        answer_to(&mut guarded, now, id, answer, &mut sink);
                    }
                    None => later = Some((id, question)),
                }
            }
            let Guarded { runner, armed } = &mut *guarded;
            if let Some(Runner::Native(association)) = runner {
                self.transmit(association, session.peer, now);
                self.counters.add_discards(association.take_discards());
                if outcome.established {
                    self.announce_unverified(association);
                }
                let deadline = association.poll_timeout().filter(|_| !association.is_closed());
                if let Some(at) = self.timers.arm(session.peer, armed, deadline) {
                    clock::ring_at(at, &self.bell);
                }
            }
        }
        if outcome.established {
            self.sessions.leave_half_open(session);
            Counters::add(&self.counters.handshakes_completed, 1);
            session.take_waiters().into_iter().for_each(|(_, waiter)| waiter(Ok(())));
        }
        if let Some(reason) = outcome.closed {
            self.bury(session, reason, was_established || outcome.established);
        }
        if let Some((id, question)) = later {
            self.ask(session, id, question);
        }
    }

    /// Called with the session's lock held: only takes notes, and passes data on in order.
    fn note(&self, session: &Session, meta: &RxMeta, event: Event<'_>, outcome: &mut Outcome) {
        match event {
            Event::Received([]) => {}
            Event::Received(message) => self.inbox.push_message(message, meta),
            Event::Established => {
                session.set_stage(Stage::Established);
                outcome.established = true;
                self.inbox.push_handshake(session.peer);
            }
            Event::Question(id, question) => outcome.question = Some((id, question)),
            Event::Closed(reason) => outcome.closed = Some(reason),
            _ => {}
        }
    }

    /// The answer, where no callback of the user's has to be asked first.
    fn answer_now(&self, question: &Question) -> Option<Answer> {
        let tags = self.tags.read();
        match question {
            Question::ClientPsk { .. } if self.client_psk_cb.read().is_some() => None,
            Question::ClientPsk { hint } => {
                Some(Answer::Psk(tags::client_psk(&self.credman, &tags, None, hint.as_deref())))
            }
            Question::ServerPsk { identity } => Some(Answer::Psk(tags::server_psk(&self.credman, &tags, identity))),
            Question::KeyPair if self.rpk_cb.read().is_some() => None,
            Question::KeyPair => Some(Answer::KeyPair(tags::ecdsa(&self.credman, &tags, None))),
            Question::VerifyPeer(key) => Some(Answer::Verdict(tags::peer_allowed(&self.credman, &tags, key))),
            _ => Some(Answer::Verdict(false)),
        }
    }

    fn ask(&self, session: &Arc<Session>, id: QuestionId, question: Question) {
        let (kind, hint) = match question {
            Question::ClientPsk { hint } => (Kind::Psk, hint),
            _ => (Kind::KeyPair, None),
        };
        let callback = match kind {
            Kind::Psk => self.client_psk_cb.read().clone(),
            Kind::KeyPair => self.rpk_cb.read().clone(),
        };
        let session = Arc::clone(session);
        let question = CredentialQuestion { inner: self.me.clone(), session, id, kind, hint, answered: false };
        // Unset meanwhile: dropping the question answers it.
        if let Some(callback) = callback {
            callback(question);
        }
    }

    /// Goes on with a handshake whose question the user has answered, or has left to the sock's rules.
    pub(crate) fn answer_with_tag(
        &self,
        session: &Arc<Session>,
        id: QuestionId,
        kind: Kind,
        tag: Option<Tag>,
        hint: Option<&[u8]>,
    ) {
        let answer = {
            let tags = self.tags.read();
            match kind {
                Kind::Psk => Answer::Psk(tags::client_psk(&self.credman, &tags, tag, hint)),
                Kind::KeyPair => Answer::KeyPair(tags::ecdsa(&self.credman, &tags, tag)),
            }
        };
        self.schedule(session, Work::Answer(id, answer));
    }

    /// Queues work that is too long for this thread.
    pub(crate) fn schedule(&self, session: &Arc<Session>, work: Work) {
        match session.enqueue(work) {
            Some(true) => {
                if let Some(inner) = self.me.upgrade() {
                    let session = Arc::clone(session);
                    self.runtime.spawn(async move { inner.work(&session) });
                }
            }
            Some(false) => {}
            None => Counters::add(&self.counters.backlog_dropped, 1),
        }
    }

    fn work(&self, session: &Arc<Session>) {
        while let Some(work) = session.next_work() {
            if session.stage() == Stage::Closed {
                continue;
            }
            match work {
                Work::Datagram(mut datagram, meta) => {
                    self.handle_datagram(Instant::now(), session, &mut datagram, &meta);
                    self.inbox.wake();
                }
                Work::Hello(hello) => {
                    self.begin_handshake(Instant::now(), session, &hello);
                    self.inbox.wake();
                }
                Work::Answer(id, answer) => {
                    self.drive(session, &RxMeta::of_peer(session.peer), |guarded, now, sink| {
                        answer_to(guarded, now, id, answer, sink);
                    });
                }
            }
        }
    }

    /// A datagram for a session that the native engine runs. The caller tells if there is something to fetch.
    pub(crate) fn handle_datagram(&self, now: Instant, session: &Arc<Session>, datagram: &mut [u8], meta: &RxMeta) {
        self.drive_in_batch(now, session, meta, |guarded, now, sink| {
            if let Some(association) = guarded.association() {
                association.handle_datagram(now, datagram, sink);
            }
        });
    }

    /// A peer begins a handshake, or repeats the beginning of one. The caller tells if there is something to fetch.
    pub(crate) fn begin_handshake(&self, now: Instant, session: &Arc<Session>, hello: &VerifiedHello) {
        self.drive_in_batch(now, session, &RxMeta::of_peer(session.peer), |guarded, now, sink| {
            let (kinds, hint) = (self.kinds(), self.hint.read().clone());
            let hint = hint.as_deref();
            if let Some(association) = guarded.association() {
                association.handle_hello(&self.config, kinds, hint, hello, now, sink);
            } else {
                let association = Association::server(&self.config, kinds, hint, hello, now, sink);
                guarded.runner = Some(Runner::Native(association));
            }
        });
    }

    /// Sends everything the association has to send.
    pub(crate) fn transmit(&self, association: &mut Association, peer: SocketAddr, now: Instant) {
        let mut datagram = Vec::new();
        while association.poll_transmit(now, &mut datagram) {
            // A lost datagram of a handshake is sent again by the engine's timer.
            let _ = self.send_datagram(&datagram, peer, None);
            datagram.clear();
        }
    }

    /// A session is over: takes it off the books and tells whom it concerns.
    pub(crate) fn bury(&self, session: &Arc<Session>, reason: CloseReason, was_established: bool) {
        session.set_stage(Stage::Closed);
        if !was_established && reason != CloseReason::Local {
            Counters::add(&self.counters.handshakes_failed, 1);
        }
        self.sessions.remove(session);
        self.sessions.leave_half_open(session);
        let errno = match reason {
            CloseReason::Local => Errno::NotConn,
            CloseReason::PeerClosed | CloseReason::PeerAlert(_) if was_established => Errno::ConnReset,
            CloseReason::PeerClosed | CloseReason::PeerAlert(_) => Errno::ConnRefused,
            CloseReason::TimedOut => Errno::TimedOut,
            _ => Errno::ConnAborted,
        };
        session.take_waiters().into_iter().for_each(|(_, waiter)| waiter(Err(errno)));
        if reason != CloseReason::Local {
            self.report_end(session, errno, was_established);
        }
    }

    /// Tells that a session ended otherwise than by a call of the user's.
    pub(crate) fn report_end(&self, session: &Session, errno: Errno, was_established: bool) {
        if session.ours {
            self.inbox.push_failure(session.peer, errno);
        }
        if session.ours || was_established {
            self.inbox.push_connection(session.peer, SOCK_ASYNC_CONN_FIN);
        }
    }

    /// Ends all sessions at once; whoever waits for one hears [`Errno::Inval`].
    pub(crate) fn end_all(&self) {
        for session in self.sessions.take_all() {
            session.take_waiters().into_iter().for_each(|(_, waiter)| waiter(Err(Errno::Inval)));
            self.end(&session);
        }
    }

    /// Ends a session with close_notify, behind what is still to leave.
    pub(crate) fn end(&self, session: &Arc<Session>) {
        self.flush();
        self.drive(session, &RxMeta::of_peer(session.peer), |guarded, _, sink| {
            if let Some(association) = guarded.association() {
                association.close(sink);
            } else {
                guarded.runner = None;
                sink(Event::Closed(CloseReason::Local));
            }
        });
    }

    /// Tells, once in a process, that a raw public key was accepted unseen.
    fn announce_unverified(&self, association: &Association) {
        static ANNOUNCED: AtomicBool = AtomicBool::new(false);
        let raw_key = association.info().is_some_and(|info| matches!(info.peer, PeerIdentity::RawPublicKey(_)));
        if raw_key && !self.options.verify_public_key && !ANNOUNCED.swap(true, Ordering::Relaxed) {
            tracing::warn!("a raw public key was accepted unverified; set verify_public_key to check it");
            if let Some(observer) = self.inbox.observer() {
                observer.unverified_peer();
            }
        }
    }
}

/// Hands an answer to whoever asked. One that is stale meets nobody: the handshake is over.
fn answer_to(guarded: &mut Guarded, now: Instant, id: QuestionId, answer: Answer, sink: Sink<'_>) {
    match &mut guarded.runner {
        Some(Runner::Native(association)) => drop(association.answer(now, id, answer, sink)),
        Some(Runner::Other(other)) => other.answer(id, answer),
        None => {}
    }
}
