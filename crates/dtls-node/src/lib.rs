//! The Node.js addon of sock-dtls: conversion and wake-ups. It decides nothing; what a call means is settled in
//! `dtls-sock`, and what a wrong argument is, in the TypeScript above.
//!
//! Endpoints cross as 40 bytes, data about a received message as 96 (`layout`); results cross as numbers. No memory
//! of ours is lent to JavaScript, which Electron refuses: what goes out is copied into arrays that JavaScript owns.

// The macros of napi write the exports, without docs and without being reachable from Rust.
// In a test build they write none.
#![cfg_attr(test, allow(dead_code))]
#![allow(missing_docs, unreachable_pub, clippy::missing_errors_doc)]
// Arguments come as napi hands them over.
#![allow(clippy::needless_pass_by_value)]

mod credman;
mod dtls;
mod engines;
mod layout;
mod notify;
mod options;
#[cfg_attr(not(target_os = "linux"), path = "no_reader.rs")]
mod reader;
mod runtime;
mod udp;

use std::collections::HashMap;

use dtls_sock::Errno;
use napi_derive::napi;

/// Seeds the random source while JavaScript still loads its modules.
#[cfg(not(test))]
#[napi_derive::module_init]
fn prepare() {
    // Without the thread the first handshake waits for the seed.
    let _ = std::thread::Builder::new().name("sock-dtls-seed".to_owned()).spawn(dtls_sock::prepare);
}

/// The host's error numbers, by name.
#[napi]
pub fn errno_table() -> HashMap<String, i32> {
    Errno::ALL.iter().map(|errno| (errno.name().to_owned(), errno.code())).collect()
}

/// A result as JavaScript sees it: a length or a flag, or the negated error number.
fn result<T: Into<i64>>(result: dtls_sock::Result<T>) -> i32 {
    match result {
        // Lengths are those of datagrams.
        Ok(value) => i32::try_from(value.into()).unwrap_or(i32::MAX),
        Err(errno) => -errno.code(),
    }
}

/// The same for a length.
fn length(len: dtls_sock::Result<usize>) -> i32 {
    result(len.map(|len| i64::try_from(len).unwrap_or(i64::MAX)))
}

/// The same for a call that gives nothing.
fn done(nothing: dtls_sock::Result<()>) -> i32 {
    result(nothing.map(|()| 0i64))
}
