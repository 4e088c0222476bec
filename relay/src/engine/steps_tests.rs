//! The engine's steps, with neither a broker nor a database: what it does when leases come and go, what it takes, reads and writes next.

use std::sync::Arc;

use comptoir_core::outbox::{Batch, OutboxRow, Snapshot, Turn};
use comptoir_core::services::Tasks;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::super::cursors::Next;
use super::super::event::sample;
use super::super::fetcher::{Finished, Found};
use super::super::settler::{Dead, Retry, Settled};
use super::super::{Condition, Goal, Parts};
use super::*;
use crate::config::Config;
use crate::error::DatabaseFault;
use crate::leases::{Holding, Leases, Leasing};
use crate::publisher::{BrokerEvent, Pulse, Verdict};

/// Returns an engine without a broker and a database, and the service that tells it what it holds.
fn engine() -> (Engine, Leasing) {
    engine_for(&[], Goal::everything())
}

fn engine_for(settings: &[(&str, String)], goal: Goal) -> (Engine, Leasing) {
    let config = Config::load(None, settings).expect("valid");
    let (id, name, pulse) = (Uuid::from_u128(1), "one".to_owned(), Arc::<Pulse>::default());
    let (leases, leasing) = Leases::new(
        config.database.clone(),
        &config.relay,
        id,
        name.clone(),
        Arc::default(),
        Arc::clone(&pulse),
    );
    let (condition, _) = watch::channel(Condition::unknown());
    let parts = Parts {
        id,
        name,
        leases,
        wake_up: Arc::default(),
        reconnect: Arc::default(),
        condition,
        pulse,
        tasks: Tasks::new(CancellationToken::new()),
    };
    (Engine::new(&config, goal, parts), leasing)
}

/// Returns holdings of these shards, each with its lease and whether it is surplus.
fn held(shards: &[(usize, u64, bool)]) -> Holdings {
    let mut holdings = Holdings { until: Instant::now() + Duration::from_secs(60), ..Holdings::nothing() };
    for (shard, lease, surplus) in shards.iter().copied() {
        let epoch = i64::try_from(lease).expect("a small number") + 40;
        holdings.shards[shard] = Some(Holding { epoch, lease, surplus });
    }
    holdings
}

#[tokio::test]
async fn a_lease_that_is_lost_while_its_events_are_on_their_way_is_noticed_of_a_surplus_shard_too() {
    for surplus in [false, true] {
        let (mut engine, _leasing) = engine();
        engine.busy[3] = 1;
        assert!(!engine.adopt(held(&[(3, 7, surplus)])));
        assert!(!engine.adopt(held(&[(3, 7, surplus)])), "it is still held");
        assert!(engine.adopt(held(&[(3, 8, surplus)])), "lost and acquired again; surplus: {surplus}");
        assert!(engine.adopt(Holdings::nothing()), "surplus: {surplus}");
        assert!(!engine.adopt(Holdings::nothing()));
    }
}

#[tokio::test]
async fn a_lease_that_ends_while_nothing_of_it_is_on_its_way_is_no_matter() {
    let (mut engine, leasing) = engine();
    engine.adopt(held(&[(3, 7, false), (4, 8, true)]));
    assert_eq!(leasing.returned(), [vec![(4, 8)]]);
    assert!(engine.cursors.holds(3));
    assert!(!engine.adopt(Holdings::nothing()));
    assert!(!engine.cursors.holds(3) && engine.held.count() == 0);
}

#[tokio::test]
async fn each_lease_is_given_back_once_and_not_while_something_of_it_is_in_flight() {
    let (mut engine, leasing) = engine();
    leasing.tell(held(&[(3, 7, true), (4, 8, true), (5, 9, false)]));
    engine.busy[4] = 1;
    // The service has not handled the return yet: the lease is still among the holdings.
    let turns = |engine: &mut Engine| (0..3).for_each(|_| engine.follow_leases());
    turns(&mut engine);
    assert_eq!(leasing.returned(), [vec![(3, 7)]]);
    assert!(engine.held.shards[3].is_none() && engine.held.shards[4].is_some());
    engine.busy[4] = 0;
    turns(&mut engine);
    assert_eq!(leasing.returned(), [vec![(4, 8)]]);
    leasing.tell(held(&[(3, 10, true), (5, 9, false)]));
    turns(&mut engine);
    assert_eq!(leasing.returned(), [vec![(3, 10)]], "it came back under another lease");
    assert!(engine.held.shards[5].is_some() && engine.cursors.holds(5));
}

