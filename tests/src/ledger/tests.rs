use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn event(number: u128, aggregate: &str, seq: i64) -> Committed {
    Committed {
        id: Uuid::from_u128(number),
        seq,
        aggregate: aggregate.to_owned(),
        event_type: "order.placed".to_owned(),
        fate: Fate::Published,
    }
}

fn deliver(ids: &[u128]) -> Ledger {
    let mut ledger = Ledger::default();
    for id in ids {
        ledger.record(Receipt { id: Uuid::from_u128(*id), latency: None, redelivered: false });
    }
    ledger
}

#[test]
fn everything_in_order_is_sound() {
    let committed = [event(1, "a", 1), event(3, "a", 3), event(2, "b", 2)];
    let findings = deliver(&[2, 1, 3]).check(&committed);
    assert!(findings.is_sound(), "{findings:?}");
    assert!(findings.complaints(10).is_empty());
}

#[test]
fn what_did_not_arrive_is_missing() {
    let findings = deliver(&[1]).check(&[event(1, "a", 1), event(2, "a", 2)]);
    assert_eq!(findings.missing, vec![event(2, "a", 2)]);
    assert!(!findings.is_sound());
}

#[test]
fn what_nobody_committed_is_a_ghost() {
    let findings = deliver(&[1, 9]).check(&[event(1, "a", 1)]);
    assert_eq!(findings.ghosts, vec![Uuid::from_u128(9)]);
    assert!(!findings.is_sound());
}

#[test]
fn a_successor_that_arrives_first_is_out_of_order() {
    let findings = deliver(&[2, 1]).check(&[event(1, "a", 1), event(2, "a", 2)]);
    assert_eq!(findings.disorder, vec![Disorder { event: event(2, "a", 2), overtook: event(1, "a", 1) }]);
}

#[test]
fn a_repeat_is_counted_and_does_not_disturb_the_order() {
    let findings = deliver(&[1, 2, 1, 2]).check(&[event(1, "a", 1), event(2, "a", 2)]);
    assert_eq!((findings.repeats, findings.deliveries), (2, 4));
    assert!(findings.is_sound());
}

#[test]
fn a_dead_letter_is_missing_but_accounted_for() {
    let dead = Committed { fate: Fate::DeadLettered, ..event(1, "a", 1) };
    let findings = deliver(&[2]).check(&[dead, event(2, "a", 2)]);
    assert!(!findings.is_sound());
    assert!(findings.is_sound_but_for_dead_letters());
}

#[test]
fn quantiles_are_of_first_deliveries_alone() {
    let mut ledger = Ledger::default();
    for (id, millis) in [(1, 10), (2, 20), (1, 60_000)] {
        let latency = Some(Duration::from_millis(millis));
        ledger.record(Receipt { id: Uuid::from_u128(id), latency, redelivered: true });
    }
    let longest = ledger.latency(1.0).unwrap();
    assert!((Duration::from_millis(19)..Duration::from_millis(21)).contains(&longest), "{longest:?}");
    assert_eq!(Ledger::default().latency(0.5), None);
}

/// Generates histories of a few aggregates, and a delivery that interleaves them at random but keeps each in order.
fn histories() -> impl Strategy<Value = (Vec<Committed>, Vec<u128>)> {
    prop::collection::vec(0_u8..5, 1..60).prop_flat_map(|owners| {
        let mut committed: Vec<Committed> = owners
            .iter()
            .zip(1..)
            .map(|(owner, number)| {
                event(number, &format!("aggregate/{owner}"), i64::try_from(number).unwrap())
            })
            .collect();
        committed.sort_by(|a, b| (&a.aggregate, a.seq).cmp(&(&b.aggregate, b.seq)));
        let mut queues: BTreeMap<String, Vec<u128>> = BTreeMap::new();
        for event in committed.iter().rev() {
            queues.entry(event.aggregate.clone()).or_default().push(event.id.as_u128());
        }
        let picks = prop::collection::vec(any::<prop::sample::Index>(), owners.len());
        picks.prop_map(move |picks| {
            let mut queues: Vec<Vec<u128>> = queues.values().cloned().collect();
            let order = picks
                .iter()
                .map(|pick| {
                    queues.retain(|queue| !queue.is_empty());
                    let chosen = pick.index(queues.len());
                    queues[chosen].pop().unwrap()
                })
                .collect();
            (committed.clone(), order)
        })
    })
}

proptest! {
    #[test]
    fn any_interleaving_of_ordered_histories_is_sound((committed, order) in histories()) {
        prop_assert!(deliver(&order).check(&committed).is_sound());
    }

    #[test]
    fn repeats_anywhere_change_nothing_but_their_count(
        (committed, order) in histories(),
        again in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..10),
    ) {
        let mut repeated = order.clone();
        for (what, after) in &again {
            // A repeat can only come after the first delivery.
            let what = what.index(order.len());
            let first = repeated.iter().position(|id| *id == order[what]).unwrap();
            let place = first + 1 + after.index(repeated.len() - first);
            repeated.insert(place, order[what]);
        }
        let findings = deliver(&repeated).check(&committed);
        prop_assert!(findings.is_sound());
        prop_assert_eq!(findings.repeats, again.len() as u64);
    }

    #[test]
    fn a_lost_event_is_always_found((committed, order) in histories(), lost in any::<prop::sample::Index>()) {
        let lost = order[lost.index(order.len())];
        let rest: Vec<u128> = order.into_iter().filter(|id| *id != lost).collect();
        let findings = deliver(&rest).check(&committed);
        prop_assert_eq!(findings.missing.len(), 1);
        prop_assert_eq!(findings.missing[0].id.as_u128(), lost);
    }

    #[test]
    fn two_events_of_an_aggregate_that_change_places_are_always_found((committed, order) in histories()) {
        let pair = committed.windows(2).find(|pair| pair[0].aggregate == pair[1].aggregate);
        if let Some([before, after]) = pair {
            let mut wrong = order.clone();
            let find = |id: Uuid| order.iter().position(|found| *found == id.as_u128()).unwrap();
            wrong.swap(find(before.id), find(after.id));
            prop_assert!(!deliver(&wrong).check(&committed).disorder.is_empty());
        }
    }
}
