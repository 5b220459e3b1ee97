//! `NativeDtls`: the DTLS sock.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use dtls_sock::{
    CredentialCallback, CredentialQuestion, Credman, DtlsSock, Errno, Establishing, Info, Options, PeerIdentity,
    RxMeta, SockRole, Tag, WaiterId,
};
use napi::bindgen_prelude::{Either, Env, Function, Uint8ArraySlice};
use napi_derive::napi;
use parking_lot::Mutex;

use crate::layout::{read_ep, write_ep, write_meta};
use crate::notify::{Note, NoteArgs, Notifier};
use crate::options::NativeOptions;
use crate::reader::{Callback, Reader};
use crate::udp::NativeUdp;
use crate::{done, length, result};

/// `SOCK_DTLS_1_2`.
const VERSION_1_2: u32 = 2;

/// Questions that wait for JavaScript, by the number they were told with.
#[derive(Default)]
struct Questions {
    next: u32,
    open: HashMap<u32, CredentialQuestion>,
}

#[napi]
pub struct NativeDtls {
    options: Options,
    sock: Option<DtlsSock>,
    local_port: u16,
    notifier: Arc<Mutex<Option<Arc<Notifier>>>>,
    questions: Arc<Mutex<Questions>>,
    waiters: Arc<Mutex<HashMap<u32, WaiterId>>>,
    /// Called by the reader; without it a task of the runtime reads. Holds on to the sock in JavaScript until that is closed.
    arrived: RefCell<Option<Rc<Callback>>>,
    reader: RefCell<Option<Reader>>,
}

/// What a handshake agreed on.
#[napi(object, object_from_js = false)]
pub struct NativeSessionInfo<'env> {
    pub suite: u32,
    pub extended_master_secret: bool,
    pub peer_public_key: Option<Uint8ArraySlice<'env>>,
    pub psk_identity: Option<Uint8ArraySlice<'env>>,
}

#[napi]
impl NativeDtls {
    #[napi(constructor)]
    pub fn new(options: NativeOptions) -> Self {
        Self {
            options: options.options(),
            sock: None,
            local_port: 0,
            notifier: Arc::default(),
            questions: Arc::default(),
            waiters: Arc::default(),
            arrived: RefCell::default(),
            reader: RefCell::default(),
        }
    }

    /// Lets the event loop read the UDP sock, and call this when there is something to fetch. Before `create`.
    #[napi]
    pub fn set_reader(&mut self, env: Env, arrived: Function<'_, (), ()>) -> napi::Result<()> {
        *self.arrived.borrow_mut() = Some(Rc::new(Callback::new(env, &arrived)?));
        self.options.caller_reads = true;
        Ok(())
    }

    #[napi]
    pub fn create(&mut self, udp: &NativeUdp, tag: u32, version: u32, role: u32) -> i32 {
        let role = match role {
            1 => SockRole::Client,
            2 => SockRole::Server,
            _ => return -1,
        };
        let (Ok(udp), Ok(tag), VERSION_1_2) = (udp.open(), Tag::try_from(tag), version) else { return -1 };
        if self.sock.is_some() {
            return -1;
        }
        match DtlsSock::create(udp, tag, role, self.options.clone(), Credman::global()) {
            Ok(sock) => {
                if let Some(notifier) = &*self.notifier.lock() {
                    sock.observe(Some(Arc::clone(notifier) as _));
                }
                self.local_port = udp.local().map_or(0, |ep| ep.port);
                self.sock = Some(sock);
                if self.open().is_ok() {
                    0
                } else {
                    self.sock = None;
                    -1
                }
            }
            Err(_) => -1,
        }
    }

    #[napi]
    pub fn set_server_psk_id_hint(&self, hint: Option<&[u8]>) -> i32 {
        minus_one(self.open().and_then(|sock| sock.set_server_psk_id_hint(hint.unwrap_or_default())))
    }

    #[napi]
    pub fn add_credential(&self, tag: u32) -> i32 {
        minus_one(self.with_tag(tag, DtlsSock::add_credential))
    }

    #[napi]
    pub fn remove_credential(&self, tag: u32) -> i32 {
        minus_one(self.with_tag(tag, DtlsSock::remove_credential))
    }

    #[napi]
    pub fn get_credentials(&self) -> Vec<u32> {
        let tags = self.open().map(DtlsSock::credentials).unwrap_or_default();
        tags.into_iter().map(u32::from).collect()
    }

    /// Whether the client's PSK callback is asked, through the notifications.
    #[napi]
    pub fn set_client_psk_cb(&self, on: bool) {
        if let Ok(sock) = self.open() {
            sock.set_client_psk_cb(on.then(|| self.asking(true)));
        }
    }

    /// Whether the raw public key callback is asked, through the notifications.
    #[napi]
    pub fn set_rpk_cb(&self, on: bool) {
        if let Ok(sock) = self.open() {
            sock.set_rpk_cb(on.then(|| self.asking(false)));
        }
    }

