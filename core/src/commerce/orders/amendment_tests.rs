//! Tests of `amendment.rs`.

use super::*;
use crate::application::aggregate::Aggregate;
use crate::application::error::DomainError;
use crate::commerce::orders::{CancellationReason, NewOrder};
use crate::commerce::products::ProductDetails;
use crate::commerce::products::tests::details;
use crate::commerce::stock::{MovementKind, StockLevel};
use crate::values::ids::{CustomerId, OrderId, StockId};
use crate::values::money::{Currency, QuantityDecimals};

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000 + second, 0).expect("a valid time")
}

fn quantity(text: &str) -> Quantity {
    Quantity::parse(text).expect("a quantity")
}

fn units(text: &str) -> Units {
    Units::parse(text).expect("an amount")
}

/// A product that is kept in stock, at 10.00.
fn product(sku: &str) -> Product {
    let details = ProductDetails { stocked: true, ..details(sku, "10", "20") };
    Product::create(ProductId::generate(), details, at(0)).0
}

/// A warehouse with so many of each product on hand, and an order in it.
struct Shop {
    products: HashMap<ProductId, Product>,
    levels: Levels,
    warehouse: WarehouseId,
}

impl Shop {
    fn new(shelves: &[(&Product, &str)]) -> Self {
        let warehouse = WarehouseId::generate();
        let receipt = DocumentRef {
            kind: DocumentType::Receipt,
            id: uuid::Uuid::nil(),
            line: None,
            reason: None,
            business_date: BusinessDate::of(at(0)),
        };
        let shelf = |(product, on_hand): &(&Product, &str)| {
            let texts = ("T".to_owned(), "A thing".to_owned());
            let mut level = StockLevel::open(StockId::generate(), warehouse, product.id(), texts, at(0));
            if *on_hand != "0" {
                let units = units(on_hand);
                level.receive(MovementKind::Receipt, &units, None, &receipt).expect("countable");
            }
            level
        };
        let levels = Levels::of_levels(shelves.iter().map(shelf));
        let products = shelves.iter().map(|(product, _)| (product.id(), (*product).clone())).collect();
        Self { products, levels, warehouse }
    }

    fn placed(&mut self, back_order: bool, lines: &[(&Product, &str)]) -> Order {
        let lines = lines.iter().map(|(product, text)| DraftLine {
            product: &self.products[&product.id()],
            quantity: quantity(text),
            unit_price: None,
            listed: None,
        });
        let new = NewOrder {
            external_id: None,
            reference: None,
            customer_id: CustomerId::generate(),
            currency: Currency::euro(),
            warehouse_id: Some(self.warehouse),
            back_order,
            ordered_on: BusinessDate::of(at(0)),
            delivery_address: None,
            promised_on: None,
            lines: lines.collect(),
        };
        let mut order = Order::place(OrderId::generate(), new, at(0)).expect("valid");
        order.promise(&mut self.levels).expect("there is enough, or it waits");
        order
    }

    /// Amends the lines of an order.
    fn amend(
        &mut self,
        order: &mut Order,
        lines: Vec<AmendedLine>,
    ) -> Result<Option<ChangedLines>, Vec<(String, Option<String>)>> {
        let told = |fields: Vec<FieldError>| -> Vec<(String, Option<String>)> {
            fields.into_iter().map(|field| (field.pointer, field.available.map(String::from))).collect()
        };
        let amendment = OrderAmendment {
            reference: order.reference().cloned(),
            delivery_address: order.delivery_address().cloned(),
            promised_on: order.promised_on(),
            lines,
        };
        let plan = order
            .plan(&amendment, &self.products, &PriceBook::default())
            .map_err(|error| told(error.fields()))?;
        let amended = order.amend(plan, Some(self.warehouse), &mut self.levels, at(9));
        amended.map(|amended| amended.map(|(_, changed)| changed)).map_err(|error| told(error.fields()))
    }

    /// What is on hand, reserved and waited for.
    fn level(&self, product: &Product) -> String {
        let level = self.levels.get(self.warehouse, product.id()).expect("there");
        format!("{} {} {}", level.on_hand(), level.reserved(), level.waiting())
    }
}

