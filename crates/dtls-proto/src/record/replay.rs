//! Anti-replay (RFC 6347 section 4.1.2.6).

/// A sliding window over the sequence numbers of one epoch.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ReplayWindow {
    /// The number above the highest that was seen.
    next: u64,
    /// Bit n: number `next - 1 - n` was seen.
    seen: u64,
}

impl ReplayWindow {
    const WIDTH: u64 = u64::BITS as u64;

    /// Whether a record with this number could still be new.
    pub(crate) fn is_fresh(&self, sequence: u64) -> bool {
        if sequence >= self.next {
            return true;
        }
        let age = self.next - 1 - sequence;
        age < Self::WIDTH && self.seen & (1 << age) == 0
    }

    /// Marks the number of a record that has authenticated.
    pub(crate) fn mark(&mut self, sequence: u64) {
        if sequence >= self.next {
            let shift = sequence - self.next + 1;
            self.seen = if shift < Self::WIDTH { self.seen << shift } else { 0 };
            self.seen |= 1;
            self.next = sequence + 1;
        } else {
            let age = self.next - 1 - sequence;
            if age < Self::WIDTH {
                self.seen |= 1 << age;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_number_is_accepted_once() {
        let mut window = ReplayWindow::default();
        assert!(window.is_fresh(0));
        window.mark(0);
        assert!(!window.is_fresh(0));
        assert!(window.is_fresh(1));
    }

    #[test]
    fn numbers_older_than_the_window_are_refused_unseen() {
        let mut window = ReplayWindow::default();
        window.mark(100);
        assert!(window.is_fresh(37));
        assert!(!window.is_fresh(36));
    }

    #[test]
    fn the_highest_number_of_an_epoch_can_be_marked() {
        let mut window = ReplayWindow::default();
        window.mark((1 << 48) - 1);
        assert!(!window.is_fresh((1 << 48) - 1));
        assert!(window.is_fresh((1 << 48) - 2));
    }

    proptest! {
        #[test]
        fn nothing_is_accepted_twice_and_nothing_fresh_near_the_front_is_refused(
            numbers in prop::collection::vec(0u64..200, 1..400),
        ) {
            let mut window = ReplayWindow::default();
            let mut seen = HashSet::new();
            let mut highest = 0;
            for number in numbers {
                let fresh = window.is_fresh(number);
                let recent = number + 64 > highest;
                prop_assert_eq!(fresh, recent && !seen.contains(&number));
                if fresh {
                    window.mark(number);
                    seen.insert(number);
                    highest = highest.max(number);
                }
            }
        }
    }
}
