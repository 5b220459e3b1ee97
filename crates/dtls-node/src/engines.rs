//! The engines that this build has, by name.

use std::sync::Arc;

use dtls_sock::Engine;
use napi_derive::napi;

/// The name of `dtls-proto`.
const NATIVE: &str = "native";
#[cfg(feature = "webrtc-dtls")]
const WEBRTC_DTLS: &str = "webrtc-dtls";

/// The names that the option `engine` can have.
#[napi]
pub fn engines() -> Vec<String> {
    let names = [
        NATIVE,
        #[cfg(feature = "webrtc-dtls")]
        WEBRTC_DTLS,
    ];
    names.map(str::to_owned).to_vec()
}

/// The engine of this name; `None` is the native one.
pub(crate) fn engine(name: &str) -> Option<Arc<dyn Engine>> {
    match name {
        #[cfg(feature = "webrtc-dtls")]
        WEBRTC_DTLS => Some(Arc::new(dtls_webrtc::WebrtcDtls)),
        // TypeScript has refused names that are not among `engines`.
        _ => None,
    }
}
