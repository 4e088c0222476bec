//! Tests the order of events under settles, retries, overflow and lost leases.

use comptoir_core::outbox::{OutboxRow, Turn};

use super::super::event::{AggregateKey, Event, sample};
use super::{Backlog, Limits, range_of};

const LEASE: u64 = 1;

fn backlog(chain: usize) -> Backlog {
    Backlog::new(Limits { events: 100, bytes: 10_000, chain, in_flight: 1, resumed: 2 })
}

fn offer(backlog: &mut Backlog, seq: i64, aggregate: &str) -> bool {
    backlog.offer(sample(seq, aggregate), LEASE)
}

fn with_turn(seq: i64, aggregate: &str, turn: Turn) -> OutboxRow {
    OutboxRow { turn, ..sample(seq, aggregate) }
}

const DUE: Turn = Turn::Retry { wait_ms: 0 };

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
fn a_refused_event_takes_its_aggregate_out_of_memory_and_holds_back_no_other() {
    let mut backlog = backlog(10);
    for (seq, aggregate) in [(1, "a"), (2, "a"), (3, "b")] {
        offer(&mut backlog, seq, aggregate);
    }
    let refused = take(&mut backlog).expect("a head");
    backlog.set_aside(&refused);
    assert!(!backlog.has(refused.key));
    assert_eq!(backlog.dropped_events(), 1, "its successor");
    assert!(!backlog.offer(with_turn(4, "a", Turn::Behind), LEASE), "it stands behind the refused one");
    assert_eq!(backlog.dropped_events(), 2);
    assert_eq!(take_seqs(&mut backlog), [3]);
    assert_eq!((backlog.len(), backlog.partial()), (1, 0));
}

#[test]
fn a_refused_event_comes_back_alone_and_its_successors_after_it_is_settled() {
    let mut backlog = backlog(10);
    assert!(backlog.resume(range_of(&sample(1, "a")), LEASE));
    assert!(!backlog.resume(range_of(&sample(1, "a")), LEASE), "it is in memory");
    let wanted = backlog.take_refills(10, |_| 4);
    let [(key, range)] = wanted.as_slice() else { panic!("one aggregate") };
    assert_eq!((range.from_seq, range.to_seq), (1, 1));
    backlog.refilled(*key, vec![with_turn(1, "a", DUE)], true);
    let again = take(&mut backlog).expect("the refused event");
    assert!(take(&mut backlog).is_none() && !backlog.has_refills());
    assert!(backlog.is_awaited(&again), "by what was never read");
    backlog.settled(&again);
    assert_eq!(backlog.resumed(), 1);
    let wanted = backlog.take_refills(10, |_| 4);
    let [(key, range)] = wanted.as_slice() else { panic!("one aggregate") };
    assert_eq!((range.from_seq, range.to_seq), (2, 4));
    backlog.refilled(*key, [2, 4].map(|seq| sample(seq, "a")).into(), true);
    assert_eq!(backlog.resumed(), 0);
    assert_eq!(take_seqs(&mut backlog), [2]);
}

#[test]
fn a_refused_event_that_is_gone_lets_its_successors_go_on() {
    let mut backlog = backlog(10);
    backlog.resume(range_of(&sample(1, "a")), LEASE);
    let (key, _) = backlog.take_refills(10, |_| 4).pop().expect("the head");
    backlog.refilled(key, Vec::new(), true);
    let (key, range) = backlog.take_refills(10, |_| 4).pop().expect("the rest");
    assert_eq!((range.from_seq, range.to_seq), (2, 4));
    backlog.refilled(key, vec![sample(3, "a")], true);
    assert_eq!(take_seqs(&mut backlog), [3]);
}

#[test]
fn an_event_that_has_to_wait_after_all_leaves_memory_again() {
    for turn in [Turn::Retry { wait_ms: 1 }, Turn::UntilDecided] {
        let mut backlog = backlog(10);
        backlog.resume(range_of(&sample(1, "a")), LEASE);
        let (key, _) = backlog.take_refills(10, |_| 4).pop().expect("the head");
        backlog.refilled(key, vec![with_turn(1, "a", turn)], true);
        assert!(take(&mut backlog).is_none() && !backlog.has_refills() && !backlog.has(key));
        assert_eq!((backlog.resumed(), backlog.partial()), (0, 0));
    }
}