fn kept(position: i16, text: Option<&str>) -> AmendedLine {
    AmendedLine { position: Some(position), product_id: None, quantity: text.map(quantity), unit_price: None }
}

fn new(product: &Product, text: &str) -> AmendedLine {
    AmendedLine {
        position: None,
        product_id: Some(product.id()),
        quantity: Some(quantity(text)),
        unit_price: None,
    }
}

/// Of each line: the quantity, what is reserved for it, and what it waits for.
fn held(order: &Order) -> Vec<String> {
    let line = |line: &OrderLine| format!("{} {} {}", line.quantity, line.reserved, line.waiting);
    order.lines.iter().map(line).collect()
}

#[test]
fn a_line_keeps_what_it_has_and_only_the_difference_is_given_back_or_promised() {
    let (tea, pot, cup) = (product("TEA"), product("POT"), product("CUP"));
    let mut shop = Shop::new(&[(&tea, "20"), (&pot, "20"), (&cup, "20")]);
    let mut order = shop.placed(false, &[(&tea, "5"), (&pot, "5"), (&cup, "5")]);
    let lines = vec![kept(2, Some("8")), new(&cup, "1"), kept(1, Some("2"))];
    let changed = shop.amend(&mut order, lines).expect("there is enough").expect("a change");
    assert_eq!(held(&order), ["8 8 0", "1 1 0", "2 2 0"]);
    assert_eq!((shop.level(&tea).as_str(), shop.level(&pot).as_str()), ("20 2 0", "20 8 0"));
    assert_eq!(shop.level(&cup), "20 1 0");
    assert_eq!((order.version(), order.totals().net_total.to_string().as_str()), (2, "110.00"));
    assert!(changed.dropped.is_empty(), "each product is still in it");
    let positions = |lines: &[(i16, OrderLine)]| -> Vec<i16> { lines.iter().map(|line| line.0).collect() };
    assert_eq!((positions(&changed.before), positions(&changed.after)), (vec![1, 2, 3], vec![1, 2, 3]));
}

#[test]
fn a_line_keeps_its_name_its_price_and_its_tax_and_a_new_one_has_those_of_now() {
    let tea = product("TEA");
    let mut shop = Shop::new(&[(&tea, "20")]);
    let mut order = shop.placed(false, &[(&tea, "2")]);
    let dearer = ProductDetails { stocked: true, ..details("TEA-2", "12", "5.5") };
    shop.products.get_mut(&tea.id()).expect("there").update(dearer, at(1)).expect("allowed");
    shop.amend(&mut order, vec![kept(1, Some("3")), new(&tea, "1")]).expect("there is enough");
    let sold =
        |line: &OrderLine| format!("{} {} {} {}", line.sku, line.unit_price, line.vat_rate, line.net_amount);
    let sold: Vec<_> = order.lines.iter().map(sold).collect();
    assert_eq!(sold, ["TEA 10.00 20 30.00", "TEA-2 12.00 5.5 12.00"]);
    let agreed = AmendedLine { unit_price: UnitPrice::parse("9.5").ok(), ..kept(1, None) };
    shop.amend(&mut order, vec![agreed]).expect("allowed");
    assert_eq!(
        (order.lines[0].net_amount.to_string(), held(&order)),
        ("28.50".to_owned(), vec!["3 3 0".to_owned()])
    );
}

#[test]
fn an_order_never_lacks_what_it_has_just_given_up() {
    let tea = product("TEA");
    let mut shop = Shop::new(&[(&tea, "10")]);
    let mut order = shop.placed(false, &[(&tea, "6"), (&tea, "4")]);
    // Others wait: nothing is free, and what the order gives up would be theirs.
    let other = shop.placed(true, &[(&tea, "5")]);
    assert_eq!(held(&other), ["5 0 5"]);
    shop.amend(&mut order, vec![new(&tea, "7"), kept(2, Some("3"))]).expect("it has ten");
    assert_eq!(
        (held(&order), shop.level(&tea).as_str()),
        (vec!["7 7 0".to_owned(), "3 3 0".to_owned()], "10 10 5")
    );
    // It gives two back, which are not for it any more.
    shop.amend(&mut order, vec![kept(1, Some("5")), kept(2, None)]).expect("less");
    assert_eq!(shop.level(&tea), "10 8 5");
    let refused = shop.amend(&mut order.clone(), vec![kept(1, Some("6")), kept(2, None)]).expect_err("short");
    assert_eq!(refused, [("/lines/0/quantity".to_owned(), Some("5".to_owned()))]);
}

