//! Reading on JavaScript's own thread: the event loop tells when the UDP sock can be read (uv_poll), the datagrams are handled
//! right there, and JavaScript is called once for what they brought. One echo then costs no switch of threads, which took
//! longer than everything else together.
//!
//! Only Node.js and Electron have such a loop. Its functions are looked up when they are needed, so that the addon loads where
//! they are missing.

use std::cell::Cell;
use std::ffi::{CStr, c_int, c_void};
use std::os::fd::{AsRawFd, OwnedFd};
use std::ptr;
use std::rc::Rc;
use std::sync::OnceLock;

use dtls_sock::DtlsSock;
use napi::bindgen_prelude::{Env, Function};
use napi::{JsValue, sys};
use napi_derive::napi;

/// `UV_POLL` of `uv_handle_type`, and `UV_READABLE` of `uv_poll_event`: part of libuv's stable ABI.
const UV_POLL: c_int = 8;
const UV_READABLE: c_int = 1;

type PollCallback = unsafe extern "C" fn(handle: *mut c_void, status: c_int, events: c_int);
type CloseCallback = unsafe extern "C" fn(handle: *mut c_void);

/// The functions of libuv that are used.
struct Uv {
    handle_size: unsafe extern "C" fn(c_int) -> usize,
    poll_init: unsafe extern "C" fn(*mut sys::uv_loop_s, *mut c_void, c_int) -> c_int,
    poll_start: unsafe extern "C" fn(*mut c_void, c_int, PollCallback) -> c_int,
    close: unsafe extern "C" fn(*mut c_void, CloseCallback),
    unref: unsafe extern "C" fn(*mut c_void),
    set_data: unsafe extern "C" fn(*mut c_void, *mut c_void),
    get_data: unsafe extern "C" fn(*const c_void) -> *mut c_void,
}

/// libuv, if the process has it.
fn uv() -> Option<&'static Uv> {
    static UV: OnceLock<Option<Uv>> = OnceLock::new();
    /// # Safety
    /// `F` has to be the type of the function of that name.
    unsafe fn find<F: Copy>(name: &CStr) -> Option<F> {
        // SAFETY: the name ends with a zero byte; looking a symbol up changes nothing.
        let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
        // SAFETY: `F` is a function pointer, as the caller promises, and so as large as what was found.
        (!found.is_null()).then(|| unsafe { ptr::from_ref(&found).cast::<F>().read() })
    }
    let load = || {
        // SAFETY: the types are those that uv.h declares.
        unsafe {
            Some(Uv {
                handle_size: find(c"uv_handle_size")?,
                poll_init: find(c"uv_poll_init")?,
                poll_start: find(c"uv_poll_start")?,
                close: find(c"uv_close")?,
                unref: find(c"uv_unref")?,
                set_data: find(c"uv_handle_set_data")?,
                get_data: find(c"uv_handle_get_data")?,
            })
        }
    };
    UV.get_or_init(load).as_ref()
}

/// Whether this process has an event loop that can tell. Some others only pretend to: TypeScript knows those by name.
#[napi]
pub fn has_event_loop() -> bool {
    uv().is_some()
}

/// A function of JavaScript that is kept.
pub(crate) struct Callback {
    env: sys::napi_env,
    function: sys::napi_ref,
}

impl Callback {
    pub(crate) fn new(env: Env, function: &Function<'_, (), ()>) -> napi::Result<Self> {
        let (env, mut kept) = (env.raw(), ptr::null_mut());
        // SAFETY: called by JavaScript with a live environment and a live function.
        let status = unsafe { sys::napi_create_reference(env, function.raw(), 1, &raw mut kept) };
        napi::check_status!(status)?;
        Ok(Self { env, function: kept })
    }

    /// Calls it as the event loop does: what is due in JavaScript afterwards runs, too. What it throws is an uncaught exception.
    fn call(&self) {
        let (env, mut scope) = (self.env, ptr::null_mut());
        // SAFETY: on the thread of the environment, which is alive as long as its event loop runs. Each value is used
        // inside the scope that is open around it, and only after the call that gives it has succeeded.
        unsafe {
            if sys::napi_open_handle_scope(env, &raw mut scope) != sys::Status::napi_ok {
                return;
            }
            let (mut function, mut global, mut result) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
            if sys::napi_get_reference_value(env, self.function, &raw mut function) == sys::Status::napi_ok
                && !function.is_null()
                && sys::napi_get_global(env, &raw mut global) == sys::Status::napi_ok
            {
                let context = ptr::null_mut();
                let called = sys::napi_make_callback(env, context, global, function, 0, ptr::null(), &raw mut result);
                if called == sys::Status::napi_pending_exception {
                    let mut exception = ptr::null_mut();
                    if sys::napi_get_and_clear_last_exception(env, &raw mut exception) == sys::Status::napi_ok {
                        sys::napi_fatal_exception(env, exception);
                    }
                }
            }
            sys::napi_close_handle_scope(env, scope);
        }
    }
}

impl Drop for Callback {
    fn drop(&mut self) {
        // SAFETY: the reference is ours and is given up once; dropped on the thread of the environment, where it was made.
        unsafe { sys::napi_delete_reference(self.env, self.function) };
    }
}

