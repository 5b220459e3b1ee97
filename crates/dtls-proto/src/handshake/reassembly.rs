//! Puts handshake messages together from fragments in any order (RFC 6347 section 4.2.3).

use std::collections::VecDeque;
use std::ops::Range;

use crate::message::{Fragment, HandshakeType, Message};

/// How far ahead of the message that is due others are kept: more than the longest flight has.
const WINDOW: usize = 16;

/// What became of a fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Inserted {
    /// It belongs to a message that is still due.
    Kept,
    /// Its message has been processed: the peer repeats a flight.
    Repeated,
    /// It contradicts an earlier fragment, or there is no room.
    Dropped,
}

/// The messages that have begun to arrive.
#[derive(Debug)]
pub(crate) struct Reassembly {
    next_seq: u16,
    /// Slot n: the message with number `next_seq + n`.
    slots: VecDeque<Option<Partial>>,
    /// Bytes that all buffers may have together, and have.
    limit: usize,
    used: usize,
}

#[derive(Debug)]
struct Partial {
    message_type: HandshakeType,
    epoch: u16,
    length: usize,
    buffer: Vec<u8>,
    /// The parts that have arrived: sorted, apart from each other.
    arrived: Vec<Range<usize>>,
}

impl Reassembly {
    pub(crate) fn new(next_seq: u16, limit: usize) -> Self {
        Self { next_seq, slots: VecDeque::new(), limit, used: 0 }
    }

    pub(crate) fn insert(&mut self, epoch: u16, fragment: &Fragment<'_>) -> Inserted {
        let Some(ahead) = fragment.message_seq.checked_sub(self.next_seq).map(usize::from) else {
            return Inserted::Repeated;
        };
        if ahead >= WINDOW {
            return Inserted::Dropped;
        }
        if self.slots.len() <= ahead {
            self.slots.resize_with(ahead + 1, || None);
        }
        let slot = &mut self.slots[ahead];
        let known = slot.as_ref().map_or(0, |partial| partial.buffer.len());
        let end = fragment.offset + fragment.body.len();
        let grown = end.saturating_sub(known);
        if self.used + grown > self.limit || fragment.length > self.limit {
            return Inserted::Dropped;
        }
        let partial = slot.get_or_insert_with(|| Partial {
            message_type: fragment.message_type,
            epoch,
            length: fragment.length,
            buffer: Vec::new(),
            arrived: Vec::new(),
        });
        if partial.insert(epoch, fragment) {
            self.used += grown;
            Inserted::Kept
        } else {
            Inserted::Dropped
        }
    }

    /// The message that is due, with the epoch it came in, once it is whole.
    pub(crate) fn pop(&mut self) -> Option<(u16, Message)> {
        if !self.slots.front()?.as_ref()?.is_whole() {
            return None;
        }
        let partial = self.slots.pop_front()??;
        self.used -= partial.buffer.len();
        let message = Message { message_type: partial.message_type, message_seq: self.next_seq, body: partial.buffer };
        self.next_seq = self.next_seq.wrapping_add(1);
        Some((partial.epoch, message))
    }
}

impl Partial {
    fn insert(&mut self, epoch: u16, fragment: &Fragment<'_>) -> bool {
        if (self.message_type, self.epoch, self.length) != (fragment.message_type, epoch, fragment.length) {
            return false;
        }
        let new = fragment.offset..fragment.offset + fragment.body.len();
        if self.buffer.len() < new.end {
            self.buffer.resize(new.end, 0);
        }
        // What arrived first stays: a later fragment that says otherwise changes nothing.
        let mut position = new.start;
        for old in self.arrived.iter().cloned().chain([new.end..new.end]) {
            let gap = position..old.start.clamp(position, new.end);
            let source = gap.start - new.start..gap.end - new.start;
            self.buffer[gap].copy_from_slice(&fragment.body[source]);
            position = position.max(old.end).min(new.end);
        }
        self.mark(new);
        true
    }

    fn mark(&mut self, new: Range<usize>) {
        let first = self.arrived.partition_point(|old| old.end < new.start);
        let last = self.arrived.partition_point(|old| old.start <= new.end);
        let touched = &self.arrived[first..last];
        let start = touched.first().map_or(new.start, |old| old.start.min(new.start));
        let end = touched.last().map_or(new.end, |old| old.end.max(new.end));
        self.arrived.splice(first..last, [start..end]);
    }