#[test]
fn what_is_short_is_told_line_by_line_with_what_there_would_be() {
    let (tea, pot) = (product("TEA"), product("POT"));
    let mut shop = Shop::new(&[(&tea, "10"), (&pot, "1")]);
    let mut order = shop.placed(false, &[(&tea, "6")]);
    // Four are free: the first new line takes three of them, the second one.
    let lines = vec![new(&pot, "2"), kept(1, None), new(&tea, "3"), new(&tea, "2")];
    let refused = shop.amend(&mut order, lines).expect_err("short");
    let expected = [("/lines/0/quantity", "1"), ("/lines/3/quantity", "1")];
    let expected = expected.map(|(pointer, available)| (pointer.to_owned(), Some(available.to_owned())));
    assert_eq!(refused, expected);
    assert_eq!((shop.level(&tea).as_str(), shop.level(&pot).as_str()), ("10 6 0", "1 0 0"));
}

#[test]
fn a_back_order_waits_for_what_is_short_and_gives_up_first_what_it_waits_for() {
    let tea = product("TEA");
    let mut shop = Shop::new(&[(&tea, "4")]);
    let mut order = shop.placed(true, &[(&tea, "3")]);
    shop.amend(&mut order, vec![kept(1, Some("9"))]).expect("it waits");
    assert_eq!((held(&order), shop.level(&tea).as_str()), (vec!["9 4 5".to_owned()], "4 4 5"));
    shop.amend(&mut order, vec![kept(1, Some("5"))]).expect("less");
    assert_eq!((held(&order), shop.level(&tea).as_str()), (vec!["5 4 1".to_owned()], "4 4 1"));
    shop.amend(&mut order, vec![kept(1, Some("3"))]).expect("less");
    assert_eq!((held(&order), shop.level(&tea).as_str()), (vec!["3 3 0".to_owned()], "4 3 0"));
    assert!(!order.is_waiting());
}

#[test]
fn what_a_line_that_goes_has_is_for_a_line_of_the_same_product_that_waits() {
    let tea = product("TEA");
    let mut shop = Shop::new(&[(&tea, "5")]);
    let mut order = shop.placed(true, &[(&tea, "5"), (&tea, "5")]);
    assert_eq!(held(&order), ["5 5 0", "5 0 5"]);
    shop.amend(&mut order, vec![kept(2, None)]).expect("less");
    assert_eq!((held(&order), shop.level(&tea).as_str()), (vec!["5 5 0".to_owned()], "5 5 0"));
}

#[test]
fn a_product_of_which_no_line_is_left_is_given_back_and_named() {
    let (tea, pot) = (product("TEA"), product("POT"));
    let mut shop = Shop::new(&[(&tea, "5"), (&pot, "2")]);
    let mut order = shop.placed(true, &[(&tea, "5"), (&pot, "3")]);
    let changed = shop.amend(&mut order, vec![kept(1, None)]).expect("less").expect("a change");
    assert_eq!(shop.level(&pot), "2 0 0");
    assert_eq!(changed.dropped, [pot.id()]);
    assert_eq!((changed.before.len(), changed.after.len()), (1, 0));
}

#[test]
fn lines_that_are_not_understood_are_named_all_at_once() {
    let tea = product("TEA");
    let mut shop = Shop::new(&[(&tea, "5")]);
    let mut order = shop.placed(false, &[(&tea, "1"), (&tea, "1")]);
    let nothing = AmendedLine { position: None, product_id: None, quantity: None, unit_price: None };
    let lines = vec![
        kept(1, None),
        AmendedLine { product_id: Some(tea.id()), ..kept(2, None) },
        nothing,
        kept(3, None),
        kept(0, None),
        kept(1, Some("2")),
        AmendedLine { quantity: None, ..new(&tea, "1") },
    ];
    let refused = shop.amend(&mut order, lines).expect_err("refused");
    let pointers: Vec<_> = refused.iter().map(|(pointer, _)| pointer.as_str()).collect();
    let expected = [
        "/lines/1/product_id",
        "/lines/2",
        "/lines/3/position",
        "/lines/4/position",
        "/lines/5/position",
        "/lines/6/quantity",
    ];
    assert_eq!(pointers, expected);
    let none = shop.amend(&mut order, Vec::new()).expect_err("refused");
    assert_eq!(none, [("/lines".to_owned(), None)]);
    assert_eq!((order.version(), shop.level(&tea).as_str()), (1, "5 2 0"));
}