/// What the event loop holds on to.
struct Watched {
    /// The `uv_poll_t`, in memory of its size and alignment.
    handle: Box<[Cell<u128>]>,
    sock: DtlsSock,
    callback: Rc<Callback>,
    /// `None` once the handle is closing.
    fd: Cell<Option<OwnedFd>>,
    hook: Cell<sys::napi_async_cleanup_hook_handle>,
}

/// Reads a sock while it lives; dropped on the thread that it was made on.
pub(crate) struct Reader(Rc<Watched>);

impl Reader {
    /// Begins to read; `callback` is called when there is something to fetch. `None` when the system or the loop refuses.
    pub(crate) fn start(sock: &DtlsSock, callback: &Rc<Callback>) -> Option<Self> {
        let (uv, env) = (uv()?, callback.env);
        let fd = sock.udp_sock().duplicate_fd().ok()?;
        let mut event_loop = ptr::null_mut();
        // SAFETY: on the thread of a live environment.
        if unsafe { sys::napi_get_uv_event_loop(env, &raw mut event_loop) } != sys::Status::napi_ok {
            return None;
        }
        // SAFETY: asks for a number.
        let size = unsafe { (uv.handle_size)(UV_POLL) };
        let watched = Rc::new(Watched {
            handle: std::iter::repeat_with(|| Cell::new(0)).take(size.div_ceil(size_of::<u128>())).collect(),
            sock: sock.clone(),
            callback: Rc::clone(callback),
            fd: Cell::new(None),
            hook: Cell::new(ptr::null_mut()),
        });
        let handle = watched.handle();
        // SAFETY: the handle has memory of its size that stays where it is until the loop has closed it: what the loop holds
        // on to is given back by `closed` alone. The descriptor stays open until then. All on the loop's thread.
        unsafe {
            if (uv.poll_init)(event_loop, handle, fd.as_raw_fd()) != 0 {
                return None;
            }
            watched.fd.set(Some(fd));
            (uv.set_data)(handle, Rc::into_raw(Rc::clone(&watched)).cast_mut().cast());
            // What keeps the process alive is JavaScript's to say.
            (uv.unref)(handle);
            // An environment that ends must not leave an open handle in its loop.
            let hook = watched.hook.as_ptr();
            sys::napi_add_async_cleanup_hook(env, Some(environment_ends), handle, hook);
        }
        let reader = Self(watched);
        // SAFETY: the handle is open.
        let started = unsafe { (uv.poll_start)(handle, UV_READABLE, readable) };
        (started == 0).then_some(reader)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Watched {
    fn handle(&self) -> *mut c_void {
        self.handle.as_ptr().cast_mut().cast()
    }

    /// Closes the handle, once; the rest follows in `closed`.
    fn close(&self) {
        let (Some(uv), Some(fd)) = (uv(), self.fd.take()) else { return };
        // SAFETY: the handle is open, as its descriptor was there, and this is the loop's thread.
        unsafe { (uv.close)(self.handle(), closed) };
        // The loop no longer looks at it.
        drop(fd);
    }
}

/// # Safety
/// `handle` was opened by [`Reader::start`] and has not been closed.
unsafe fn watched<'a>(handle: *const c_void) -> &'a Watched {
    // SAFETY: its data is an `Rc` that only `closed` gives back; a handle that is open was made with libuv.
    unsafe { &*uv().map_or(ptr::null_mut(), |uv| (uv.get_data)(handle)).cast() }
}

/// The UDP sock can be read, or has an error to tell, which reading takes off it.
///
/// # Safety
/// Only the event loop calls it, on its thread, with a handle that [`Reader::start`] has opened.
unsafe extern "C" fn readable(handle: *mut c_void, status: c_int, _events: c_int) {
    // SAFETY: the loop calls with a handle that is open.
    let watched = unsafe { watched(handle) };
    watched.sock.receive();
    if let (true, Some(uv)) = (status < 0, uv()) {
        // SAFETY: the handle is open; an error has stopped it.
        unsafe { (uv.poll_start)(handle, UV_READABLE, readable) };
    }
    if watched.sock.take_wake() {
        // May close the reader; what it needs is freed in a later turn of the loop.
        watched.callback.call();
    }
}

/// The loop has let go of a handle.
///
/// # Safety
/// Only the event loop calls it, on its thread, once for each handle that [`Watched::close`] was called on.
unsafe extern "C" fn closed(handle: *mut c_void) {
    // SAFETY: the loop calls once for each handle that was closed; from here on nobody uses it.
    let watched = unsafe { Rc::from_raw(ptr::from_ref(watched(handle))) };
    let hook = watched.hook.get();
    drop(watched);
    if !hook.is_null() {
        // Last, as the environment may end with it.
        // SAFETY: the hook is there, and is removed once.
        unsafe { sys::napi_remove_async_cleanup_hook(hook) };
    }
}

/// The environment ends, and waits until its hook is removed.
///
/// # Safety
/// Only the environment calls it, on its thread, with a handle that has not been closed.
unsafe extern "C" fn environment_ends(_hook: sys::napi_async_cleanup_hook_handle, handle: *mut c_void) {
    // SAFETY: the hook is removed when the handle has been closed.
    unsafe { watched(handle) }.close();
}