    #[napi]
    pub fn answer(&self, question_id: u32, tag: u32) {
        let question = self.questions.lock().open.remove(&question_id);
        if let Some(question) = question {
            question.answer(Tag::try_from(tag).unwrap_or(dtls_sock::CREDMAN_TAG_EMPTY));
        }
    }

    #[napi]
    pub fn session_init(&self, ep: &[u8], mut session: Uint8ArraySlice<'_>) -> i32 {
        let ep = read_ep(ep);
        let started = self.open().and_then(|sock| sock.session_init(&ep)).map_err(|errno| match errno {
            Errno::AfNoSupport => Errno::Inval,
            other => other,
        });
        if started.is_ok() {
            // SAFETY: JavaScript waits for this call, so nothing else touches the array meanwhile; the endpoint is
            // copied already, should it be the same array.
            write_ep(&ep, unsafe { session.as_mut() });
        }
        result(started)
    }

    #[napi]
    pub fn session_destroy(&self, session: &[u8]) {
        if let Ok(sock) = self.open() {
            sock.session_destroy(&read_ep(session));
        }
    }

    #[napi]
    pub fn session_info<'env>(&self, env: &'env Env, session: &[u8]) -> napi::Result<Option<NativeSessionInfo<'env>>> {
        let info = self.open().ok().and_then(|sock| sock.session_info(&read_ep(session)));
        let Some(Info { suite, extended_master_secret, peer, .. }) = info else { return Ok(None) };
        let (key, identity) = match peer {
            PeerIdentity::RawPublicKey(key) => (Some(key.to_spki().to_vec()), None),
            PeerIdentity::Psk(identity) => (None, Some(identity)),
            _ => (None, None),
        };
        Ok(Some(NativeSessionInfo {
            suite: u32::from(suite.id()),
            extended_master_secret,
            peer_public_key: key.map(|key| Uint8ArraySlice::copy_from(env, key)).transpose()?,
            psk_identity: identity.map(|identity| Uint8ArraySlice::copy_from(env, identity)).transpose()?,
        }))
    }

    #[napi]
    pub fn try_recv(&self, mut data: Uint8ArraySlice<'_>, mut meta: Uint8ArraySlice<'_>) -> i32 {
        // SAFETY: JavaScript waits for this call, so nothing else touches the arrays meanwhile; `meta` is the
        // package's own and never what a user hands in as `data`.
        let (data, out) = unsafe { (data.as_mut(), meta.as_mut()) };
        let mut received = RxMeta::default();
        let len = self.open().and_then(|sock| sock.try_recv(data, &mut received));
        if len != Err(Errno::Again) {
            write_meta(&received, self.port(), out);
        }
        length(len)
    }

    #[napi]
    pub fn try_recv_buf<'env>(
        &self,
        env: &'env Env,
        mut meta: Uint8ArraySlice<'_>,
    ) -> napi::Result<Either<Uint8ArraySlice<'env>, i32>> {
        let mut received = RxMeta::default();
        let message = self.open().and_then(|sock| sock.try_recv_buf(&mut received));
        // SAFETY: JavaScript waits for this call, so nothing else touches the array meanwhile.
        write_meta(&received, self.port(), unsafe { meta.as_mut() });
        match message {
            Ok(message) => Ok(Either::A(Uint8ArraySlice::copy_from(env, message)?)),
            Err(errno) => Ok(Either::B(-errno.code())),
        }
    }

    /// Reads what is there, with a reader; whether there is something to fetch that is awaited.
    #[napi]
    pub fn receive(&self) -> bool {
        match self.open() {
            Ok(sock) if self.options.caller_reads => {
                sock.receive();
                sock.take_wake()
            }
            _ => false,
        }
    }

    /// `later`: with the next `flush`, unless there is a `local`.
    #[napi]
    pub fn try_send(&self, session: &[u8], data: Option<&[u8]>, local: Option<&[u8]>, later: bool) -> i32 {
        self.send(session, &[data.unwrap_or_default()], local, later)
    }

    #[napi]
    pub fn try_sendv(&self, session: &[u8], snips: Vec<&[u8]>, local: Option<&[u8]>, later: bool) -> i32 {
        self.send(session, &snips, local, later)
    }

    #[napi]
    pub fn flush(&self) {
        if let Some(sock) = &self.sock {
            sock.flush();
        }
    }

    #[napi]
    pub fn establish(&self, session: &[u8], waiter: u32) -> i32 {
        let (notifier, waiters) = (self.notifier.lock().clone(), Arc::clone(&self.waiters));
        let told = Box::new(move |established| {
            waiters.lock().remove(&waiter);
            if let Some(notifier) = notifier {
                notifier.tell(Note::Established { waiter, result: done(established) });
            }
        });
        // Held over the call, so that a handshake that is over at once finds its waiter in the table.
        let mut waiters = self.waiters.lock();
        match self.open().and_then(|sock| sock.establish(&read_ep(session), told)) {
            Ok(Establishing::Done) => 0,
            Ok(Establishing::Pending(id)) => {
                waiters.insert(waiter, id);
                1
            }
            Err(errno) => -errno.code(),
        }
    }

    #[napi]
    pub fn abandon(&self, session: &[u8], waiter: u32) {
        let id = self.waiters.lock().remove(&waiter);
        if let (Some(id), Ok(sock)) = (id, self.open()) {
            sock.abandon(&read_ep(session), id);
        }
    }

    #[napi]
    pub fn take_event(&self, mut session: Uint8ArraySlice<'_>) -> u32 {
        let Ok(sock) = self.open() else { return 0 };
        let (flags, peer) = sock.take_event();
        if let Some(peer) = peer {
            // SAFETY: JavaScript waits for this call, so nothing else touches the array meanwhile.
            write_ep(&peer, unsafe { session.as_mut() });
        }
        flags
    }

    #[napi]
    pub fn set_events(&self, on: bool) {
        if let Ok(sock) = self.open() {
            sock.want_events(on);
        }
    }

    #[napi]
    pub fn set_notify(&self, callback: Option<Function<'_, NoteArgs<'static>, ()>>) -> napi::Result<()> {
        let notifier = callback.map(Notifier::new).transpose()?.map(Arc::new);
        if let Some(sock) = &self.sock {
            sock.observe(notifier.clone().map(|notifier| notifier as _));
        }
        *self.notifier.lock() = notifier;
        Ok(())
    }

    #[napi]
    #[allow(clippy::cast_precision_loss, reason = "counters stay below 2^53")]
    pub fn stats(&self) -> HashMap<String, f64> {
        let stats = self.sock.as_ref().map(DtlsSock::stats).unwrap_or_default();
        stats.iter().map(|(name, count)| (name.to_owned(), count as f64)).collect()
    }

    #[napi]
    pub fn close(&self) {
        drop((self.reader.take(), self.arrived.take()));
        if let Some(sock) = &self.sock {
            // JavaScript closes and need not be told.
            sock.observe(None);
            sock.close();
        }
        // Dropping a question answers it, which takes other locks.
        let questions = std::mem::take(&mut self.questions.lock().open);
        drop(questions);
    }

    fn open(&self) -> dtls_sock::Result<&DtlsSock> {
        let sock = self.sock.as_ref().filter(|sock| !sock.is_closed()).ok_or(Errno::Inval)?;
        if let Some(arrived) = &*self.arrived.borrow() {
            self.ensure_reader(sock, arrived)?;
        }
        Ok(sock)
    }

    /// Starts the reader once the UDP sock is bound.
    fn ensure_reader(&self, sock: &DtlsSock, arrived: &Rc<Callback>) -> dtls_sock::Result<()> {
        let mut reader = self.reader.borrow_mut();
        if reader.is_none() && sock.udp_sock().is_bound() {
            *reader = Some(Reader::start(sock, arrived).ok_or(Errno::NoMem)?);
        }
        Ok(())
    }

    fn port(&self) -> u16 {
        match self.local_port {
            // Bound after the sock was created.
            0 => self.sock.as_ref().and_then(|sock| sock.udp_sock().local().ok()).map_or(0, |ep| ep.port),
            port => port,
        }
    }

    fn with_tag(&self, tag: u32, call: fn(&DtlsSock, Tag) -> dtls_sock::Result<()>) -> dtls_sock::Result<()> {
        let tag = Tag::try_from(tag).map_err(|_| Errno::Inval)?;
        call(self.open()?, tag)
    }

    fn send(&self, session: &[u8], parts: &[&[u8]], local: Option<&[u8]>, later: bool) -> i32 {
        let (session, local) = (read_ep(session), local.map(read_ep));
        length(self.open().and_then(|sock| match local {
            None if later => sock.try_send_later(&session, parts),
            _ => sock.try_send(&session, parts, local.as_ref()),
        }))
    }

    /// A callback that passes a question on to JavaScript, and keeps it until the answer comes.
    fn asking(&self, psk: bool) -> CredentialCallback {
        let (notifier, questions) = (Arc::clone(&self.notifier), Arc::clone(&self.questions));
        Arc::new(move |question: CredentialQuestion| {
            // Without anyone to ask, dropping the question leaves it to the sock's rules.
            let Some(notifier) = notifier.lock().clone() else { return };
            let (ep, hint) = (question.endpoint(), question.hint().map(<[u8]>::to_vec));
            let id = {
                let mut questions = questions.lock();
                let id = questions.next;
                questions.next = id.wrapping_add(1);
                questions.open.insert(id, question);
                id
            };
            notifier.tell(if psk { Note::PskQuestion { id, ep, hint } } else { Note::RpkQuestion { id, ep } });
        })
    }
}

impl Drop for NativeDtls {
    fn drop(&mut self) {
        self.close();
    }
}

/// RIOT's results of the credential functions.
fn minus_one(result: dtls_sock::Result<()>) -> i32 {
    if result.is_ok() { 0 } else { -1 }
}
