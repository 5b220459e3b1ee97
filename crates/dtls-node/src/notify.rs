//! Wake-ups: from the runtime's threads to JavaScript's.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use dtls_sock::{Observer, UdpEp};
use napi::bindgen_prelude::{FnArgs, Function, Uint8ArraySlice};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};

use crate::layout::ep_bytes;

/// What JavaScript is told, in the numbers of `lib/native.ts`.
pub(crate) enum Note {
    /// 0: there is something to fetch.
    Wake,
    /// 1: a client asks for its PSK credential.
    PskQuestion { id: u32, ep: UdpEp, hint: Option<Vec<u8>> },
    /// 2: a handshake asks for its ECDSA credential.
    RpkQuestion { id: u32, ep: UdpEp },
    /// 3: a handshake that a send waits for is over.
    Established { waiter: u32, result: i32 },
    /// 4: a raw public key was accepted unverified.
    Unverified,
}

/// `(kind, a, b, endpoint, hint)`.
pub(crate) type NoteArgs<'a> = FnArgs<(u32, f64, f64, Option<Uint8ArraySlice<'a>>, Option<Uint8ArraySlice<'a>>)>;

type NoteFunction = ThreadsafeFunction<Note, (), NoteArgs<'static>, napi::Status, false, true>;

/// Calls a JavaScript function from any thread. It never keeps the event loop alive; once the environment is gone,
/// calls go nowhere.
pub(crate) struct Notifier {
    function: NoteFunction,
    /// A wake-up is on its way: a burst is told once.
    pending: Arc<AtomicBool>,
}

impl Notifier {
    pub(crate) fn new(callback: Function<'_, NoteArgs<'static>, ()>) -> napi::Result<Self> {
        let pending = Arc::new(AtomicBool::new(false));
        let arrived = Arc::clone(&pending);
        let function = callback.build_threadsafe_function::<Note>().weak::<true>().build_callback(move |context| {
            let env = context.env;
            let array = |bytes: &[u8]| Uint8ArraySlice::copy_from(&env, bytes);
            Ok(FnArgs::from(match context.value {
                Note::Wake => {
                    // Cleared before JavaScript looks: what comes while it looks is told again.
                    arrived.store(false, Ordering::Release);
                    (0, 0.0, 0.0, None, None)
                }
                Note::PskQuestion { id, ep, hint } => {
                    let hint = hint.as_deref().map(array).transpose()?;
                    (1, f64::from(id), 0.0, Some(array(&ep_bytes(&ep))?), hint)
                }
                Note::RpkQuestion { id, ep } => (2, f64::from(id), 0.0, Some(array(&ep_bytes(&ep))?), None),
                Note::Established { waiter, result } => (3, f64::from(waiter), f64::from(result), None, None),
                Note::Unverified => (4, 0.0, 0.0, None, None),
            }))
        })?;
        Ok(Self { function, pending })
    }

    pub(crate) fn tell(&self, note: Note) {
        // The only failure is an environment that is shutting down: nobody is left to tell.
        let _ = self.function.call(note, ThreadsafeFunctionCallMode::NonBlocking);
    }
}

impl Observer for Notifier {
    fn wake(&self) {
        if !self.pending.swap(true, Ordering::AcqRel) {
            self.tell(Note::Wake);
        }
    }

    fn unverified_peer(&self) {
        self.tell(Note::Unverified);
    }
}
