//! Handshake messages: no bytes make the codec or the reassembly panic, and what is read has one encoding.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| dtls_proto::fuzzing::messages(bytes));
