//! The one tokio runtime of the process.

use std::sync::OnceLock;

use tokio::runtime::{Builder, Handle, Runtime};

/// The runtime that all socks of the process share, whichever Node thread they belong to; begun at its first use.
/// `None` when the system has no threads left.
pub(crate) fn handle() -> Option<&'static Handle> {
    static RUNTIME: OnceLock<Option<Runtime>> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| {
        // More workers than this would only take cores from JavaScript.
        let workers = std::thread::available_parallelism().map_or(2, |cores| cores.get().clamp(2, 4));
        Builder::new_multi_thread().worker_threads(workers).thread_name("sock-dtls").enable_all().build().ok()
    });
    runtime.as_ref().map(Runtime::handle)
}
