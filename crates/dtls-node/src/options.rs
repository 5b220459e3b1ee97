//! The options of a DTLS sock, as TypeScript has checked them.

use std::time::Duration;

use dtls_sock::{Group, Options, Suite};
use napi_derive::napi;

#[napi(object)]
#[derive(Default)]
pub struct NativeOptions {
    pub engine: Option<String>,
    pub verify_public_key: Option<bool>,
    pub force_extended_master_secret: Option<bool>,
    pub force_renegotiation_info: Option<bool>,
    pub suites: Option<Vec<u32>>,
    pub groups: Option<Vec<u32>>,
    pub mtu: Option<u32>,
    pub max_sessions: Option<u32>,
    pub max_handshakes: Option<u32>,
    pub max_handshakes_per_address: Option<u32>,
    pub handshake_lifetime_ms: Option<f64>,
    pub retransmit_ms: Option<f64>,
    pub retransmit_max_ms: Option<f64>,
    pub max_reassembly: Option<u32>,
    pub recv_queue_messages: Option<u32>,
    pub recv_queue_bytes: Option<f64>,
    pub max_hint_length: Option<u32>,
}

impl NativeOptions {
    pub(crate) fn options(&self) -> Options {
        let engine = self.engine.as_deref().and_then(crate::engines::engine);
        let mut options = Options { engine, ..Options::default() };
        let set = |slot: &mut usize, value: Option<u32>| {
            if let Some(value) = value {
                *slot = value as usize;
            }
        };
        set(&mut options.max_sessions, self.max_sessions);
        set(&mut options.max_handshakes, self.max_handshakes);
        set(&mut options.max_handshakes_per_address, self.max_handshakes_per_address);
        set(&mut options.max_reassembly, self.max_reassembly);
        set(&mut options.recv_queue_messages, self.recv_queue_messages);
        set(&mut options.max_hint_length, self.max_hint_length);
        let time = |slot: &mut Duration, value: Option<f64>| {
            // A time that is none, or longer than any clock, stays the default.
            if let Some(value) = value.and_then(|ms| Duration::try_from_secs_f64(ms / 1e3).ok()) {
                *slot = value;
            }
        };
        time(&mut options.handshake_lifetime, self.handshake_lifetime_ms);
        time(&mut options.retransmit, self.retransmit_ms);
        time(&mut options.retransmit_max, self.retransmit_max_ms);
        if let Some(bytes) = self.recv_queue_bytes.filter(|bytes| *bytes >= 0.0) {
            #[allow(clippy::cast_sign_loss, reason = "just checked; what is too large saturates")]
            let bytes = bytes as usize;
            options.recv_queue_bytes = bytes;
        }
        options.mtu = self.mtu.map(|mtu| mtu as usize);
        options.verify_public_key = self.verify_public_key.unwrap_or(options.verify_public_key);
        options.force_extended_master_secret =
            self.force_extended_master_secret.unwrap_or(options.force_extended_master_secret);
        options.force_renegotiation_info = self.force_renegotiation_info.unwrap_or(options.force_renegotiation_info);
        let number = |id: &u32| u16::try_from(*id).ok();
        if let Some(suites) = &self.suites {
            options.suites = suites.iter().filter_map(number).filter_map(Suite::from_id).collect();
        }
        if let Some(groups) = &self.groups {
            options.groups = groups.iter().filter_map(number).filter_map(Group::from_id).collect();
        }
        options
    }
}
