//! Given, when, then of the stock of a product in a warehouse.

use proptest::prelude::*;

use super::*;

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000 + second, 0).expect("a valid time")
}

fn units(text: &str) -> Units {
    Units::parse(text).expect("an amount")
}

fn cost(text: &str) -> UnitPrice {
    UnitPrice::parse(text).expect("a cost")
}

fn document() -> DocumentRef {
    DocumentRef {
        kind: DocumentType::Order,
        id: Uuid::nil(),
        line: Some(1),
        reason: None,
        business_date: BusinessDate::of(at(0)),
    }
}

fn shelf(on_hand: &str) -> StockLevel {
    let texts = ("TEA".to_owned(), "Tea".to_owned());
    let (id, warehouse) = (StockId::generate(), WarehouseId::generate());
    let mut level = StockLevel::open(id, warehouse, ProductId::generate(), texts, at(0));
    if on_hand != "0" {
        level
            .receive(MovementKind::Receipt, &units(on_hand), Some(&cost("2")), &document())
            .expect("countable");
    }
    level
}

fn amounts(level: &StockLevel) -> String {
    format!("{} {} {}", level.on_hand, level.reserved, level.waiting)
}

#[test]
fn who_moves_what_is_being_counted_is_told_which_count_it_is() {
    let count = crate::values::ids::InventoryCountId::generate();
    let refused = StockError::Frozen { count };
    assert_eq!((refused.category(), refused.code()), (Category::Conflict, "stock_frozen"));
    assert!(refused.to_string().contains(&count.to_string()), "{refused}");
    let fields = refused.fields();
    let told: Vec<_> = fields.iter().map(|field| field.inventory_count_id.clone()).collect();
    assert_eq!(told, [Some(count.to_string().into())]);
}

#[test]
fn only_what_changes_on_hand_moves_goods() {
    let mut level = shelf("10");
    level.posted.clear();
    assert!(!level.moves_goods());
    level.promise(&units("4"), false, &document()).expect("enough");
    level.release(&Held { reserved: units("1"), waiting: Units::zero() }, &document());
    assert!(!level.moves_goods(), "a promise moves nothing");
    level.issue(&units("2"), &document()).expect("reserved");
    assert!(level.moves_goods());
}

#[test]
fn the_average_cost_is_weighted_by_what_is_there_and_what_comes() {
    let mut level = shelf("10");
    level.receive(MovementKind::Receipt, &units("20"), Some(&cost("3.5")), &document()).expect("countable");
    assert_eq!(level.average_cost().to_string(), "3.00");
    level.receive(MovementKind::Receipt, &units("1"), Some(&cost("0")), &document()).expect("countable");
    // 90 / 31 = 2.903225806…
    assert_eq!(level.average_cost().to_string(), "2.903226");
    level.receive(MovementKind::Return, &units("5"), None, &document()).expect("countable");
    assert_eq!(level.average_cost().to_string(), "2.903226", "what comes without a cost changes nothing");
}

#[test]
fn an_average_of_nothing_is_the_cost_of_what_comes() {
    let mut level = shelf("4");
    level.remove(MovementKind::WriteOff, &units("4"), None, &document()).expect("there");
    level.receive(MovementKind::Receipt, &units("1"), Some(&cost("9")), &document()).expect("countable");
    assert_eq!(level.average_cost().to_string(), "9.00");
}