#[tokio::test]
async fn what_could_not_be_given_back_is_given_back_in_the_next_turn() {
    let (mut engine, leasing) = engine();
    leasing.tell(held(&[(3, 7, true)]));
    // More commands wait than there is room for.
    (0..1000).for_each(|_| engine.leases.join());
    engine.follow_leases();
    assert!(leasing.returned().is_empty() && engine.held.shards[3].is_none());
    engine.follow_leases();
    assert_eq!(leasing.returned(), [vec![(3, 7)]]);
}

/// The engine reads a page with these rows, after which there are no more.
fn read_page(engine: &mut Engine, next: Vec<OutboxRow>) {
    let read = engine.next_new(Instant::now()).expect("a page is to be read");
    engine.cursors.ask();
    engine.backlog.read_began();
    let snapshot = Snapshot { xmax: 100, in_progress: Vec::new() };
    let batch = Batch { snapshot, late: Vec::new(), next, cut: false };
    engine.on_read(Finished { read, result: Ok(Found::Batch(batch)) });
    assert!(engine.cursors.caught_up());
}

fn seqs(messages: &[Message]) -> Vec<i64> {
    messages.iter().map(|message| message.event().row.seq).collect()
}

/// Takes the next event, as if it were published.
fn take_one(engine: &mut Engine) -> Event {
    let taken = engine.take_ready(1).pop().expect("an event is ready");
    taken.into_event()
}

#[tokio::test]
async fn while_one_shard_is_given_back_the_others_are_read_on_from_where_they_were() {
    let (mut engine, _leasing) = engine();
    engine.adopt(held(&[(3, 7, false), (4, 8, false)]));
    read_page(&mut engine, vec![sample(1, "a")]);
    engine.busy[4] = 1;
    engine.adopt(held(&[(3, 7, false), (4, 8, true)]));
    assert!(engine.cursors.holds(3) && engine.cursors.caught_up(), "nothing of it is read again");
    assert!(!engine.cursors.holds(4));
    // What is in flight of the shard is to be settled at once: it cannot be given back before.
    let of_shard = |shard: i16| Event::new(OutboxRow { shard, ..sample(9, "b") }, 7);
    assert!(!engine.is_awaited(&of_shard(3)) && engine.is_awaited(&of_shard(4)));
    // It is kept after all, and read again when nothing of it is in flight.
    engine.adopt(held(&[(3, 7, false), (4, 8, false)]));
    assert!(!engine.cursors.holds(4));
    engine.busy[4] = 0;
    engine.adopt(held(&[(3, 7, false), (4, 8, false)]));
    assert!(engine.cursors.holds(4) && !engine.cursors.caught_up());
}

#[tokio::test]
async fn whoever_stops_reads_nothing_more_and_keeps_what_is_in_flight() {
    let (mut engine, _leasing) = engine();
    engine.adopt(held(&[(3, 7, false)]));
    engine.stop.cancel();
    engine.adopt(held(&[(3, 7, false)]));
    assert!(!engine.cursors.holds(3) && engine.held.count() == 1);
    engine.read();
    assert!(engine.reading.is_none());
}

#[tokio::test]
async fn a_write_is_fenced_by_the_epochs_of_all_shards_that_are_held() {
    let (mut engine, _leasing) = engine();
    engine.busy[5] = 1;
    engine.adopt(held(&[(3, 7, false), (5, 9, true)]));
    let Fence { owner, shards, epochs } = engine.fence();
    assert_eq!((owner, shards, epochs), (Uuid::from_u128(1), vec![3, 5], vec![47, 49]));
}

