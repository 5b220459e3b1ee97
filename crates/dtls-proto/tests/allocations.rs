//! What an established association takes from the heap: nothing for a record, little for itself.

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use common::{Credentials, Pair, config};
use dtls_proto::{Config, Event, Suite};

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
    static HELD: Cell<isize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call is passed on to the system's allocator as it came; counting touches only this thread's cells.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        HELD.set(HELD.get() + layout.size().cast_signed());
        // SAFETY: the caller's promise about `layout` is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.set(HELD.get() - layout.size().cast_signed());
        // SAFETY: `pointer` came from `alloc` above, that is from the system's allocator, with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn established(suite: Suite) -> Pair {
    let config = |seed| Config { suites: vec![suite], ..config(seed) };
    let credentials =
        |number| Credentials { psks: Credentials::psk("device", b"secret").psks, ..Credentials::raw_key(number) };
    let mut pair = Pair::new((config(1), credentials(1)), (config(2), credentials(2)));
    pair.handshake();
    pair
}

#[test]
fn a_record_allocates_nothing_on_either_side() {
    for suite in Suite::ALL {
        let mut pair = established(*suite);
        let now = pair.now;
        let (Some(client), Some(server)) = (&mut pair.client.association, &mut pair.server.association) else {
            panic!("established");
        };
        let message = [7; 1200];
        let mut wire = Vec::with_capacity(2048);
        let mut received = 0;
        let before = ALLOCATIONS.get();
        for _ in 0..100 {
            wire.clear();
            client.seal(&[&message], &mut wire).unwrap();
            server.handle_datagram(now, &mut wire, &mut |event| {
                if let Event::Received(bytes) = event {
                    received += bytes.len();
                }
            });
        }
        assert_eq!(ALLOCATIONS.get() - before, 0, "{suite:?}");
        assert_eq!(received, 120_000);
    }
}

#[test]
fn an_idle_association_holds_its_keys_and_little_else() {
    for suite in Suite::ALL {
        let mut pair = established(*suite);
        let association = pair.server.association.take();
        let before = HELD.get();
        drop(association);
        let held = before - HELD.get();
        println!("{suite:?}: {held} bytes of Rust's heap");
        assert!(held < 2500, "{suite:?}: {held} bytes");
    }
}