#[test]
fn goods_that_came_at_a_wrong_cost_go_with_it_and_the_average_is_as_before() {
    let mut level = shelf("0");
    let receive = |level: &mut StockLevel, number: &str, at: &str| {
        level
            .receive(MovementKind::Receipt, &units(number), Some(&cost(at)), &document())
            .expect("countable");
    };
    let remove = |level: &mut StockLevel, number: &str, at: &str| {
        level.remove(MovementKind::Adjustment, &units(number), Some(&cost(at)), &document())
    };
    receive(&mut level, "100", "7");
    receive(&mut level, "100", "70");
    // 7,700 / 200
    assert_eq!(level.average_cost().to_string(), "38.50");
    level.posted.clear();
    remove(&mut level, "100", "70").expect("there");
    assert_eq!((amounts(&level).as_str(), level.average_cost().to_string().as_str()), ("100 0 0", "7.00"));
    let moved = &level.posted[0];
    assert_eq!((moved.unit_cost.as_ref(), &moved.average_cost), (Some(&cost("70")), level.average_cost()));
    // 100 × 7 − 30 × 8.5 = 445 on 70: 6.35714285…
    remove(&mut level, "30", "8.5").expect("there");
    assert_eq!(level.average_cost().to_string(), "6.357143");
    // Without a cost, it stays.
    level.remove(MovementKind::Adjustment, &units("1"), None, &document()).expect("there");
    assert_eq!(level.average_cost().to_string(), "6.357143");
    // Of nothing, too.
    remove(&mut level, "69", "0").expect("there");
    assert_eq!((amounts(&level).as_str(), level.average_cost().to_string().as_str()), ("0 0 0", "6.357143"));
}

#[test]
fn what_remains_is_never_worth_less_than_nothing() {
    let mut level = shelf("10");
    let remove = |level: &mut StockLevel, number: &str, at: &str| {
        level.remove(MovementKind::Adjustment, &units(number), Some(&cost(at)), &document())
    };
    // 20 is what all of it is worth, and 20.25 more than that.
    let refused = remove(&mut level, "1", "20.25").expect_err("too much");
    assert_eq!((refused.category(), refused.code()), (Category::Conflict, "cost_beyond_value"));
    assert_eq!(refused.fields()[0].pointer, "/lines/0/unit_cost");
    assert_eq!((amounts(&level).as_str(), level.average_cost().to_string().as_str()), ("10 0 0", "2.00"));
    remove(&mut level, "1", "20").expect("all of its value");
    assert_eq!(level.average_cost().to_string(), "0.00");

    // 1 / 3 was rounded to 0.333333, and three of them are worth 0.999999: what came at 1 is taken back all the same.
    let mut level = shelf("0");
    for (number, at) in [("2", "0"), ("1", "1")] {
        level
            .receive(MovementKind::Receipt, &units(number), Some(&cost(at)), &document())
            .expect("countable");
    }
    remove(&mut level, "1", "1").expect("it came at that");
    assert_eq!(level.average_cost().to_string(), "0.00");

    // All of it is worth 1,019,999,999, which would be what the last one costs: a cost that nobody could name.
    let mut level = shelf("10000000");
    level
        .receive(MovementKind::Receipt, &units("1"), Some(&cost("999999999")), &document())
        .expect("countable");
    assert!(matches!(remove(&mut level, "10000000", "0"), Err(StockError::CostBeyondValue { .. })));
}

#[test]
fn an_order_has_what_is_free_and_no_more() {
    let mut level = shelf("5");
    let held = level.promise(&units("3"), false, &document()).expect("enough");
    assert_eq!((held.reserved, held.waiting), (units("3"), units("0")));
    let short = level.promise(&units("2.5"), false, &document()).expect_err("too few");
    let StockError::Short(lines) = short else { panic!("{short}") };
    assert_eq!((lines[0].wanted.to_string(), lines[0].available.to_string()), ("2.5".into(), "2".into()));
    assert_eq!(amounts(&level), "5 3 0");
}

#[test]
fn a_back_order_has_what_is_free_and_waits_for_the_rest() {
    let mut level = shelf("5");
    let held = level.promise(&units("7"), true, &document()).expect("it waits");
    assert_eq!((held.reserved, held.waiting), (units("5"), units("2")));
    assert_eq!(amounts(&level), "5 5 2");
}

#[test]
fn what_could_not_be_counted_is_not_promised() {
    let large = |text: &str| Units::stored(text.parse::<BigDecimal>().expect("a number"));
    let mut level = shelf("100");
    level.promise(&units("100"), false, &document()).expect("enough");
    level.promise(&large("999999999899"), true, &document()).expect("it waits");
    let refused = level.promise(&units("1"), true, &document()).expect_err("one too many");
    assert_eq!((refused.category(), refused.code()), (Category::Invalid, "stock_too_large"));
    assert_eq!(amounts(&level), "100 100 999999999899");
    // Who has goods may wait for them instead.
    level.revoke(&units("100"), &document());
    assert_eq!(amounts(&level), "100 0 999999999999");
    assert!(level.waiting().fits());
}

