//! The queue of events that are to be published again, at most one of an aggregate at a time. No I/O.

use std::collections::{HashMap, VecDeque};

use uuid::Uuid;

use crate::engine::Event;

/// Tenant, type and id.
type Aggregate = (Uuid, String, String);

/// Every event that is pushed comes out of `take` once, after the earlier ones of its aggregate were reported `done`.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    ready: VecDeque<Event>,
    /// The aggregates that have an event ready or taken, each with the events behind it.
    behind: HashMap<Aggregate, VecDeque<Event>>,
    waiting: usize,
}

impl Lanes {
    /// Returns the number of events that wait here, without those that are taken.
    pub(super) fn len(&self) -> usize {
        self.ready.len() + self.waiting
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn ready_len(&self) -> usize {
        self.ready.len()
    }

    pub(super) fn push(&mut self, event: Event) {
        if let Some(behind) = self.behind.get_mut(&aggregate(&event)) {
            behind.push_back(event);
            self.waiting += 1;
        } else {
            self.behind.insert(aggregate(&event), VecDeque::new());
            self.ready.push_back(event);
        }
    }

    pub(super) fn take(&mut self) -> Option<Event> {
        self.ready.pop_front()
    }

    /// Puts a taken event back, which must be published again; its aggregate waits for it.
    pub(super) fn put_back(&mut self, event: Event) {
        self.ready.push_front(event);
    }

    /// Ends a taken event: the next event of its aggregate becomes ready.
    pub(super) fn done(&mut self, event: &Event) {
        let key = aggregate(event);
        match self.behind.get_mut(&key).and_then(VecDeque::pop_front) {
            Some(next) => {
                self.waiting -= 1;
                self.ready.push_back(next);
            }
            None => {
                self.behind.remove(&key);
            }
        }
    }
}

fn aggregate(event: &Event) -> Aggregate {
    let row = &event.row;
    (row.tenant_id, row.aggregate_type.clone(), row.aggregate_id.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::sample;

    fn lanes(events: &[(i64, &str)]) -> Lanes {
        let mut lanes = Lanes::default();
        for (seq, aggregate) in events {
            lanes.push(Event::new(sample(*seq, aggregate), 0));
        }
        lanes
    }

    fn taken(lanes: &mut Lanes) -> Vec<Event> {
        std::iter::from_fn(|| lanes.take()).collect()
    }

    fn seqs(events: &[Event]) -> Vec<i64> {
        events.iter().map(|event| event.row.seq).collect()
    }

    #[test]
    fn one_of_an_aggregate_is_out_at_a_time() {
        let mut lanes = lanes(&[(1, "a"), (2, "b"), (3, "a"), (4, "a")]);
        let first = taken(&mut lanes);
        assert_eq!((seqs(&first), lanes.len()), (vec![1, 2], 2));
        first.iter().for_each(|event| lanes.done(event));
        let second = taken(&mut lanes);
        assert_eq!(seqs(&second), [3]);
        lanes.done(&second[0]);
        assert_eq!(seqs(&taken(&mut lanes)), [4]);
        assert!(lanes.is_empty());
    }

    #[test]
    fn what_is_put_back_comes_before_its_successors() {
        let mut lanes = lanes(&[(1, "a"), (2, "a")]);
        let event = lanes.take().expect("ready");
        lanes.put_back(event);
        assert_eq!(seqs(&taken(&mut lanes)), [1]);
    }

    #[test]
    fn an_aggregate_that_is_done_is_forgotten() {
        let mut lanes = lanes(&[(1, "a")]);
        let event = lanes.take().expect("ready");
        lanes.done(&event);
        assert!(lanes.behind.is_empty());
        lanes.push(Event::new(sample(2, "a"), 0));
        assert_eq!(lanes.ready_len(), 1);
    }
}
