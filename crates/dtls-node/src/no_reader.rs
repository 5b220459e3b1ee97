//! Where the event loop does not read: a task of the runtime does.

use std::rc::Rc;

use dtls_sock::DtlsSock;
use napi::bindgen_prelude::{Env, Function};
use napi_derive::napi;

/// Whether this process has an event loop that can tell when to read.
#[napi]
pub fn has_event_loop() -> bool {
    false
}

/// A function of JavaScript that is never called.
pub(crate) struct Callback;

impl Callback {
    #[allow(clippy::unnecessary_wraps, reason = "where there is a loop it can fail")]
    pub(crate) fn new(_: Env, _: &Function<'_, (), ()>) -> napi::Result<Self> {
        Ok(Self)
    }
}

/// Never there.
pub(crate) struct Reader;

impl Reader {
    pub(crate) fn start(_: &DtlsSock, _: &Rc<Callback>) -> Option<Self> {
        None
    }
}