#[test]
fn what_others_wait_for_is_not_free() {
    let mut level = shelf("0");
    level.promise(&units("4"), true, &document()).expect("it waits");
    level.receive(MovementKind::Receipt, &units("5"), None, &document()).expect("countable");
    assert_eq!((level.available(), level.free()), (units("5"), units("1")));
    assert!(level.promise(&units("2"), false, &document()).is_err());
    level.promise(&units("1"), false, &document()).expect("one is free");
    assert_eq!(level.serve(&units("4"), &document()), units("4"));
    assert_eq!(amounts(&level), "5 5 0");
}

#[test]
fn who_waits_gets_what_is_available() {
    let mut level = shelf("0");
    level.promise(&units("4"), true, &document()).expect("it waits");
    level.receive(MovementKind::Receipt, &units("3"), None, &document()).expect("countable");
    assert_eq!(level.serve(&units("4"), &document()), units("3"));
    assert_eq!(level.serve(&units("1"), &document()), units("0"));
    assert_eq!(amounts(&level), "3 3 1");
}

#[test]
fn a_cancelled_order_gives_back_exactly_what_it_had() {
    let mut level = shelf("5");
    let other = level.promise(&units("1"), false, &document()).expect("enough");
    let held = level.promise(&units("6"), true, &document()).expect("it waits");
    level.release(&held, &document());
    assert_eq!(amounts(&level), "5 1 0");
    level.release(&other, &document());
    assert_eq!(amounts(&level), "5 0 0");
}

#[test]
fn goods_leave_that_were_reserved() {
    let mut level = shelf("5");
    level.promise(&units("2"), false, &document()).expect("enough");
    level.issue(&units("2"), &document()).expect("reserved");
    assert_eq!(amounts(&level), "3 0 0");
    assert!(matches!(level.issue(&units("1"), &document()), Err(StockError::Unreserved { .. })));
}

#[test]
fn what_is_reserved_is_not_taken_away_until_it_is_given_back() {
    let mut level = shelf("5");
    level.promise(&units("4"), false, &document()).expect("enough");
    assert!(matches!(
        level.remove(MovementKind::WriteOff, &units("3"), None, &document()),
        Err(StockError::Promised(_))
    ));
    assert_eq!(level.overpromised(&units("3")), units("2"));
    level.revoke(&units("2"), &document());
    level.remove(MovementKind::WriteOff, &units("3"), None, &document()).expect("given back");
    assert_eq!(amounts(&level), "2 2 2");
    assert!(matches!(
        level.remove(MovementKind::WriteOff, &units("9"), None, &document()),
        Err(StockError::Missing(_))
    ));
}

fn place(code: &str) -> PlaceRef {
    PlaceRef { id: LocationId::generate(), code: code.to_owned() }
}

/// What lies in no location, and what in each, by code.
fn shelves(level: &StockLevel) -> String {
    let places = level.places.iter().map(|place| format!("{} {}", place.location.code, place.on_hand));
    let all: Vec<String> = std::iter::once(level.loose().to_string()).chain(places).collect();
    all.join(", ")
}

#[test]
fn goods_are_put_into_locations_and_taken_out_and_what_is_on_hand_stays() {
    let mut level = shelf("10");
    let (near, far) = (place("A-01"), place("B-01"));
    level.posted.clear();
    level.put_away(&far, &units("6"), &document()).expect("there");
    level.put_away(&near, &units("1"), &document()).expect("there");
    assert_eq!(shelves(&level), "3, A-01 1, B-01 6");
    level.pick(&far, &units("2.5"), &document()).expect("there");
    level.put_away(&near, &units("2.5"), &document()).expect("there");
    level.pick(&near, &units("3.5"), &document()).expect("there");
    assert_eq!(shelves(&level), "6.5, B-01 3.5", "what is empty is none of its places");
    assert_eq!((amounts(&level).as_str(), level.posted.len()), ("10 0 0", 0));
    assert!(level.is_changed() && level.moves_between_places() && !level.moves_goods());
    let changes: Vec<_> =
        level.relocated().iter().map(|moved| format!("{} {}", moved.change, moved.on_hand)).collect();
    assert_eq!(changes, ["6 6", "1 1", "-2.5 3.5", "2.5 3.5", "-3.5 0"]);
    for refused in [
        level.pick(&far, &units("4"), &document()),
        level.put_away(&far, &units("7"), &document()),
        level.pick(&near, &units("1"), &document()),
    ] {
        assert!(matches!(refused, Err(StockError::Missing(_))), "{refused:?}");
    }
    assert_eq!(shelves(&level), "6.5, B-01 3.5");
}

