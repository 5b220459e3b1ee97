//! Counters: every drop is one, so that an operator can see what happens to a sock.

use std::sync::atomic::{AtomicU64, Ordering};

use dtls_proto::{Discard, Discards};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)+) => {
        /// The counters of a sock, from its creation.
        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $(pub(crate) $name: AtomicU64,)+
        }

        /// A reading of a sock's counters.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Stats {
            $($(#[$doc])* pub $name: u64,)+
            /// Sessions now, handshakes included.
            pub sessions: u64,
            /// Handshakes now that peers have begun.
            pub handshakes: u64,
        }

        impl Stats {
            /// Each counter with its name.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($name), self.$name),)+ ("sessions", self.sessions), ("handshakes", self.handshakes)]
                    .into_iter()
            }
        }

        impl Counters {
            pub(crate) fn read(&self) -> Stats {
                Stats { $($name: self.$name.load(Ordering::Relaxed),)+ ..Stats::default() }
            }
        }
    };
}

counters! {
    /// Datagrams received.
    datagrams_received,
    /// Datagrams sent.
    datagrams_sent,
    /// Datagrams that could not be sent: the system refused them, or the queue behind a full socket buffer was full.
    datagrams_unsent,
    /// Messages put into the receive queue.
    messages_received,
    /// Messages sent.
    messages_sent,
    /// Messages dropped because the receive queue was full.
    messages_dropped,
    /// Notices of handshakes and failures dropped because nobody fetched the earlier ones.
    notices_dropped,
    /// HelloVerifyRequests sent.
    hello_verify_requests,
    /// ClientHellos dropped: malformed, fragmented, or to a client.
    hellos_dropped,
    /// ClientHellos with a good cookie dropped because a limit was reached.
    hellos_refused,
    /// Datagrams from peers without a session that began with no ClientHello.
    strays_dropped,
    /// Handshake datagrams dropped because their session had too many waiting.
    backlog_dropped,
    /// Handshakes completed.
    handshakes_completed,
    /// Handshakes that failed or timed out.
    handshakes_failed,
    /// Records dropped: malformed.
    records_malformed,
    /// Records dropped: they did not authenticate.
    records_forged,
    /// Records dropped: seen before, or older than the replay window.
    records_replayed,
    /// Records dropped: of an epoch that is not in use.
    records_wrong_epoch,
    /// Handshake fragments dropped: contradicting, or over the reassembly limit.
    fragments_dropped,
    /// Records dropped: of a kind that was not due.
    records_unexpected,
}

impl Counters {
    pub(crate) fn add(counter: &AtomicU64, n: u64) {
        counter.fetch_add(n, Ordering::Relaxed);
    }

    pub(crate) fn add_discards(&self, discards: Discards) {
        if discards == Discards::default() {
            return;
        }
        for (discard, count) in discards.iter() {
            let counter = match discard {
                Discard::Malformed => &self.records_malformed,
                Discard::Forged => &self.records_forged,
                Discard::Replayed => &self.records_replayed,
                Discard::Epoch => &self.records_wrong_epoch,
                Discard::Fragment => &self.fragments_dropped,
                _ => &self.records_unexpected,
            };
            Self::add(counter, u64::from(count));
        }
    }
}
