//! Records: what is not ours does not open, what is does.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| dtls_proto::fuzzing::records(bytes));