#[test]
fn what_leaves_is_taken_from_no_location_first_and_then_by_code() {
    let mut level = shelf("10");
    for (code, amount) in [("C-01", "2"), ("A-01", "3"), ("B-01", "4")] {
        level.put_away(&place(code), &units(amount), &document()).expect("there");
    }
    level.remove(MovementKind::WriteOff, &units("2"), None, &document()).expect("there");
    assert_eq!(shelves(&level), "0, A-01 2, B-01 4, C-01 2");
    level.promise(&units("7"), false, &document()).expect("enough");
    level.issue(&units("7"), &document()).expect("reserved");
    assert_eq!(shelves(&level), "0, C-01 1");
    level.receive(MovementKind::Return, &units("1"), None, &document()).expect("countable");
    assert_eq!(shelves(&level), "1, C-01 1", "what comes lies in none");
    let refused = level.remove(MovementKind::WriteOff, &units("3"), None, &document());
    assert!(matches!(refused, Err(StockError::Missing(_))) && shelves(&level) == "1, C-01 1", "{refused:?}");
}

#[test]
fn a_product_lies_in_a_thousand_locations_at_most() {
    let mut level = shelf("5000");
    for number in 0..places::MAX_PLACES {
        level.put_away(&place(&format!("A-{number:04}")), &units("1"), &document()).expect("one more");
    }
    let refused = level.put_away(&place("B"), &units("1"), &document()).expect_err("too many");
    assert_eq!((refused.category(), refused.code()), (Category::Conflict, "too_many_places"));
    let known = level.places[0].location.clone();
    level.put_away(&known, &units("1"), &document()).expect("it lies there already");
}

#[test]
fn a_level_that_changes_often_is_told_at_intervals() {
    let mut level = shelf("5");
    assert!(matches!(level.close(at(0)).as_slice(), [StockEvent::LevelChanged(_)]));
    level.promise(&units("1"), false, &document()).expect("enough");
    assert_eq!(level.close(at(0)), vec![]);
    assert_eq!(level.tell(at(4)), None, "it was told less than five seconds ago");
    assert!(matches!(level.tell(at(5)), Some(StockEvent::LevelChanged(told)) if told.reserved == units("1")));
    assert_eq!(level.tell(at(10)), None, "nothing has changed since");
    assert_eq!(level.close(at(11)), vec![], "nothing has changed at all");
    assert_eq!(level.version(), 3);
}

#[test]
fn a_level_is_low_once_until_it_has_been_above() {
    let mut level = shelf("5");
    level.set_reorder(Some(ReorderRule { point: units("3"), quantity: units("10") }));
    let low = |level: &mut StockLevel, second| {
        level.close(at(second)).iter().any(|event| matches!(event, StockEvent::LevelLow(_)))
    };
    assert!(!low(&mut level, 0));
    for (second, taken, told) in [(2, "2", true), (4, "1", false)] {
        level.promise(&units(taken), false, &document()).expect("enough");
        assert_eq!(low(&mut level, second), told, "{taken}");
    }
    level.receive(MovementKind::Receipt, &units("9"), None, &document()).expect("countable");
    assert!(!low(&mut level, 6));
    level.promise(&units("9"), false, &document()).expect("enough");
    assert!(low(&mut level, 8));
}