#[test]
fn so_many_refused_events_come_back_at_the_same_time_and_no_more() {
    let mut backlog = backlog(10);
    assert!(backlog.resume(range_of(&sample(1, "a")), LEASE));
    assert_eq!(backlog.resume_room(), 1);
    assert!(backlog.resume(range_of(&sample(2, "b")), LEASE));
    assert!(!backlog.resume(range_of(&sample(3, "c")), LEASE));
    backlog.drop_shard(3);
    assert_eq!((backlog.resume_room(), backlog.partial()), (2, 0));
}

/// A batch shows an event as it was when the batch was read. A change since then takes precedence.
#[test]
fn what_left_memory_while_a_page_was_read_decides_about_events_of_that_page() {
    let left = |refused: bool, turn: Turn| {
        let mut backlog = backlog(10);
        offer(&mut backlog, 1, "a");
        let first = take(&mut backlog).expect("a head");
        backlog.read_began();
        if refused {
            backlog.set_aside(&first);
        } else {
            backlog.settled(&first);
        }
        let came = backlog.offer(with_turn(2, "a", turn), LEASE);
        backlog.read_ended();
        let is_read_again = !backlog.take_refills(1, |_| 2).is_empty();
        let taken = take_seqs(&mut backlog);
        assert_eq!(came, is_read_again != (taken == [2]), "{turn:?}");
        assert!(turn == Turn::Now || taken.is_empty(), "its payload was not read");
        came
    };
    assert!(left(false, Turn::Now));
    assert!(left(false, Turn::Behind), "the refused event was published: nobody else reads this one");
    assert!(!left(true, Turn::Now), "it was read before its predecessor was refused");
    assert!(!left(true, Turn::Behind));
    assert!(!left(false, DUE) && !left(true, DUE), "it comes when there is room for it");
}

#[test]
fn events_that_wait_are_not_taken_from_a_page_and_what_is_in_memory_takes_in_its_successors() {
    let mut backlog = backlog(10);
    for turn in [DUE, Turn::Retry { wait_ms: 1000 }, Turn::UntilDecided, Turn::Behind] {
        assert!(!backlog.offer(with_turn(1, "a", turn), LEASE), "{turn:?}");
    }
    assert!(backlog.is_empty() && take(&mut backlog).is_none() && backlog.dropped_events() == 1);
    offer(&mut backlog, 2, "b");
    assert!(backlog.offer(with_turn(3, "b", Turn::Behind), LEASE), "its predecessor is in memory");
    let first = take(&mut backlog).expect("b's head");
    assert!(!backlog.has_refills() && backlog.is_awaited(&first));
    backlog.settled(&first);
    let (_, range) =
        backlog.take_refills(1, |_| 3).pop().expect("with its payload, which the batch did not bring");
    assert_eq!((range.from_seq, range.to_seq), (3, 3));
}

/// With more than one event in flight, a later event may be refused while an earlier one is still in flight.
#[test]
fn a_refused_event_in_the_middle_of_a_chain_lets_those_before_it_go_and_holds_those_after_it() {
    let mut backlog =
        Backlog::new(Limits { events: 100, bytes: 10_000, chain: 10, in_flight: 3, resumed: 2 });
    for seq in 1..=3 {
        offer(&mut backlog, seq, "a");
    }
    let (first, second) = (take(&mut backlog).expect("1"), take(&mut backlog).expect("2"));
    backlog.set_aside(&second);
    assert!(!backlog.is_behind(&first) && !backlog.is_behind(&second));
    assert!(take(&mut backlog).is_none(), "3 stands behind 2");
    assert!(!backlog.offer(with_turn(4, "a", Turn::Behind), LEASE));
    assert!(backlog.has(first.key), "1 is in flight");
    backlog.unknown(first);
    let first = take(&mut backlog).expect("1 again");
    assert_eq!(first.row.seq, 1);
    backlog.settled(&first);
    // 1 was in flight when 2 was refused. Had it been 3, and 2 discarded meanwhile, no other read would return the rest.
    let (key, range) = backlog.take_refills(10, |_| 4).pop().expect("a look whether 2 still waits");
    assert_eq!((range.from_seq, range.to_seq), (2, 4));
    backlog.refilled(key, vec![with_turn(2, "a", Turn::UntilDecided), sample(3, "a"), sample(4, "a")], true);
    assert!(take(&mut backlog).is_none() && !backlog.has(first.key), "the rest comes back with 2");
}