#[test]
fn new_lines_keep_the_rules_of_placing_and_present_ones_may_go_on() {
    let (tea, mut old) = (product("TEA"), product("OLD"));
    let mut shop = Shop::new(&[(&tea, "5"), (&old, "5")]);
    let mut order = shop.placed(false, &[(&old, "2")]);
    old.archive(at(1)).expect("allowed");
    let whole = ProductDetails {
        stocked: true,
        quantity_decimals: QuantityDecimals::new(0).expect("valid"),
        ..details("TEA", "10", "20")
    };
    shop.products.insert(old.id(), old.clone());
    shop.products.get_mut(&tea.id()).expect("there").update(whole, at(1)).expect("allowed");
    let stranger = product("STRANGER");
    for (line, pointer) in [
        (new(&stranger, "1"), "/lines/1/product_id"),
        (new(&old, "1"), "/lines/1/product_id"),
        (new(&tea, "1.5"), "/lines/1/quantity"),
        (AmendedLine { unit_price: UnitPrice::parse("999999999").ok(), ..new(&tea, "999999999") }, "/lines"),
    ] {
        let refused = shop.amend(&mut order, vec![kept(1, None), line]).expect_err(pointer);
        assert_eq!(refused, [(pointer.to_owned(), None)]);
    }
    shop.amend(&mut order, vec![kept(1, Some("1"))]).expect("it was ordered before");
    assert_eq!(held(&order), ["1 1 0"]);
}

#[test]
fn an_amendment_that_changes_nothing_is_none_and_another_order_of_the_lines_is_one() {
    let (tea, pot) = (product("TEA"), product("POT"));
    let mut shop = Shop::new(&[(&tea, "5"), (&pot, "5")]);
    let mut order = shop.placed(false, &[(&tea, "1"), (&pot, "2")]);
    let same = shop.amend(&mut order, vec![kept(1, Some("1.0")), kept(2, None)]).expect("allowed");
    assert!(same.is_none() && order.version() == 1);
    let changed =
        shop.amend(&mut order, vec![kept(2, None), kept(1, None)]).expect("allowed").expect("a change");
    assert!(changed.before.is_empty() && changed.after.is_empty(), "they are the same lines");
    assert_eq!((order.version(), held(&order)), (2, vec!["2 2 0".to_owned(), "1 1 0".to_owned()]));
}

#[test]
fn a_present_line_keeps_its_price_unless_another_is_given_and_a_new_one_has_that_of_a_list() {
    use crate::commerce::prices::{ListedPrice, PriceBreak, PriceQuestion, PriceTarget, ValidPeriod};
    use crate::values::ids::PriceListId;

    let tea = product("TEA");
    let mut shop = Shop::new(&[(&tea, "50")]);
    let order = shop.placed(false, &[(&tea, "1"), (&tea, "1")]);
    let price = |text: &str| UnitPrice::parse(text).expect("a price");
    let list = PriceListId::generate();
    let listed = ListedPrice {
        list,
        target: PriceTarget::Everybody,
        period: ValidPeriod::default(),
        product: tea.id(),
        breaks: vec![PriceBreak { from_quantity: units("10"), unit_price: price("7") }],
    };
    let asked = PriceQuestion { customer: None, group: None, on: BusinessDate::of(at(0)) };
    let prices = PriceBook::of(&asked, [listed]);
    let new = |text: &str, unit_price| AmendedLine {
        position: None,
        product_id: Some(tea.id()),
        quantity: Some(quantity(text)),
        unit_price,
    };
    let lines = vec![
        kept(1, Some("20")),
        AmendedLine { unit_price: Some(price("6")), ..kept(2, None) },
        new("9", None),
        new("10", None),
        new("10", Some(price("5"))),
    ];
    let amendment = OrderAmendment { reference: None, delivery_address: None, promised_on: None, lines };
    let plan = order.plan(&amendment, &shop.products, &prices).expect("allowed");
    let lines = plan.lines.expect("they change").lines;
    let told: Vec<_> = lines.iter().map(|line| line.price).collect();
    let of_list = Some(PriceOrigin::list(list));
    let (product, given) = (Some(PriceOrigin::PRODUCT), Some(PriceOrigin::GIVEN));
    assert_eq!(told, [product, given, product, of_list, given]);
    assert_eq!(lines[3].net_amount.to_string(), "70.00");
}