#[derive(Debug, Clone)]
enum Step {
    Receive(u32),
    Promise(u32, bool),
    Serve,
    Release,
    Issue,
    Remove(u32),
    Revoke(u32),
    PutAway(usize, u32),
    Pick(usize, u32),
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (1u32..50).prop_map(Step::Receive),
        (1u32..50, any::<bool>()).prop_map(|(units, waits)| Step::Promise(units, waits)),
        Just(Step::Serve),
        Just(Step::Release),
        Just(Step::Issue),
        (1u32..50).prop_map(Step::Remove),
        (1u32..50).prop_map(Step::Revoke),
        (0usize..3, 1u32..50).prop_map(|(place, units)| Step::PutAway(place, units)),
        (0usize..3, 1u32..50).prop_map(|(place, units)| Step::Pick(place, units)),
    ]
}

proptest! {
    /// Whatever happens, the level is the sum of its movements, nothing is promised that is not there, what lies in locations is the sum
    /// of theirs, and what orders hold is what the level says.
    #[test]
    fn the_ledger_explains_the_level(steps in prop::collection::vec(any_step(), 0..60)) {
        let of = |number: u32| units(&number.to_string());
        let mut level = shelf("0");
        let at = [place("A"), place("B"), place("C")];
        let mut orders: Vec<Held> = Vec::new();
        for step in steps {
            match step {
                Step::Receive(number) => {
                    level.receive(MovementKind::Receipt, &of(number), Some(&cost("1.5")), &document()).expect("countable");
                }
                Step::Promise(number, waits) => orders.extend(level.promise(&of(number), waits, &document()).ok()),
                Step::Serve => {
                    for held in &mut orders {
                        let got = level.serve(&held.waiting, &document());
                        held.reserved = held.reserved.plus(&got);
                        held.waiting = held.waiting.less(&got);
                    }
                }
                Step::Release => {
                    if let Some(held) = orders.pop() {
                        level.release(&held, &document());
                    }
                }
                Step::Issue => {
                    if let Some(held) = orders.iter_mut().find(|held| !held.reserved.is_zero()) {
                        let units = std::mem::replace(&mut held.reserved, Units::zero());
                        level.issue(&units, &document()).expect("reserved");
                    }
                }
                Step::Remove(number) => drop(level.remove(MovementKind::Adjustment, &of(number), None, &document())),
                Step::PutAway(place, number) => drop(level.put_away(&at[place], &of(number), &document())),
                Step::Pick(place, number) => drop(level.pick(&at[place], &of(number), &document())),
                Step::Revoke(number) => {
                    if let Some(held) = orders.iter_mut().find(|held| held.reserved >= of(number)) {
                        level.revoke(&of(number), &document());
                        held.reserved = held.reserved.less(&of(number));
                        held.waiting = held.waiting.plus(&of(number));
                    }
                }
            }
            let sum = |change: fn(&Movement) -> &UnitsChange| {
                level.posted.iter().map(|movement| change(movement).value().clone()).sum::<BigDecimal>()
            };
            prop_assert_eq!(&sum(|movement| &movement.on_hand_change), level.on_hand.value());
            prop_assert_eq!(&sum(|movement| &movement.reserved_change), level.reserved.value());
            prop_assert!(level.reserved <= level.on_hand);
            // What lies in each location is the sum of its movements, and all of them together what the level says.
            let mut located = Units::zero();
            for place in &at {
                let moved = level.relocated.iter().filter(|moved| moved.location_id == place.id);
                let moved = moved.map(|moved| moved.change.value().clone()).sum::<BigDecimal>();
                let there = level.on_hand_in(place.id);
                prop_assert_eq!(&moved, there.value());
                located = located.plus(&there);
            }
            prop_assert_eq!(&located, &level.located);
            prop_assert!(level.located <= level.on_hand);
            prop_assert!(level.places.iter().all(|place| !place.on_hand.is_zero()));
            let held = |part: fn(&Held) -> &Units| {
                orders.iter().fold(Units::zero(), |sum, held| sum.plus(part(held)))
            };
            prop_assert_eq!(&held(|held| &held.reserved), &level.reserved);
            prop_assert_eq!(&held(|held| &held.waiting), &level.waiting);
        }
    }
}
