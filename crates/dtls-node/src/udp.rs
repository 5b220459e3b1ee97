//! `NativeUdp`: the UDP sock.

use std::sync::Arc;

use dtls_sock::{Errno, RxMeta, UdpSock, Wake};
use napi::bindgen_prelude::{Either, Env, Function, Uint8ArraySlice};
use napi_derive::napi;

use crate::layout::{read_ep, write_ep, write_meta};
use crate::{done, length, runtime};

#[napi]
#[derive(Default)]
pub struct NativeUdp {
    sock: Option<UdpSock>,
    local_port: u16,
}

#[napi]
impl NativeUdp {
    #[napi(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    #[napi]
    pub fn create(&mut self, local: Option<&[u8]>, remote: Option<&[u8]>, flags: u32) -> i32 {
        let (local, remote) = (local.map(read_ep), remote.map(read_ep));
        let Some(handle) = runtime::handle() else { return -Errno::NoMem.code() };
        if self.sock.is_some() {
            return -Errno::Inval.code();
        }
        done(UdpSock::create(handle, local.as_ref(), remote.as_ref(), flags).map(|sock| {
            self.local_port = sock.local().map_or(0, |ep| ep.port);
            self.sock = Some(sock);
        }))
    }

    #[napi]
    pub fn get_local(&self, mut ep: Uint8ArraySlice<'_>) -> i32 {
        // SAFETY: JavaScript waits for this call, so nothing else touches the array meanwhile.
        let out = unsafe { ep.as_mut() };
        done(self.open().map_or(Err(Errno::AddrNotAvail), UdpSock::local).map(|local| write_ep(&local, out)))
    }

    #[napi]
    pub fn get_remote(&self, mut ep: Uint8ArraySlice<'_>) -> i32 {
        // SAFETY: JavaScript waits for this call, so nothing else touches the array meanwhile.
        let out = unsafe { ep.as_mut() };
        done(self.open().map_or(Err(Errno::NotConn), UdpSock::remote).map(|remote| write_ep(&remote, out)))
    }

    #[napi]
    pub fn try_recv(&self, mut data: Uint8ArraySlice<'_>, mut meta: Uint8ArraySlice<'_>) -> i32 {
        // SAFETY: JavaScript waits for this call, so nothing else touches the arrays meanwhile; `meta` is the
        // package's own and never what a user hands in as `data`.
        let (data, out) = unsafe { (data.as_mut(), meta.as_mut()) };
        let mut received = RxMeta::default();
        let len = self.open().and_then(|sock| sock.try_recv(data, &mut received));
        write_meta(&received, self.port(), out);
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

    #[napi]
    pub fn try_send(&self, data: Option<&[u8]>, remote: Option<&[u8]>, local: Option<&[u8]>) -> i32 {
        self.send(&[data.unwrap_or_default()], remote, local)
    }

    #[napi]
    pub fn try_sendv(&self, snips: Vec<&[u8]>, remote: Option<&[u8]>, local: Option<&[u8]>) -> i32 {
        self.send(&snips, remote, local)
    }

    #[napi]
    pub fn set_wake(&self, callback: Option<Function<'_, (), ()>>) -> napi::Result<()> {
        let Some(sock) = &self.sock else { return Ok(()) };
        let wake = match callback {
            None => None,
            Some(callback) => {
                let function = callback.build_threadsafe_function::<()>().weak::<true>().build()?;
                let wake: Wake = Arc::new(move || {
                    // The only failure is an environment that is shutting down: nobody is left to wake.
                    let mode = napi::threadsafe_function::ThreadsafeFunctionCallMode::NonBlocking;
                    let _ = function.call((), mode);
                });
                Some(wake)
            }
        };
        sock.set_wake(wake);
        Ok(())
    }

    #[napi]
    pub fn close(&self) {
        if let Some(sock) = &self.sock {
            sock.close();
        }
    }

    /// The sock, once it is created and until it is closed.
    pub(crate) fn open(&self) -> dtls_sock::Result<&UdpSock> {
        self.sock.as_ref().filter(|sock| !sock.is_closed()).ok_or(Errno::Inval)
    }

    fn port(&self) -> u16 {
        match self.local_port {
            // Bound late, at the first send.
            0 => self.sock.as_ref().and_then(|sock| sock.local().ok()).map_or(0, |ep| ep.port),
            port => port,
        }
    }

    fn send(&self, parts: &[&[u8]], remote: Option<&[u8]>, local: Option<&[u8]>) -> i32 {
        let (remote, local) = (remote.map(read_ep), local.map(read_ep));
        length(self.open().and_then(|sock| sock.try_send(parts, remote.as_ref(), local.as_ref())))
    }
}

impl Drop for NativeUdp {
    fn drop(&mut self) {
        self.close();
    }
}
