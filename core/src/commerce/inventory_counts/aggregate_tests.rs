use super::*;
use crate::application::error::DomainError;
use crate::commerce::stock::{MovementKind, PlaceRef, StockLevel};
use crate::values::goods::Units;
use crate::values::ids::{ProductId, StockId};
use crate::values::money::UnitPrice;

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_796_000_000 + second, 0).expect("a time")
}

fn units(text: &str) -> Units {
    Units::parse(text).expect("an amount")
}

fn count(categories: Option<Vec<CategoryId>>, blind: bool) -> InventoryCount {
    let new = NewInventoryCount {
        reference: None,
        warehouse_id: WarehouseId::from_uuid(uuid::Uuid::from_u128(1)),
        categories,
        locations: None,
        blind,
        created_by: "a test".to_owned(),
    };
    InventoryCount::create(InventoryCountId::generate(), new, at(0)).expect("valid").0
}

fn in_review() -> InventoryCount {
    let mut count = count(None, true);
    count.start(None, 1, at(1)).expect("open");
    count.send_to_review(0, None, at(2)).expect("counting");
    count
}

/// A level of `on_hand` units that cost 2.50 each, and what was counted of it.
fn counted(count: &InventoryCount, on_hand: &str, counted: &str) -> (StockLevel, Deviation) {
    let product = ProductId::generate();
    let texts = ("P-1".to_owned(), "A thing".to_owned());
    let mut level = StockLevel::open(StockId::generate(), count.warehouse_id(), product, texts, at(0));
    let document = DocumentRef {
        kind: DocumentType::Receipt,
        id: uuid::Uuid::from_u128(2),
        line: Some(1),
        reason: None,
        business_date: BusinessDate::of(at(0)),
    };
    let cost = UnitPrice::parse("2.50").expect("valid");
    level.receive(MovementKind::Receipt, &units(on_hand), Some(&cost), &document).expect("countable");
    let deviation = Deviation {
        product_id: product,
        location: None,
        sku: "P-1".to_owned(),
        name: "A thing".to_owned(),
        expected: units(on_hand),
        counted: units(counted),
        average_cost: UnitPrice::zero(),
    };
    (level, deviation)
}

fn code(refused: Result<InventoryCountEvent, InventoryCountError>) -> &'static str {
    refused.expect_err("refused").code()
}

#[test]
fn a_count_goes_its_way_and_back_for_what_is_counted_again() {
    let mut count = count(None, false);
    assert_eq!(code(count.send_to_review(0, None, at(1))), "inventory_count_state_conflict");
    assert_eq!(code(count.ask_recount(at(1))), "inventory_count_state_conflict");
    assert!(count.check_may_close().is_err() && count.check_counting().is_err());
    let started = count.start(None, 3, at(1)).expect("open");
    assert!(matches!(started, InventoryCountEvent::Started { lines: 3, .. }));
    assert_eq!(code(count.start(None, 3, at(2))), "inventory_count_state_conflict");
    assert!(count.check_counting().is_ok());
    count.send_to_review(0, None, at(2)).expect("counting");
    assert!(count.check_counting().is_err() && count.check_may_close().is_ok());
    count.ask_recount(at(3)).expect("in review");
    count.send_to_review(0, None, at(4)).expect("counting");
    assert_eq!((count.version, count.status(), count.started_at()), (5, CountStatus::Review, Some(at(1))));
}

#[test]
fn what_nobody_counted_is_decided_by_somebody() {
    let mut count = count(None, false);
    count.start(None, 3, at(1)).expect("open");
    let refused = count.send_to_review(2, None, at(2)).expect_err("refused");
    assert_eq!((refused.code(), count.status()), ("inventory_count_incomplete", CountStatus::Counting));
    assert!(refused.to_string().starts_with("2 lines"), "{refused}");
    count.send_to_review(2, Some(Uncounted::Leave), at(2)).expect("decided");
}

#[test]
fn a_count_of_too_much_is_refused_before_it_freezes_anything() {
    let mut large = count(None, false);
    assert_eq!(code(large.start(None, MAX_LINES + 1, at(1))), "inventory_count_too_large");
    large.start(None, MAX_LINES, at(1)).expect("as many as there may be");
    let new = |number: usize| NewInventoryCount {
        reference: None,
        warehouse_id: WarehouseId::generate(),
        categories: Some((0..number).map(|_| CategoryId::generate()).collect()),
        locations: None,
        blind: false,
        created_by: String::new(),
    };
    for (number, is_valid) in [(0, false), (1, true), (MAX_CATEGORIES, true), (MAX_CATEGORIES + 1, false)] {
        let created = InventoryCount::create(InventoryCountId::generate(), new(number), at(0));
        assert_eq!(created.is_ok(), is_valid, "{number}");
    }
}