#[test]
fn what_is_not_a_line_is_amended_by_itself() {
    let tea = product("TEA");
    let mut shop = Shop::new(&[(&tea, "5")]);
    let mut order = shop.placed(false, &[(&tea, "1")]);
    let mut amendment = OrderAmendment {
        reference: OrderReference::parse("WEB-2").ok(),
        delivery_address: None,
        promised_on: Some(BusinessDate::of(at(86_400))),
        lines: vec![kept(1, None)],
    };
    let plan = order.plan(&amendment, &HashMap::new(), &PriceBook::default()).expect("allowed");
    assert!(!plan.changes_lines() && plan.new_goods().is_empty());
    let amended =
        order.amend(plan, None, &mut Levels::default(), at(5)).expect("no goods").expect("a change");
    assert_eq!(amended.0, OrderEvent::Amended(Box::new(order.clone())));
    assert_eq!(
        (order.version(), order.promised_on(), held(&order)),
        (2, amendment.promised_on, vec!["1 1 0".to_owned()])
    );
    amendment.promised_on = Some(BusinessDate::of(at(-86_400)));
    let refused =
        order.plan(&amendment, &HashMap::new(), &PriceBook::default()).expect_err("before it was ordered");
    assert_eq!((refused.code(), refused.fields()[0].pointer.as_str()), ("invalid_order", "/promised_on"));
}

#[test]
fn an_order_that_is_over_or_of_which_something_has_left_is_not_amended() {
    let tea = product("TEA");
    let mut shop = Shop::new(&[(&tea, "5")]);
    let mut cancelled = shop.placed(false, &[(&tea, "1")]);
    let reason = CancellationReason::parse("a test").expect("valid");
    cancelled.cancel(reason, &mut Levels::default(), at(1)).expect("allowed");
    assert!(matches!(cancelled.check_amendable(), Err(OrderError::State { action: "amended", .. })));
    let mut partly = shop.placed(false, &[(&tea, "2")]);
    partly.confirm(at(1)).expect("allowed");
    assert_eq!(partly.check_amendable(), Ok(()));
    partly.lines[0].shipped = units("1");
    assert_eq!(partly.check_amendable(), Err(OrderError::PartlyShipped(partly.id())));
}

#[test]
fn the_audit_trail_names_a_bounded_number_of_lines() {
    let tea = product("TEA");
    let mut shop = Shop::new(&[(&tea, "1000")]);
    let lines = vec![(&tea, "1"); MAX_AUDITED_LINES + 5];
    let mut order = shop.placed(false, &lines);
    let before = order.audited();
    let all = (1..=i16::try_from(lines.len()).expect("few")).map(|position| kept(position, Some("2")));
    let changed = shop.amend(&mut order, all.collect()).expect("enough").expect("a change");
    let (before, after) = AuditedAmendment::of(before, order.audited(), &changed);
    let before = serde_json::to_value(before).expect("serializable");
    assert_eq!((before["version"].as_i64(), before["more_changed_lines"].as_i64()), (Some(1), Some(5)));
    assert_eq!(before["changed_lines"][0]["quantity"], "1");
    let after = serde_json::to_value(after).expect("serializable");
    assert_eq!(after["changed_lines"].as_array().map(Vec::len), Some(MAX_AUDITED_LINES));
    assert_eq!(after["changed_lines"][0]["quantity"], "2");
}