    fn is_whole(&self) -> bool {
        self.arrived == [0..self.length]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fragment(seq: u16, length: usize, offset: usize, body: &[u8]) -> Fragment<'_> {
        Fragment { message_type: HandshakeType::CERTIFICATE, length, message_seq: seq, offset, body }
    }

    #[test]
    fn an_empty_message_is_whole_at_once() {
        let mut reassembly = Reassembly::new(0, 100);
        assert_eq!(reassembly.insert(0, &fragment(0, 0, 0, &[])), Inserted::Kept);
        assert_eq!(reassembly.pop().unwrap().1.body, []);
    }

    #[test]
    fn messages_come_out_in_order_and_an_old_one_is_a_repetition() {
        let mut reassembly = Reassembly::new(1, 100);
        assert_eq!(reassembly.insert(0, &fragment(2, 1, 0, b"b")), Inserted::Kept);
        assert_eq!(reassembly.pop(), None);
        assert_eq!(reassembly.insert(0, &fragment(1, 1, 0, b"a")), Inserted::Kept);
        assert_eq!(reassembly.pop().unwrap().1.body, b"a");
        assert_eq!(reassembly.pop().unwrap().1.body, b"b");
        assert_eq!(reassembly.insert(0, &fragment(1, 1, 0, b"a")), Inserted::Repeated);
    }

    #[test]
    fn fragments_that_contradict_the_first_are_dropped() {
        let mut reassembly = Reassembly::new(0, 100);
        reassembly.insert(0, &fragment(0, 4, 0, b"ab"));
        assert_eq!(reassembly.insert(0, &fragment(0, 5, 2, b"cd")), Inserted::Dropped);
        assert_eq!(reassembly.insert(1, &fragment(0, 4, 2, b"cd")), Inserted::Dropped);
        let other = Fragment { message_type: HandshakeType::FINISHED, ..fragment(0, 4, 2, b"cd") };
        assert_eq!(reassembly.insert(0, &other), Inserted::Dropped);
        reassembly.insert(0, &fragment(0, 4, 1, b"Xcd"));
        assert_eq!(reassembly.pop().unwrap().1.body, b"abcd");
    }

    #[test]
    fn the_limit_holds_over_all_messages_and_is_given_back() {
        let mut reassembly = Reassembly::new(0, 10);
        assert_eq!(reassembly.insert(0, &fragment(0, 11, 0, b"a")), Inserted::Dropped);
        assert_eq!(reassembly.insert(0, &fragment(1, 8, 0, &[1; 8])), Inserted::Kept);
        assert_eq!(reassembly.insert(0, &fragment(2, 3, 0, &[1; 3])), Inserted::Dropped);
        assert_eq!(reassembly.insert(0, &fragment(0, 2, 0, &[1; 2])), Inserted::Kept);
        assert!(reassembly.pop().is_some() && reassembly.pop().is_some());
        assert_eq!(reassembly.insert(0, &fragment(2, 10, 0, &[1; 10])), Inserted::Kept);
    }

    #[test]
    fn a_number_far_ahead_is_dropped() {
        let mut reassembly = Reassembly::new(0, 100);
        assert_eq!(reassembly.insert(0, &fragment(WINDOW as u16, 1, 0, b"a")), Inserted::Dropped);
    }

    proptest! {
        #[test]
        fn fragments_in_any_order_with_any_overlap_make_the_message(
            body in prop::collection::vec(any::<u8>(), 1..200),
            cuts in prop::collection::vec((0usize..200, 1usize..200), 0..40),
        ) {
            let mut reassembly = Reassembly::new(0, 1000);
            for (start, len) in cuts {
                let start = start % body.len();
                let part = &body[start..(start + len).min(body.len())];
                reassembly.insert(0, &fragment(0, body.len(), start, part));
            }
            for (at, byte) in body.iter().enumerate().rev() {
                let last = fragment(0, body.len(), at, std::slice::from_ref(byte));
                prop_assert_eq!(reassembly.insert(0, &last), Inserted::Kept);
            }
            prop_assert_eq!(reassembly.pop().unwrap().1.body, body);
        }
    }
}
