//! Which kind of read is next, where several are possible. No I/O and no clock.
//!
//! Reads of new events alternate with reads of known ones. The latter alternate between rests of aggregates and looks for due
//! retries. So no kind waits for more than one read of each other kind, although with large payloads, for example, there is
//! always a rest to read.

/// A kind of read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    New,
    /// The part of an aggregate that is not in memory.
    Rest,
    /// Refused events that are due.
    Look,
}

#[derive(Debug)]
pub(super) struct Turns {
    new_is_next: bool,
    look_is_next: bool,
}

impl Turns {
    pub(super) fn new() -> Self {
        Self { new_is_next: true, look_is_next: false }
    }

    /// Returns the order in which the kinds are asked for a read.
    pub(super) fn order(&self) -> [Kind; 3] {
        let (first, second) =
            if self.look_is_next { (Kind::Look, Kind::Rest) } else { (Kind::Rest, Kind::Look) };
        if self.new_is_next { [Kind::New, first, second] } else { [first, second, Kind::New] }
    }

    pub(super) fn reads(&mut self, kind: Kind) {
        self.new_is_next = kind != Kind::New;
        match kind {
            Kind::New => {}
            Kind::Rest => self.look_is_next = true,
            Kind::Look => self.look_is_next = false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the next `count` reads while these kinds always have something to read.
    fn reads(turns: &mut Turns, wanting: &[Kind], count: usize) -> Vec<Kind> {
        let mut read = Vec::new();
        while read.len() < count {
            let next =
                turns.order().into_iter().find(|kind| wanting.contains(kind)).expect("one wants to read");
            turns.reads(next);
            read.push(next);
        }
        read
    }

    #[test]
    fn of_kinds_that_always_want_to_read_none_waits_long() {
        use Kind::{Look, New, Rest};
        for wanting in [vec![New, Rest, Look], vec![New, Rest], vec![New, Look], vec![Rest, Look], vec![Look]]
        {
            for begun in [vec![], vec![New], vec![Rest], vec![Look], vec![Rest, New], vec![Look, New]] {
                let mut turns = Turns::new();
                begun.iter().for_each(|kind| turns.reads(*kind));
                let read = reads(&mut turns, &wanting, 12);
                for kind in &wanting {
                    assert!(
                        read.windows(4).all(|four| four.contains(kind)),
                        "{kind:?} of {wanting:?} after {begun:?}: {read:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn what_is_new_has_every_second_read() {
        use Kind::{Look, New, Rest};
        assert_eq!(reads(&mut Turns::new(), &[New, Rest, Look], 6), [New, Rest, New, Look, New, Rest]);
    }
}
