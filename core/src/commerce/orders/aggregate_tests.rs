//! Given, when, then: what an order may do, and what it refuses.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use proptest::prelude::*;

use super::super::lines::{LinePart, MAX_LINES, ReturnedPart};
use super::*;
use crate::application::aggregate::Aggregate;
use crate::application::error::{DomainError, Error};
use crate::commerce::prices::{AppliedPrice, PriceOrigin};
use crate::commerce::products::tests::details;
use crate::commerce::products::{Product, ProductDetails};
use crate::commerce::stock::{DocumentRef, DocumentType, MovementKind, StockLevel};
use crate::values::goods::Units;
use crate::values::ids::{ProductId, ReturnId, ShipmentId, StockId};
use crate::values::money::{Quantity, QuantityDecimals, UnitPrice};
use crate::values::unit::Unit;

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000 + second, 0).expect("a valid time")
}

fn product(price: &str) -> Product {
    Product::create(ProductId::generate(), details("T-1", price, "20"), at(0)).0
}

fn draft<'a>(product: &'a Product, quantity: &str, unit_price: Option<&str>) -> DraftLine<'a> {
    DraftLine {
        product,
        quantity: Quantity::parse(quantity).expect("a quantity"),
        unit_price: unit_price.map(|price| UnitPrice::parse(price).expect("a price")),
        listed: None,
    }
}

