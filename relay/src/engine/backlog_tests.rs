//! The order of events, under settles, retries, overflow and lost leases.

use std::time::{Duration, Instant};

use super::super::event::{Event, sample};
use super::{Backlog, Limits};

const LEASE: u64 = 1;

fn backlog(chain: usize) -> Backlog {
    Backlog::new(Limits { events: 100, bytes: 10_000, chain, in_flight: 1, waiting_aggregates: 10 })
}

fn offer(backlog: &mut Backlog, seq: i64, aggregate: &str) -> bool {
    backlog.offer(sample(seq, aggregate), LEASE, Instant::now())
}

fn take(backlog: &mut Backlog) -> Option<Event> {
    backlog.take(|_| true)
}

fn take_seqs(backlog: &mut Backlog) -> Vec<i64> {
    std::iter::from_fn(|| take(backlog)).map(|event| event.row.seq).collect()
}

#[test]
fn one_event_of_an_aggregate_is_in_flight_at_a_time() {
    let mut backlog = backlog(10);
    for (seq, aggregate) in [(1, "a"), (2, "a"), (3, "b")] {
        offer(&mut backlog, seq, aggregate);
    }
    let first = take(&mut backlog).expect("a head");
    assert_eq!((first.row.seq, take_seqs(&mut backlog)), (1, vec![3]));
    assert!(backlog.settled(&first));
    assert_eq!(take_seqs(&mut backlog), [2]);
}

#[test]
fn an_event_is_awaited_while_later_ones_of_its_aggregate_are_known() {
    let mut backlog = backlog(1);
    offer(&mut backlog, 1, "a");
    let first = take(&mut backlog).expect("a head");
    assert!(!backlog.is_awaited(&first));
    offer(&mut backlog, 2, "b");
    assert!(!backlog.is_awaited(&first), "another aggregate");
    offer(&mut backlog, 3, "a");
    assert!(backlog.is_awaited(&first), "its successor is in memory");
    // The chain is full: this one stays in the database.
    offer(&mut backlog, 4, "a");
    backlog.settled(&first);
    take(&mut backlog).expect("of the other aggregate");
    let second = take(&mut backlog).expect("a head");
    assert!(backlog.is_awaited(&second), "its successor is to be read again");
}

#[test]
fn what_is_settled_is_forgotten_but_not_while_a_read_may_still_return_it() {
    let mut backlog = backlog(10);
    offer(&mut backlog, 1, "a");
    let event = take(&mut backlog).expect("a head");
    backlog.read_began();
    backlog.settled(&event);
    assert!(!offer(&mut backlog, 1, "a"), "the read began before the row was deleted");
    backlog.read_ended();
    assert!(backlog.is_empty() && take(&mut backlog).is_none());
}

#[test]
fn an_event_that_is_committed_late_takes_its_place_in_the_chain() {
    let mut backlog = backlog(10);
    for seq in [1, 3, 2] {
        offer(&mut backlog, seq, "a");
    }
    let mut seen = Vec::new();
    while let Some(event) = take(&mut backlog) {
        seen.push(event.row.seq);
        backlog.settled(&event);
    }
    assert_eq!(seen, [1, 2, 3]);
}

#[test]
fn an_unknown_outcome_is_the_first_to_be_published_again() {
    let mut backlog = backlog(10);
    for (seq, aggregate) in [(1, "a"), (2, "a"), (3, "b")] {
        offer(&mut backlog, seq, aggregate);
    }
    let first = take(&mut backlog).expect("a head");
    backlog.unknown(first);
    assert_eq!(take_seqs(&mut backlog), [1, 3]);
}

#[test]
fn a_retry_holds_back_its_own_aggregate_only_and_is_read_again_when_it_is_due() {
    let mut backlog = backlog(10);
    for (seq, aggregate) in [(1, "a"), (2, "a"), (3, "b")] {
        offer(&mut backlog, seq, aggregate);
    }
    let now = Instant::now();
    let refused = take(&mut backlog).expect("a head");
    backlog.retry(&refused, now + Duration::from_secs(5));
    offer(&mut backlog, 4, "a");
    assert_eq!(take_seqs(&mut backlog), [3]);
    assert_eq!(backlog.resume(now), Some(now + Duration::from_secs(5)));
    assert_eq!(backlog.resume(now + Duration::from_secs(5)), None);
    let wanted = backlog.take_refills(10, |_| 4);
    let [(key, range)] = wanted.as_slice() else { panic!("one aggregate") };
    assert_eq!((range.from_seq, range.to_seq), (1, 4));
    backlog.refilled(*key, [1, 2, 4].map(|seq| sample(seq, "a")).into(), true, now);
    assert_eq!(take_seqs(&mut backlog), [1]);
    assert_eq!(backlog.waiting_aggregates(), 0);
}

#[test]
fn an_event_that_still_waits_when_it_is_read_defers_its_aggregate() {
    let mut backlog = backlog(10);
    let now = Instant::now();
    let mut waiting = sample(1, "a");
    waiting.wait_ms = Some(1000);
    backlog.offer(waiting, LEASE, now);
    offer(&mut backlog, 2, "a");
    assert!(take(&mut backlog).is_none() && backlog.is_empty());
    assert_eq!(backlog.resume(now), Some(now + Duration::from_secs(1)));
}

#[test]
fn a_hot_aggregate_does_not_fill_memory_and_its_rest_is_read_when_its_chain_is_settled() {
    let mut backlog = backlog(2);
    for seq in 1..=5 {
        offer(&mut backlog, seq, "hot");
    }
    assert_eq!(backlog.len(), 2);
    for expected in [1, 2] {
        let event = take(&mut backlog).expect("a head");
        assert_eq!(event.row.seq, expected);
        backlog.settled(&event);
    }
    let wanted = backlog.take_refills(10, |_| 5);
    assert_eq!(wanted.first().map(|(_, range)| range.from_seq), Some(3));
    backlog.refilled(wanted[0].0, [3, 4].map(|seq| sample(seq, "hot")).into(), false, Instant::now());
    for expected in [3, 4] {
        let event = take(&mut backlog).expect("a head");
        assert_eq!(event.row.seq, expected);
        backlog.settled(&event);
    }
    assert_eq!(
        backlog.take_refills(10, |_| 9).first().map(|(_, range)| (range.from_seq, range.to_seq)),
        Some((5, 9))
    );
}

#[test]
fn a_lost_shard_drops_its_events_and_what_comes_back_from_an_earlier_lease() {
    let mut backlog = backlog(10);
    offer(&mut backlog, 1, "a");
    offer(&mut backlog, 2, "a");
    let in_flight = take(&mut backlog).expect("a head");
    backlog.drop_shard(in_flight.shard());
    backlog.offer(sample(2, "a"), LEASE + 1, Instant::now());
    assert!(!backlog.settled(&in_flight), "its lease is over");
    assert_eq!(take_seqs(&mut backlog), [2]);
    assert_eq!(backlog.len(), 1);
}

#[test]
fn a_shard_that_is_not_permitted_keeps_its_events() {
    let mut backlog = backlog(10);
    offer(&mut backlog, 1, "a");
    assert!(backlog.take(|_| false).is_none());
    assert_eq!(take_seqs(&mut backlog), [1]);
}

#[test]
fn too_many_waiting_aggregates_stop_the_reading() {
    let mut backlog = backlog(10);
    let now = Instant::now();
    for seq in 1..=10 {
        let mut row = sample(seq, &format!("a{seq}"));
        row.wait_ms = Some(1000);
        backlog.offer(row, LEASE, now);
    }
    assert_eq!(backlog.room(), (0, 0));
}