#[tokio::test]
async fn only_what_belongs_to_shards_that_are_held_is_taken_and_what_is_unknown_is_taken_again() {
    let (mut engine, _leasing) = engine();
    engine.adopt(held(&[(3, 7, false), (4, 8, false)]));
    let of_four = OutboxRow { shard: 4, ..sample(3, "c") };
    read_page(&mut engine, vec![sample(1, "a"), sample(2, "b"), of_four]);
    engine.held.shards[4] = None;
    assert_eq!(seqs(&engine.take_ready(1)), [1]);
    let batch = engine.take_ready(10);
    assert_eq!(seqs(&batch), [2]);
    assert_eq!((engine.taken, engine.busy[3], engine.busy[4]), (2, 2, 0));
    assert!(!engine.is_drained());
    let messages = batch.into_iter().map(|message| (message, Verdict::Unknown)).collect();
    engine.on_broker(BrokerEvent::Lost { messages, culprits: Vec::new() });
    assert_eq!((engine.taken, engine.busy[3]), (1, 1));
    assert_eq!(seqs(&engine.take_ready(10)), [2]);
}

#[tokio::test]
async fn a_run_takes_nothing_that_was_written_after_its_beginning_and_no_shard_of_another() {
    let goal = Goal { last_seq: 5, ..Goal::everything() };
    let (mut engine, _leasing) = engine_for(&[], goal);
    engine.adopt(held(&[(3, 7, false)]));
    let of_another = OutboxRow { shard: 4, ..sample(2, "b") };
    read_page(&mut engine, vec![sample(1, "a"), of_another, sample(5, "c"), sample(6, "d")]);
    assert_eq!(seqs(&engine.take_ready(10)), [1, 5]);
}

#[tokio::test]
async fn a_run_reads_the_rest_of_an_aggregate_up_to_its_last_event_and_not_beyond() {
    let one_in_memory = [("relay.aggregate_events", "1".to_owned())];
    for (last_seq, up_to) in [(5, 5), (i64::MAX, 9)] {
        let (mut engine, _leasing) = engine_for(&one_in_memory, Goal { last_seq, ..Goal::everything() });
        engine.adopt(held(&[(3, 7, false)]));
        read_page(&mut engine, vec![sample(1, "a"), sample(2, "a"), sample(3, "a"), sample(9, "b")]);
        assert!(engine.next_rest().is_none(), "the first event is not settled");
        let first = take_one(&mut engine);
        engine.backlog.settled(&first);
        let Some(Read::Rest { wanted, limit, .. }) = engine.next_rest() else { panic!("its rest is due") };
        let ranges: Vec<_> = wanted.iter().map(|(_, range)| (range.from_seq, range.to_seq)).collect();
        assert_eq!((ranges, limit), (vec![(2, up_to)], 1));
    }
}

#[tokio::test]
async fn a_run_that_has_taken_as_many_as_it_may_reads_no_more_of_them() {
    let (mut engine, _leasing) = engine_for(&[], Goal { max_events: 5, ..Goal::everything() });
    engine.adopt(held(&[(3, 7, false)]));
    engine.taken = 5;
    assert!(engine.next_in_turn(Instant::now()).is_none());
    engine.taken = 4;
    assert!(engine.next_in_turn(Instant::now()).is_some());
}

#[tokio::test]
async fn where_everything_was_read_only_what_is_new_is_read_until_a_sweep_is_due() {
    let (mut engine, _leasing) = engine();
    engine.adopt(held(&[(3, 7, false)]));
    read_page(&mut engine, vec![sample(1, "a")]);
    assert!(matches!(engine.next_new(Instant::now()), Some(Read::Next(Next::New { .. }))));
    let much_later = Instant::now() + Duration::from_secs(86_400);
    let Some(Read::Next(Next::Batch(all))) = engine.next_new(much_later) else { panic!("no sweep") };
    assert_eq!(all.cursors[3], 0, "from the beginning");
}

#[tokio::test]
async fn what_is_unread_is_counted_while_there_is_something_and_at_intervals() {
    let (mut engine, _leasing) = engine();
    let now = Instant::now() + Duration::from_secs(1);
    assert!(engine.next_count(now).is_none(), "no shard is held");
    let now = now + Duration::from_secs(3600);
    engine.adopt(held(&[(3, 7, false)]));
    let count = engine.next_count(now);
    assert!(matches!(count, Some(Read::Count { ref shards, waiting: false, .. }) if *shards == [3]));
    assert!(engine.next_count(now).is_none(), "it was counted");
    read_page(&mut engine, Vec::new());
    let later = now + Duration::from_secs(3600);
    assert!(engine.next_count(later).is_none(), "everything was read");
    engine.waiting.note(Turn::UntilDecided, now);
    assert!(matches!(engine.next_count(later), Some(Read::Count { waiting: true, .. })));
}