fn new(lines: Vec<DraftLine<'_>>) -> NewOrder<'_> {
    NewOrder {
        external_id: None,
        reference: None,
        customer_id: CustomerId::generate(),
        currency: Currency::euro(),
        warehouse_id: None,
        back_order: false,
        ordered_on: BusinessDate::of(at(0)),
        delivery_address: None,
        promised_on: None,
        lines,
    }
}

fn pending() -> Order {
    let product = product("10");
    of_no_stock(Order::place(OrderId::generate(), new(vec![draft(&product, "1", None)]), at(0)))
}

fn of_no_stock(placed: Result<Order, OrderError>) -> Order {
    let mut order = placed.expect("valid");
    order.lines.iter_mut().for_each(|line| line.stocked = false);
    order
}

#[test]
fn a_line_says_which_price_it_has_and_one_that_was_given_comes_before_that_of_a_list() {
    use crate::commerce::prices::{PriceScope, PriceSource};
    use crate::values::ids::PriceListId;

    let product = product("10");
    let list = PriceListId::generate();
    let listed = AppliedPrice {
        list,
        scope: PriceScope::General,
        from_quantity: Units::zero(),
        unit_price: UnitPrice::parse("9").expect("a price"),
    };
    let from_list =
        |unit_price| DraftLine { listed: Some(listed.clone()), ..draft(&product, "2", unit_price) };
    let lines = vec![draft(&product, "2", None), from_list(None), from_list(Some("8"))];
    let order = Order::place(OrderId::generate(), new(lines), at(0)).expect("valid");
    let told: Vec<_> = order.lines().iter().map(|line| (line.net_amount.to_string(), line.price)).collect();
    assert_eq!(
        told,
        [
            ("20.00".to_owned(), Some(PriceOrigin::PRODUCT)),
            ("18.00".to_owned(), Some(PriceOrigin::list(list))),
            ("16.00".to_owned(), Some(PriceOrigin::GIVEN)),
        ]
    );
    let json = serde_json::to_value(&order.lines()[1]).expect("JSON");
    assert_eq!(json["price_source"], PriceSource::List.name());
    assert_eq!(json["price_list_id"], list.to_string());
}

fn tracking() -> TrackingNumber {
    TrackingNumber::parse("1Z 999").expect("valid")
}

fn reason() -> CancellationReason {
    CancellationReason::parse("no longer needed").expect("valid")
}

#[test]
fn placing_an_order_takes_the_price_of_the_product_unless_the_line_has_its_own() {
    let product = product("10");
    let lines = vec![draft(&product, "2", None), draft(&product, "2", Some("7.5"))];
    let order = Order::place(OrderId::generate(), new(lines), at(0)).expect("valid");
    let amounts: Vec<_> = order.lines().iter().map(|line| line.net_amount.to_string()).collect();
    assert_eq!(amounts, ["20.00", "15.00"]);
    assert_eq!(order.totals().gross_total.to_string(), "42.00");
    assert_eq!((order.status(), order.version()), (OrderStatus::Pending, 1));
}

#[test]
fn an_order_without_lines_is_rejected() {
    assert_eq!(
        Order::place(OrderId::generate(), new(vec![]), at(0)).map(drop),
        Err(OrderError::LineCount(0))
    );
}

#[test]
fn an_order_with_too_many_lines_is_rejected() {
    let product = product("1");
    let lines = vec![draft(&product, "1", None); MAX_LINES + 1];
    let refused = Order::place(OrderId::generate(), new(lines), at(0)).map(drop);
    assert_eq!(refused, Err(OrderError::LineCount(MAX_LINES + 1)));
}

#[test]
fn an_archived_product_cannot_be_ordered_and_the_line_is_named() {
    let (sold, mut archived) = (product("1"), product("1"));
    archived.archive(at(1)).expect("allowed");
    let lines = vec![draft(&sold, "1", None), draft(&archived, "1", None)];
    let refused = Order::place(OrderId::generate(), new(lines), at(2)).map(drop).expect_err("rejected");
    assert_eq!(refused, OrderError::ProductsArchived(vec![1]));
    assert_eq!(refused.fields()[0].pointer, "/lines/1/product_id");
}

#[test]
fn a_quantity_has_no_more_decimals_than_its_product_allows() {
    let product = |decimals| {
        let quantity_decimals = QuantityDecimals::new(decimals).expect("valid");
        let details = ProductDetails { quantity_decimals, ..details("T-1", "1", "20") };
        Product::create(ProductId::generate(), details, at(0)).0
    };
    let (counted, weighed) = (product(0), product(3));
    let lines = vec![
        draft(&counted, "2.000", None),
        draft(&counted, "1.5", None),
        draft(&weighed, "1.125", None),
        draft(&weighed, "1.1255", None),
    ];
    let refused = Order::place(OrderId::generate(), new(lines), at(0)).map(drop).expect_err("rejected");
    let fields = refused.fields();
    let told: Vec<_> = fields.iter().map(|field| (field.pointer.as_str(), field.code)).collect();
    assert_eq!(told, [("/lines/1/quantity", "too_precise"), ("/lines/3/quantity", "too_precise")]);
    assert_eq!(refused.code(), "invalid_order");
    assert!(fields[1].message.contains("C62 (one), may have 3 digits"), "{}", fields[1].message);
}

#[test]
fn a_total_that_no_column_could_hold_is_rejected() {
    let product = product("999999999");
    let refused =
        Order::place(OrderId::generate(), new(vec![draft(&product, "999999999", None)]), at(0)).map(drop);
    assert_eq!(refused, Err(OrderError::TotalTooLarge));
}

/// Two lines that are kept in stock, ten of each ordered: so many are on hand.
fn stocked(on_hand: [&str; 2]) -> (Order, Levels) {
    let products = [product("10"), product("20")];
    let mut new = new(products.iter().map(|product| draft(product, "10", None)).collect());
    let warehouse = WarehouseId::generate();
    (new.warehouse_id, new.back_order) = (Some(warehouse), true);
    let mut order = Order::place(OrderId::generate(), new, at(0)).expect("valid");
    let receipt = DocumentRef { kind: DocumentType::Receipt, ..order.document(None) };
    let shelf = |(product, on_hand): (&Product, &str)| {
        let texts = ("T-1".to_owned(), "A thing".to_owned());
        let mut level = StockLevel::open(StockId::generate(), warehouse, product.id(), texts, at(0));
        let cost = UnitPrice::parse("3").ok();
        level.receive(MovementKind::Receipt, &units(on_hand), cost.as_ref(), &receipt).expect("countable");
        level
    };
    let mut levels = Levels::of_levels(products.iter().zip(on_hand).map(shelf));
    order.lines.iter_mut().for_each(|line| line.stocked = true);
    order.promise(&mut levels).expect("a back order");
    order.confirm(at(1)).expect("allowed");
    (order, levels)
}

fn units(text: &str) -> Units {
    Units::parse(text).expect("an amount")
}

fn part(position: i16, text: &str) -> LinePart {
    LinePart { position, units: units(text) }
}

fn dispatch(
    order: &mut Order,
    levels: &mut Levels,
    parts: &[LinePart],
    second: i64,
) -> Result<OrderEvent, Error> {
    let (id, on) = (ShipmentId::generate(), BusinessDate::of(at(second)));
    order.dispatch(parts, id, Some(tracking()), on, levels, at(second))
}

/// Everything that is outstanding leaves.
fn ship(order: &mut Order, second: i64) -> Result<OrderEvent, Error> {
    let parts = order.outstanding();
    dispatch(order, &mut Levels::default(), &parts, second)
}

fn progress(order: &Order) -> Vec<String> {
    let line = |line: &OrderLine| {
        format!("{} {} {}; {} {}", line.shipped, line.cancelled, line.returned, line.reserved, line.waiting)
    };
    order.lines.iter().map(line).collect()
}

fn level(order: &Order, levels: &Levels, line: usize) -> String {
    let warehouse = order.warehouse_id.expect("it has one");
    let level = levels.get(warehouse, order.lines[line].product_id).expect("there");
    format!("{} {} {}", level.on_hand(), level.reserved(), level.waiting())
}

#[test]
fn an_order_that_leaves_in_parts_stays_confirmed_until_the_last_has_left() {
    let (mut order, mut levels) = stocked(["10", "4"]);
    let left = dispatch(&mut order, &mut levels, &[part(1, "3"), part(2, "4")], 2).expect("there");
    assert!(matches!(left, OrderEvent::PartlyShipped(_)));
    assert_eq!((order.status(), order.version()), (OrderStatus::Confirmed, 3));
    assert_eq!(progress(&order), ["3 0 0; 7 0", "4 0 0; 0 6"]);
    assert_eq!((level(&order, &levels, 0).as_str(), level(&order, &levels, 1).as_str()), ("7 7 0", "0 0 6"));
    assert_eq!(order.ready(), [part(1, "7")]);
    let (place, document) = (order.places()[1], order.document(None));
    let second = levels.get_mut(place.0, place.1).expect("there");
    second.receive(MovementKind::Receipt, &units("6"), None, &document).expect("countable");
    let its_turn = BTreeSet::from([place.1]);
    assert!(matches!(order.serve(&its_turn, &mut levels, at(3)), Some(OrderEvent::Reserved(_))));
    let rest = order.ready();
    assert!(matches!(dispatch(&mut order, &mut levels, &rest, 4), Ok(OrderEvent::Shipped(_))));
    assert_eq!((order.status(), order.version(), order.shipped_at), (OrderStatus::Shipped, 5, Some(at(4))));
    assert_eq!(progress(&order), ["10 0 0; 0 0", "10 0 0; 0 0"]);
}

#[test]
fn an_order_gets_nothing_of_a_product_whose_turn_it_is_not() {
    let (mut order, mut levels) = stocked(["0", "0"]);
    let (places, document) = (order.places(), order.document(None));
    for place in &places {
        let level = levels.get_mut(place.0, place.1).expect("there");
        level.receive(MovementKind::Receipt, &units("10"), None, &document).expect("countable");
    }
    let (nothing, first) = (BTreeSet::new(), BTreeSet::from([places[0].1]));
    assert_eq!(order.serve(&nothing, &mut levels, at(2)), None);
    let got = order.serve(&first, &mut levels, at(2)).expect("it is its turn");
    assert_eq!(
        (got.order().version(), progress(&order)),
        (3, vec!["0 0 0; 10 0".to_owned(), "0 0 0; 0 10".to_owned()])
    );
    assert_eq!(level(&order, &levels, 1), "10 0 10", "somebody else may be in front");
}

#[test]
fn an_order_gives_back_of_several_products_in_one_step() {
    let (mut order, mut levels) = stocked(["10", "10"]);
    let products: BTreeSet<ProductId> = order.lines.iter().map(|line| line.product_id).collect();
    let mut missing: BTreeMap<ProductId, Units> =
        order.lines.iter().map(|line| line.product_id).zip([units("3"), units("12")]).collect();
    let none = order.give_back(&BTreeSet::new(), &mut missing, &mut levels, at(2));
    assert_eq!(none, None, "nothing of it is to be given back");
    let event = order.give_back(&products, &mut missing, &mut levels, at(2)).expect("it had some");
    assert!(matches!(event, OrderEvent::BackOrdered(_)));
    assert_eq!(
        (event.order().version(), progress(&order)),
        (3, vec!["0 0 0; 7 3".to_owned(), "0 0 0; 0 10".to_owned()])
    );
    let left: Vec<String> = order.lines.iter().map(|line| missing[&line.product_id].to_string()).collect();
    assert_eq!(left, ["0", "2"], "it has no more than it has");
    assert_eq!(
        (level(&order, &levels, 0), level(&order, &levels, 1)),
        ("10 7 3".to_owned(), "10 0 10".to_owned())
    );
}

#[test]
fn no_more_leaves_than_is_outstanding_or_reserved() {
    let (order, levels) = stocked(["10", "4"]);
    for (parts, code, pointer, available) in [
        (vec![part(1, "1"), part(2, "11")], "shipment_exceeds_order", "/lines/1/quantity", Some("10")),
        (vec![part(2, "5")], "order_waits_for_goods", "/lines/0/quantity", Some("4")),
        (vec![part(1, "1"), part(3, "1")], "invalid_lines", "/lines/1/position", None),
        (vec![part(0, "1")], "invalid_lines", "/lines/0/position", None),
        (vec![part(1, "1"), part(1, "2")], "invalid_lines", "/lines/1/position", None),
    ] {
        let refused = dispatch(&mut order.clone(), &mut levels.clone(), &parts, 2).expect_err(code);
        assert_eq!(refused.code(), code, "{parts:?}");
        let fields = refused.fields();
        assert_eq!((fields.len(), fields[0].pointer.as_str()), (1, pointer), "{parts:?}");
        assert_eq!(fields[0].available.as_deref(), available, "{parts:?}");
    }
    let waiting = order.check_whole().expect_err("a line waits");
    assert_eq!(waiting, OrderError::Waiting(vec![1]));
}

#[test]
fn a_part_has_no_more_decimals_than_its_line_or_its_product() {
    let weighed = product("10");
    let lines = vec![draft(&weighed, "2", None), draft(&weighed, "1.25", None)];
    let mut order = of_no_stock(Order::place(OrderId::generate(), new(lines), at(0)));
    let measured = |decimals| {
        let measure = (QuantityDecimals::new(decimals).expect("valid"), Unit::default());
        HashMap::from([(weighed.id(), measure)])
    };
    let parts = [part(1, "1.5"), part(2, "0.75"), part(2, "0.125"), part(9, "0.5")];
    assert_eq!(
        order.finer(&parts),
        [weighed.id(), weighed.id()],
        "whole or as fine as ordered: nobody is asked"
    );
    assert_eq!(order.check_decimals(&parts, &measured(3)), Ok(()));
    let refused = order.check_decimals(&parts, &measured(1)).expect_err("too fine");
    let pointers: Vec<_> = refused.fields().into_iter().map(|field| (field.pointer, field.code)).collect();
    assert_eq!(pointers, [("/lines/2/quantity".to_owned(), "too_precise")]);
    assert_eq!(refused.code(), "invalid_lines");
    // What has left in part can leave to the end, even if the product is counted by now.
    order.confirm(at(1)).expect("allowed");
    dispatch(&mut order, &mut Levels::default(), &[part(1, "0.5")], 2).expect("there");
    assert_eq!(order.check_decimals(&order.outstanding(), &measured(0)), Ok(()));
}

#[test]
fn nothing_leaves_of_an_order_that_only_waits() {
    let (mut order, mut levels) = stocked(["0", "0"]);
    let ready = order.ready();
    let refused = dispatch(&mut order, &mut levels, &ready, 2).expect_err("nothing is there");
    assert_eq!(refused.code(), "order_waits_for_goods");
}

#[test]
fn an_order_whose_rest_is_cancelled_is_shipped_with_what_has_left() {
    let (mut order, mut levels) = stocked(["10", "4"]);
    dispatch(&mut order, &mut levels, &[part(1, "3")], 2).expect("there");
    assert_eq!(
        order.clone().cancel(reason(), &mut levels.clone(), at(3)).map(drop),
        Err(OrderError::PartlyShipped(order.id))
    );
    let left = order.cancel_rest(reason(), &mut levels, at(3)).expect("allowed");
    assert!(matches!(left, OrderEvent::Shipped(_)));
    assert_eq!((order.status(), order.version()), (OrderStatus::Shipped, 4));
    assert_eq!(progress(&order), ["3 7 0; 0 0", "0 10 0; 0 0"]);
    assert_eq!((level(&order, &levels, 0).as_str(), level(&order, &levels, 1).as_str()), ("7 0 0", "4 0 0"));
    assert_eq!((order.cancelled_at, order.cancellation_reason()), (Some(at(3)), Some(&reason())));
    assert!(matches!(order.cancel_rest(reason(), &mut levels, at(4)), Err(OrderError::State { .. })));
}

#[test]
fn an_order_of_which_nothing_has_left_is_cancelled_with_its_rest() {
    let (mut order, mut levels) = stocked(["10", "4"]);
    let event = order.cancel_rest(reason(), &mut levels, at(2)).expect("allowed");
    assert!(matches!(event, OrderEvent::Cancelled { previous_status: OrderStatus::Confirmed, .. }));
    assert_eq!(progress(&order), ["0 10 0; 0 0", "0 10 0; 0 0"]);
    assert_eq!(level(&order, &levels, 1), "4 0 0");
}

#[test]
fn what_is_told_of_a_cancelled_order_is_how_it_is_afterwards() {
    let (mut order, mut levels) = stocked(["10", "4"]);
    assert_eq!(progress(&order), ["0 0 0; 10 0", "0 0 0; 4 6"]);
    let event = order.cancel(reason(), &mut levels, at(2)).expect("allowed");
    assert_eq!(progress(event.order()), ["0 10 0; 0 0", "0 10 0; 0 0"], "nothing is reserved any more");
    assert_eq!(event.order(), &order);
    assert_eq!((level(&order, &levels, 0), level(&order, &levels, 1)), ("10 0 0".into(), "4 0 0".into()));
}

#[test]
fn what_comes_back_is_on_hand_again_or_written_off() {
    let (mut order, mut levels) = stocked(["10", "10"]);
    let all = order.ready();
    dispatch(&mut order, &mut levels, &all, 2).expect("there");
    let back = |position, text: &str, restocked| ReturnedPart {
        part: part(position, text),
        restocked,
        reason: None,
    };
    let mut take = |parts: &[ReturnedPart]| {
        let on = BusinessDate::of(at(9));
        order.take_back(parts, ReturnId::generate(), on, &mut levels, at(9)).map(drop)
    };
    take(&[back(1, "2", true), back(1, "1", false), back(2, "10", true)]).expect("it had left");
    let refused = take(&[back(1, "5", true), back(1, "3", true), back(2, "1", false)]).expect_err("too much");
    assert_eq!(refused.code(), "return_exceeds_shipment");
    let fields: Vec<_> = refused.fields().into_iter().map(|field| (field.pointer, field.available)).collect();
    let field = |pointer: &str, available: &str| (pointer.to_owned(), Some(available.into()));
    assert_eq!(fields, [field("/lines/1/quantity", "2"), field("/lines/2/quantity", "0")]);
    assert_eq!(progress(&order), ["10 0 3; 0 0", "10 0 10; 0 0"]);
    assert_eq!((level(&order, &levels, 0).as_str(), level(&order, &levels, 1).as_str()), ("2 0 0", "10 0 0"));
    assert_eq!((order.status(), order.version()), (OrderStatus::Shipped, 4));
}

#[test]
fn the_lines_are_written_once_the_status_does_not_say_what_became_of_them() {
    let (mut order, mut levels) = stocked(["10", "10"]);
    let whole = order.clone();
    dispatch(&mut order, &mut levels.clone(), &whole.ready(), 2).expect("there");
    assert!(!whole.is_divided() && !order.is_divided(), "it left as a whole");
    let mut order = whole.clone();
    order.cancel_rest(reason(), &mut levels.clone(), at(2)).expect("allowed");
    assert!(!order.is_divided(), "it was cancelled as a whole");
    let mut order = whole;
    dispatch(&mut order, &mut levels, &[part(1, "1")], 2).expect("there");
    assert!(order.is_divided());
}

#[test]
fn an_order_goes_from_pending_to_delivered_and_each_step_raises_its_version() {
    let mut order = pending();
    assert!(matches!(order.confirm(at(1)), Ok(OrderEvent::Confirmed(_))));
    assert!(matches!(ship(&mut order, 2), Ok(OrderEvent::Shipped(_))));
    assert!(matches!(order.deliver(at(3)), Ok(OrderEvent::Delivered(_))));
    assert_eq!((order.status(), order.version(), order.updated_at()), (OrderStatus::Delivered, 4, at(3)));
    assert_eq!(order.tracking_number(), Some(&tracking()));
}

#[test]
fn confirming_a_cancelled_order_is_rejected() {
    let mut order = pending();
    order.cancel(reason(), &mut Levels::default(), at(1)).expect("allowed");
    assert!(matches!(order.confirm(at(2)), Err(OrderError::State { status: OrderStatus::Cancelled, .. })));
}

#[test]
fn a_confirmed_order_can_be_cancelled_and_the_event_says_where_it_stood() {
    let mut order = pending();
    order.confirm(at(1)).expect("allowed");
    let event = order.cancel(reason(), &mut Levels::default(), at(2)).expect("allowed");
    assert!(matches!(event, OrderEvent::Cancelled { previous_status: OrderStatus::Confirmed, .. }));
}

#[test]
fn a_held_order_is_neither_confirmed_nor_shipped_until_it_is_approved() {
    let mut order = pending();
    order.hold();
    assert_eq!((order.is_held_for_approval(), order.version()), (true, 1));
    let before = order.clone();
    assert_eq!(order.confirm(at(1)).map(drop), Err(OrderError::Held(order.id())));
    let refused = ship(&mut order, 1).expect_err("held");
    assert_eq!(refused.code(), "order_held");
    assert_eq!(order.check_whole(), Err(OrderError::Held(order.id())));
    assert_eq!(order, before);
    assert!(matches!(order.approve(at(1)), Ok(OrderEvent::Approved(_))));
    assert_eq!((order.is_held_for_approval(), order.version(), order.updated_at()), (false, 2, at(1)));
    assert_eq!(order.approve(at(2)).map(drop), Err(OrderError::NotHeld(order.id())));
    order.confirm(at(2)).expect("approved");
}

#[test]
fn a_cancelled_order_waits_for_no_approval() {
    let mut order = pending();
    order.hold();
    order.cancel(reason(), &mut Levels::default(), at(1)).expect("allowed");
    assert!(!order.is_held_for_approval());
    assert_eq!(order.approve(at(2)).map(drop), Err(OrderError::NotHeld(order.id())));
}

#[test]
fn what_has_not_left_of_a_held_order_can_be_cancelled() {
    let (mut order, mut levels) = stocked(["10", "10"]);
    dispatch(&mut order, &mut levels, &[part(1, "1")], 2).expect("there");
    order.hold();
    let refused = dispatch(&mut order, &mut levels, &[part(1, "1")], 3).expect_err("held");
    assert_eq!(refused.code(), "order_held");
    order.cancel_rest(reason(), &mut levels, at(3)).expect("allowed");
    assert_eq!((order.status(), order.is_held_for_approval()), (OrderStatus::Shipped, false));
}

#[test]
fn a_shipped_order_cannot_be_cancelled() {
    let mut order = pending();
    order.confirm(at(1)).expect("allowed");
    ship(&mut order, 2).expect("allowed");
    let refused = order.cancel(reason(), &mut Levels::default(), at(3));
    assert!(matches!(refused, Err(OrderError::State { .. })));
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Confirm,
    /// One of the ten units that are ordered.
    ShipOne,
    ShipRest,
    Deliver,
    Cancel,
    CancelRest,
}

/// The state machine written a second time, as a table. `left` is how many of ten units have left.
fn expected(status: OrderStatus, left: u32, step: Step) -> Option<(OrderStatus, u32)> {
    match (status, step) {
        (OrderStatus::Pending, Step::Confirm) => Some((OrderStatus::Confirmed, 0)),
        (OrderStatus::Confirmed, Step::ShipOne) if left < 9 => Some((OrderStatus::Confirmed, left + 1)),
        (OrderStatus::Confirmed, Step::ShipOne | Step::ShipRest) => Some((OrderStatus::Shipped, 10)),
        (OrderStatus::Shipped, Step::Deliver) => Some((OrderStatus::Delivered, left)),
        (OrderStatus::Pending | OrderStatus::Confirmed, Step::Cancel | Step::CancelRest) if left == 0 => {
            Some((OrderStatus::Cancelled, 0))
        }
        (OrderStatus::Confirmed, Step::CancelRest) => Some((OrderStatus::Shipped, left)),
        _ => None,
    }
}

proptest! {
    #[test]
    fn any_sequence_of_steps_follows_the_table(
        steps in prop::collection::vec(
            prop::sample::select(vec![
                Step::Confirm, Step::ShipOne, Step::ShipRest, Step::Deliver, Step::Cancel, Step::CancelRest,
            ]), 0..20)
    ) {
        let product = product("10");
        let mut order =
            Order::place(OrderId::generate(), new(vec![draft(&product, "10", None)]), at(0)).expect("valid");
        order.lines[0].stocked = false;
        let mut left = 0;
        for (second, step) in (1..).zip(steps) {
            let before = order.clone();
            let mut levels = Levels::default();
            let result: Result<OrderEvent, Error> = match step {
                Step::Confirm => order.confirm(at(second)).map_err(Into::into),
                Step::ShipOne => dispatch(&mut order, &mut levels, &[part(1, "1")], second),
                Step::ShipRest => ship(&mut order, second),
                Step::Deliver => order.deliver(at(second)).map_err(Into::into),
                Step::Cancel => order.cancel(reason(), &mut levels, at(second)).map_err(Into::into),
                Step::CancelRest => order.cancel_rest(reason(), &mut levels, at(second)).map_err(Into::into),
            };
            match expected(before.status(), left, step) {
                Some((status, now)) => {
                    left = now;
                    prop_assert!(result.is_ok());
                    prop_assert_eq!((order.status(), order.version()), (status, before.version() + 1));
                    prop_assert_eq!(order.lines[0].shipped.to_string(), left.to_string());
                }
                None => {
                    prop_assert!(result.is_err());
                    prop_assert_eq!(&order, &before);
                }
            }
        }
    }
}