#[test]
fn a_count_covers_its_warehouse_or_its_categories_and_what_is_below_them() {
    let (tea, green, pots) = (CategoryId::generate(), CategoryId::generate(), CategoryId::generate());
    let mut whole = count(None, false);
    whole.start(None, 1, at(1)).expect("open");
    assert!(whole.covers(None) && whole.covers(Some(pots)));
    let mut of_tea = count(Some(vec![tea]), false);
    assert!(!of_tea.covers(Some(tea)), "nothing is frozen before it begins");
    of_tea.start(Some(vec![tea, green]), 1, at(1)).expect("open");
    assert!(of_tea.covers(Some(tea)) && of_tea.covers(Some(green)));
    assert!(!of_tea.covers(Some(pots)) && !of_tea.covers(None));
}

#[test]
fn what_is_expected_is_hidden_until_it_is_reviewed() {
    let mut blind = count(None, true);
    blind.start(None, 1, at(1)).expect("open");
    assert!(blind.hides_expected());
    blind.send_to_review(0, None, at(2)).expect("counting");
    assert!(!blind.hides_expected());
    blind.ask_recount(at(3)).expect("in review");
    assert!(blind.hides_expected(), "whoever counts again does not see it either");
    let mut seen = count(None, false);
    seen.start(None, 1, at(1)).expect("open");
    assert!(!seen.hides_expected());
}

#[test]
fn closing_posts_what_differs_at_average_cost() {
    let mut count = in_review();
    let (less, missing) = counted(&count, "24", "21.5");
    let (more, found) = counted(&count, "3", "7");
    let (missing_id, found_id) = (missing.product_id, found.product_id);
    let mut levels = Levels::of_levels([less, more]);
    let on = BusinessDate::of(at(3));
    let event = count.close(vec![missing, found], &mut levels, on, at(3)).expect("in review");
    let InventoryCountEvent::Closed { deviations, .. } = event else { panic!("{event:?}") };
    assert_eq!(deviations.iter().map(|line| line.change().to_string()).collect::<Vec<_>>(), ["-2.5", "4"]);
    let totals = count.totals().expect("closed");
    assert_eq!((totals.gained.to_string(), totals.lost.to_string()), ("10.00".to_owned(), "6.25".to_owned()));
    assert_eq!((totals.differing, count.closed_at()), (2, Some(at(3))));
    for (product, on_hand) in [(missing_id, "21.5"), (found_id, "7")] {
        let level = levels.get(count.warehouse_id(), product).expect("there");
        assert_eq!((level.on_hand(), level.average_cost().to_string()), (&units(on_hand), "2.50".to_owned()));
    }
}

fn shelf(code: &str) -> PlaceRef {
    PlaceRef { id: LocationId::generate(), code: code.to_owned() }
}

#[test]
fn a_count_is_of_categories_or_of_locations() {
    let new = |locations: usize, categories: Option<Vec<CategoryId>>| NewInventoryCount {
        reference: None,
        warehouse_id: WarehouseId::generate(),
        categories,
        locations: Some((0..locations).map(|_| LocationId::generate()).collect()),
        blind: false,
        created_by: String::new(),
    };
    let code = |new: NewInventoryCount| {
        let created = InventoryCount::create(InventoryCountId::generate(), new, at(0));
        created.err().map(|refused| refused.fields()[0].code)
    };
    assert_eq!(code(new(1, None)), None);
    assert_eq!(code(new(MAX_LOCATIONS, None)), None);
    assert_eq!(code(new(0, None)), Some("location_count"));
    assert_eq!(code(new(MAX_LOCATIONS + 1, None)), Some("location_count"));
    assert_eq!(code(new(1, Some(vec![CategoryId::generate()]))), Some("two_scopes"));
}

#[test]
fn what_is_missing_in_one_location_and_found_in_another_is_posted_in_both() {
    let mut count = in_review();
    let (mut level, missing) = counted(&count, "10", "10");
    let document = DocumentRef {
        kind: DocumentType::Relocation,
        id: uuid::Uuid::from_u128(3),
        line: Some(1),
        reason: None,
        business_date: BusinessDate::of(at(0)),
    };
    let (near, far) = (shelf("A-01"), shelf("B-01"));
    level.put_away(&near, &units("6"), &document).expect("there");
    // All of it is promised: nothing may be missing in between.
    level.promise(&units("10"), false, &document).expect("free");
    let there = |location: &PlaceRef, expected: &str, counted: &str| Deviation {
        location: Some(location.clone()),
        expected: units(expected),
        counted: units(counted),
        ..missing.clone()
    };
    let deviations = vec![there(&near, "6", "1"), there(&far, "0", "5")];
    let mut levels = Levels::of_levels([level]);
    let on = BusinessDate::of(at(3));
    count.close(deviations.clone(), &mut levels, on, at(3)).expect("in review");
    let level = levels.get(count.warehouse_id(), missing.product_id).expect("there");
    assert_eq!((level.on_hand_in(near.id), level.on_hand_in(far.id)), (units("1"), units("5")));
    assert_eq!((level.on_hand(), level.loose()), (&units("10"), units("4")));
    let totals = count.totals().expect("closed");
    assert_eq!((totals.gained.to_string(), totals.lost.to_string()), ("0.00".to_owned(), "0.00".to_owned()));
    assert_eq!(totals.differing, 2, "two lines do");

    let mut again = in_review();
    let refused = again.close(deviations, &mut levels, on, at(3)).expect_err("it is not what it was");
    assert_eq!(refused.code(), "inventory_count_outdated");
}