#[tokio::test]
async fn a_write_that_failed_is_kept_to_be_repeated_and_its_events_stay_in_flight() {
    let (mut engine, _leasing) = engine();
    engine.adopt(held(&[(3, 7, false)]));
    read_page(&mut engine, vec![sample(1, "a"), sample(2, "a")]);
    let settlement = Settlement { published: vec![take_one(&mut engine)], ..Settlement::default() };
    engine.on_settled(Settled { settlement, result: Err(DatabaseFault::NoAnswer(5)) });
    assert!(engine.write_trouble.is_some() && !engine.timing.writes.are_over());
    assert_eq!(engine.busy[3], 1);
    assert!(engine.take_ready(10).is_empty(), "2 waits for 1");
    let settlement = engine.unsettled.take().expect("it is to be written again");
    assert!(settlement.is_repeated);
    engine.on_settled(Settled { settlement, result: Ok(()) });
    assert!(engine.write_trouble.is_none() && engine.timing.writes.are_over());
    assert!(engine.unsettled.is_none() && engine.is_drained());
    assert_eq!(seqs(&engine.take_ready(10)), [2]);
}

#[tokio::test]
async fn whatever_is_decided_about_an_event_it_is_in_flight_no_more_and_what_was_refused_is_looked_for() {
    let published = |event: Event| Settlement { published: vec![event], ..Settlement::default() };
    let discarded = |event: Event| Settlement { discarded: vec![event], ..Settlement::default() };
    let dead = |event: Event| Dead { event, reason: "nacked", error: "an error".to_owned() };
    let buried = |event: Event| Settlement { dead: vec![dead(event)], ..Settlement::default() };
    let kept = |event: Event| Settlement { held: vec![dead(event)], ..Settlement::default() };
    let retried = |event: Event| {
        let retry = Retry { event, retry_count: 1, wait_ms: Some(700), error: "an error".to_owned() };
        Settlement { retries: vec![retry], ..Settlement::default() }
    };
    let kinds: [(&dyn Fn(Event) -> Settlement, bool); 5] =
        [(&published, false), (&discarded, false), (&buried, false), (&kept, true), (&retried, true)];
    for (number, (decided, is_looked_for)) in kinds.into_iter().enumerate() {
        let (mut engine, _leasing) = engine();
        engine.adopt(held(&[(3, 7, false)]));
        read_page(&mut engine, vec![sample(1, "a"), sample(2, "a")]);
        let settlement = decided(take_one(&mut engine));
        engine.on_settled(Settled { settlement, result: Ok(()) });
        assert!(engine.is_drained(), "{number}");
        assert_eq!(engine.waiting.any(), is_looked_for, "{number}");
        let next = if is_looked_for { vec![] } else { vec![2] };
        assert_eq!(seqs(&engine.take_ready(10)), next, "{number}: a refused event holds its successors back");
    }
}

#[tokio::test]
async fn what_comes_back_from_an_earlier_lease_has_its_shard_read_again_under_the_new_one() {
    let (mut engine, _leasing) = engine();
    engine.adopt(held(&[(3, 7, false)]));
    read_page(&mut engine, vec![sample(1, "a")]);
    let early = take_one(&mut engine);
    engine.adopt(held(&[(3, 8, false)]));
    assert!(!engine.cursors.holds(3), "not while an event of the earlier lease is in flight");
    let messages = vec![(Message::Event(early), Verdict::Unknown)];
    engine.on_broker(BrokerEvent::Lost { messages, culprits: Vec::new() });
    assert!(engine.is_drained() && engine.taken == 0);
    engine.adopt(held(&[(3, 8, false)]));
    read_page(&mut engine, vec![sample(1, "a")]);
    assert_eq!(seqs(&engine.take_ready(10)), [1]);
}