#[test]
fn an_event_whose_outcome_is_unknown_waits_with_a_refused_one_before_it() {
    let mut backlog =
        Backlog::new(Limits { events: 100, bytes: 10_000, chain: 10, in_flight: 3, resumed: 2 });
    offer(&mut backlog, 1, "a");
    offer(&mut backlog, 2, "a");
    let (first, second) = (take(&mut backlog).expect("1"), take(&mut backlog).expect("2"));
    backlog.set_aside(&first);
    assert!(backlog.is_behind(&second));
    backlog.unknown(second);
    assert!(take(&mut backlog).is_none() && backlog.is_empty());
    let (key, range) = backlog.take_refills(10, |_| 2).pop().expect("a look whether 1 still waits");
    assert_eq!(range.from_seq, 1);
    backlog.refilled(key, vec![with_turn(1, "a", Turn::Retry { wait_ms: 9 }), sample(2, "a")], true);
    assert!(take(&mut backlog).is_none() && !backlog.has(first.key));
}

#[test]
fn room_is_what_is_left_of_events_and_bytes() {
    let mut backlog = backlog(10);
    assert_eq!(backlog.room(), (100, 10_000));
    let mut large = sample(1, "a");
    large.payload.0 = vec![b'x'; 3000];
    let bytes = large.payload.0.len() + large.headers.0.len();
    backlog.offer(large, LEASE);
    assert_eq!(backlog.room(), (99, 10_000 - bytes));
    let event = take(&mut backlog).expect("a head");
    backlog.settled(&event);
    assert_eq!(backlog.room(), (100, 10_000));
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
    backlog.refilled(wanted[0].0, [3, 4].map(|seq| sample(seq, "hot")).into(), false);
    assert_eq!(backlog.dropped_events(), 1, "the fifth is still to be read");
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
    backlog.offer(sample(2, "a"), LEASE + 1);
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
fn a_refill_that_failed_is_asked_for_again() {
    let mut backlog = backlog(1);
    for seq in 1..=2 {
        offer(&mut backlog, seq, "a");
    }
    let first = take(&mut backlog).expect("a head");
    backlog.settled(&first);
    for _ in 0..2 {
        let (key, range) = backlog.take_refills(10, |_| 2).pop().expect("the rest");
        assert_eq!((key, range.from_seq, range.to_seq), (AggregateKey::of(&sample(2, "a")), 2, 2));
        assert!(!backlog.has_refills(), "it is under way");
        backlog.refill_failed(key);
    }
    let (key, _) = backlog.take_refills(10, |_| 2).pop().expect("the rest");
    backlog.refilled(key, vec![sample(2, "a")], true);
    assert_eq!(take_seqs(&mut backlog), [2]);
}

#[test]
fn a_late_event_goes_before_those_that_wait_for_room() {
    let mut backlog = backlog(2);
    for seq in [1, 4, 5] {
        offer(&mut backlog, seq, "a");
    }
    assert!(offer(&mut backlog, 3, "a"), "its place is within the chain");
    let mut seen = Vec::new();
    while let Some(event) = take(&mut backlog) {
        seen.push(event.row.seq);
        backlog.settled(&event);
    }
    assert_eq!(seen, [1, 3, 4]);
    let (_, range) = backlog.take_refills(10, |_| 5).pop().expect("the rest");
    assert_eq!(range.from_seq, 5);
}

#[test]
fn when_the_oldest_event_occurred_is_known_while_it_waits_and_while_it_is_in_flight() {
    let mut backlog = backlog(10);
    assert_eq!(backlog.oldest(), None);
    let at = |seconds| chrono::DateTime::from_timestamp(seconds, 0).expect("a time");
    for (seq, aggregate, seconds) in [(1, "a", 20), (2, "b", 10)] {
        backlog.offer(OutboxRow { occurred_at: at(seconds), ..sample(seq, aggregate) }, LEASE);
    }
    assert_eq!(backlog.oldest(), Some(at(10)));
    let (first, second) = (take(&mut backlog).expect("a"), take(&mut backlog).expect("b"));
    assert_eq!(backlog.oldest(), Some(at(10)));
    backlog.settled(&second);
    assert_eq!(backlog.oldest(), Some(at(20)));
    backlog.settled(&first);
    assert_eq!(backlog.oldest(), None);
}

#[test]
fn a_rest_that_a_read_did_not_come_to_is_read_again_from_where_it_was() {
    let mut backlog = backlog(1);
    for seq in [1, 2, 3] {
        offer(&mut backlog, seq, "a");
    }
    let first = take(&mut backlog).expect("a head");
    backlog.settled(&first);
    let wanted = backlog.take_refills(10, |_| 3);
    let [(key, range)] = wanted.as_slice() else { panic!("one rest: {wanted:?}") };
    assert_eq!(range.from_seq, 2);
    backlog.refilled(*key, Vec::new(), false);
    let again = backlog.take_refills(10, |_| 3);
    assert_eq!(again.iter().map(|(_, range)| range.from_seq).collect::<Vec<_>>(), [2]);
}

#[test]
fn a_refused_event_that_a_read_did_not_come_to_keeps_its_successors_back() {
    let mut backlog = backlog(10);
    backlog.resume(range_of(&sample(1, "a")), LEASE);
    let wanted = backlog.take_refills(10, |_| 3);
    let [(key, _)] = wanted.as_slice() else { panic!("one rest: {wanted:?}") };
    backlog.refilled(*key, Vec::new(), false);
    let again = backlog.take_refills(10, |_| 3);
    assert_eq!(again.iter().map(|(_, range)| (range.from_seq, range.to_seq)).collect::<Vec<_>>(), [(1, 1)]);
}

#[test]
fn an_event_whose_turn_has_not_come_counts_once_however_often_it_is_read() {
    let mut backlog = backlog(10);
    offer(&mut backlog, 1, "a");
    for _ in 0..3 {
        backlog.offer(with_turn(5, "a", Turn::Behind), LEASE);
    }
    assert_eq!(backlog.dropped_events(), 1);
    backlog.offer(with_turn(6, "a", Turn::Behind), LEASE);
    assert_eq!(backlog.dropped_events(), 2);
}

#[test]
fn as_many_aggregates_are_ready_as_have_an_event_to_publish() {
    let mut backlog = backlog(10);
    for (seq, aggregate) in [(1, "a"), (2, "a"), (3, "b")] {
        offer(&mut backlog, seq, aggregate);
    }
    assert_eq!(backlog.ready_len(), 2);
    take(&mut backlog);
    assert_eq!(backlog.ready_len(), 1);
}

#[test]
fn an_event_that_is_in_memory_is_not_new() {
    let mut backlog = backlog(10);
    assert!(offer(&mut backlog, 1, "a"));
    assert!(!offer(&mut backlog, 1, "a"), "it waits");
    take(&mut backlog).expect("a head");
    assert!(!offer(&mut backlog, 1, "a"), "it is in flight");
    assert!(take(&mut backlog).is_none() && backlog.len() == 1);
}

#[test]
fn a_lost_shard_takes_nothing_of_another_with_it() {
    let mut backlog = backlog(10);
    let of_shard = |seq: i64, aggregate: &str, shard: i16| OutboxRow { shard, ..sample(seq, aggregate) };
    for (seq, aggregate, shard) in [(1, "a", 3), (2, "b", 5)] {
        backlog.offer(of_shard(seq, aggregate, shard), LEASE);
        backlog.offer(OutboxRow { turn: Turn::Behind, ..of_shard(10 + seq, "refused", shard) }, LEASE);
    }
    assert_eq!((backlog.len(), backlog.dropped_events()), (2, 2));
    backlog.drop_shard(3);
    assert_eq!((backlog.len(), backlog.dropped_events()), (1, 1));
    assert_eq!(take_seqs(&mut backlog), [2]);
    backlog.reads_anew(3);
    assert_eq!(backlog.dropped_events(), 1);
    backlog.reads_anew(5);
    assert_eq!(backlog.dropped_events(), 0, "they are read again, and counted then");
}

#[test]
fn with_two_in_flight_the_first_is_the_oldest_and_the_third_waits_for_either() {
    let mut backlog =
        Backlog::new(Limits { events: 100, bytes: 10_000, chain: 10, in_flight: 2, resumed: 2 });
    let at = |seconds| chrono::DateTime::from_timestamp(seconds, 0).expect("a time");
    for seq in 1..=3 {
        backlog.offer(OutboxRow { occurred_at: at(10 * seq), ..sample(seq, "a") }, LEASE);
    }
    let first = take(&mut backlog).expect("1");
    assert!(!backlog.is_awaited(&first), "2 need not wait for it");
    let second = take(&mut backlog).expect("2");
    assert_eq!(backlog.oldest(), Some(at(10)), "1 is still in flight");
    assert!(take(&mut backlog).is_none() && backlog.is_awaited(&first) && backlog.is_awaited(&second));
    backlog.settled(&first);
    assert!(!backlog.is_awaited(&second), "3 need not wait for it");
    assert_eq!(take_seqs(&mut backlog), [3]);
}

#[test]
fn as_many_rests_are_read_as_are_asked_for_and_each_at_least_its_first_event() {
    let mut backlog = backlog(1);
    for (seq, aggregate) in [(1, "a"), (2, "b"), (3, "a"), (4, "b")] {
        offer(&mut backlog, seq, aggregate);
    }
    for _ in 0..2 {
        let event = take(&mut backlog).expect("a head");
        backlog.settled(&event);
    }
    let seqs = |backlog: &mut Backlog, limit: usize, cursor: i64| {
        let wanted = backlog.take_refills(limit, |_| cursor);
        wanted.iter().map(|(_, range)| (range.from_seq, range.to_seq)).collect::<Vec<_>>()
    };
    assert_eq!(seqs(&mut backlog, 0, 9), []);
    // The shard is being read from its beginning: its cursor stands in front of the rest.
    assert_eq!(seqs(&mut backlog, 1, 0), [(3, 3)]);
    assert!(backlog.has_refills());
    assert_eq!(seqs(&mut backlog, 10, 9), [(4, 9)]);
    assert!(!backlog.has_refills() && seqs(&mut backlog, 10, 9).is_empty(), "both are under way");
}

#[test]
fn a_late_event_moves_the_beginning_of_what_is_not_in_memory() {
    let mut backlog = backlog(1);
    offer(&mut backlog, 1, "a");
    offer(&mut backlog, 5, "a");
    let first = take(&mut backlog).expect("a head");
    assert!(!offer(&mut backlog, 3, "a"), "it is read with the rest");
    assert_eq!(backlog.dropped_events(), 1, "which was counted up to 5");
    backlog.settled(&first);
    let (_, range) = backlog.take_refills(10, |_| 5).pop().expect("the rest");
    assert_eq!((range.from_seq, range.to_seq), (3, 5));
}

#[test]
fn what_stood_behind_a_refused_event_is_not_counted_any_more_when_it_is_in_memory() {
    let mut backlog = backlog(10);
    offer(&mut backlog, 1, "a");
    let refused = take(&mut backlog).expect("a head");
    backlog.set_aside(&refused);
    for seq in [2, 3] {
        backlog.offer(with_turn(seq, "a", Turn::Behind), LEASE);
    }
    assert_eq!(backlog.dropped_events(), 2);
    assert_eq!((backlog.resume_limit(), backlog.resume_room()), (2, 2));
    assert!(backlog.resume(range_of(&sample(1, "a")), LEASE));
    let (key, _) = backlog.take_refills(10, |_| 3).pop().expect("the head");
    backlog.refilled(key, vec![with_turn(1, "a", DUE)], true);
    let again = take(&mut backlog).expect("the refused event");
    backlog.settled(&again);
    let (key, _) = backlog.take_refills(10, |_| 3).pop().expect("the rest");
    backlog.refilled(key, [2, 3].map(|seq| sample(seq, "a")).into(), true);
    assert_eq!((backlog.dropped_events(), backlog.len()), (0, 2));
    assert_eq!((backlog.partial(), backlog.resumed()), (0, 0));
}