#[test]
fn only_what_a_product_differs_by_in_all_its_locations_is_gained_or_lost() {
    let (tea, pot) = (ProductId::generate(), ProductId::generate());
    let line = |product_id, expected: &str, counted: &str, cost: &str| Deviation {
        product_id,
        location: Some(shelf("A-01")),
        sku: "P-1".to_owned(),
        name: "A thing".to_owned(),
        expected: units(expected),
        counted: units(counted),
        average_cost: UnitPrice::parse(cost).expect("valid"),
    };
    let net = net_of(&[
        line(tea, "6", "1", "2.50"),
        line(pot, "1", "3", "0.333"),
        line(tea, "0", "4", "2.50"),
        line(pot, "1", "2", "0.333"),
    ]);
    let told = |product| {
        let net = &net[&product];
        let values = [net.value(&net.gained), net.value(&net.lost)].map(|value| value.to_string());
        (net.gained.to_string(), net.lost.to_string(), values.join(" "))
    };
    assert_eq!(told(tea), ("0".to_owned(), "1".to_owned(), "0.00 2.50".to_owned()));
    assert_eq!(told(pot), ("3".to_owned(), "0".to_owned(), "1.00 0.00".to_owned()), "rounded once");
}

#[test]
fn a_count_has_the_locations_that_it_names() {
    let (near, far) = (LocationId::generate(), LocationId::generate());
    let mut of_near = count(None, false);
    let refused = of_near.check_has(near).expect_err("it is not of locations");
    assert_eq!(refused.fields()[0].pointer, "/location_id");
    of_near.locations = Some(vec![near]);
    assert_eq!(of_near.check_has(near), Ok(()));
    let refused = of_near.check_has(far).expect_err("it does not have it");
    assert_eq!((refused.code(), refused.fields()[0].code), ("invalid_inventory_count", "out_of_scope"));
}

#[test]
fn what_moved_all_the_same_is_not_posted_over() {
    let mut count = in_review();
    let (level, mut deviation) = counted(&count, "24", "21");
    deviation.expected = units("25");
    let mut levels = Levels::of_levels([level]);
    let on = BusinessDate::of(at(3));
    let refused = count.close(vec![deviation.clone()], &mut levels, on, at(3)).expect_err("refused");
    assert_eq!((refused.code(), count.status()), ("inventory_count_outdated", CountStatus::Review));
    let refused = count.close(vec![deviation], &mut Levels::default(), on, at(3)).expect_err("refused");
    assert_eq!(refused.code(), "inventory_count_outdated", "there is no such level");
}

#[test]
fn a_count_is_cancelled_until_it_is_over() {
    let reason = || CountCancellation::parse("a mistake").expect("valid");
    let mut planned = count(None, false);
    let event = planned.cancel(reason(), at(1)).expect("open");
    assert!(matches!(event, InventoryCountEvent::Cancelled { previous_status: CountStatus::Open, .. }));
    assert_eq!(code(planned.cancel(reason(), at(2))), "inventory_count_state_conflict");
    let mut reviewed = in_review();
    reviewed.cancel(reason(), at(3)).expect("in review");
    assert_eq!(reviewed.cancelled_at(), Some(at(3)));
    let mut closed = in_review();
    closed
        .close(Vec::new(), &mut Levels::default(), BusinessDate::of(at(3)), at(3))
        .expect("nothing differs");
    assert_eq!(code(closed.cancel(reason(), at(4))), "inventory_count_state_conflict");
}

#[test]
fn names_are_read_back() {
    for status in CountStatus::ALL {
        assert_eq!(CountStatus::from_name(status.as_str()), Some(status));
    }
    for state in LineState::ALL {
        assert_eq!(LineState::from_name(state.as_str()), Some(state));
    }
    assert_eq!((CountStatus::from_name(""), LineState::from_name("differs")), (None, None));
}
