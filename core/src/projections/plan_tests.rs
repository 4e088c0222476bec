//! Tests of `plan.rs`.

use serde_json::{Value, json};

use super::*;

const CUSTOMER: &str = "019b7600-0000-7000-8000-000000000001";
const PRODUCT: &str = "019b7600-0000-7000-8000-000000000002";
const OTHER: &str = "019b7600-0000-7000-8000-000000000003";

fn message(aggregate: u128, version: i64, event_type: &str, payload: &Value) -> Message {
    Message {
        id: Uuid::now_v7(),
        aggregate_id: Uuid::from_u128(aggregate).to_string(),
        aggregate_version: Some(version),
        event_type: event_type.to_owned(),
        schema_version: Some(1),
        payload: payload.to_string().into_bytes(),
        causation_id: None,
        skip: false,
    }
}

fn placed(order: u128, currency: &str) -> Message {
    let line =
        json!({"product_id": PRODUCT, "sku": "P", "name": "N", "quantity": "2", "net_amount": "10.00"});
    let payload = json!({
        "reference": null, "customer_id": CUSTOMER, "currency": currency, "lines": [line.clone(), line],
        "net_total": "20.00", "vat_total": "4.00", "gross_total": "24.00", "placed_at": "2026-01-01T23:59:59.999999Z",
    });
    message(order, 1, "order.placed", &payload)
}

fn cancelled(order: u128, version: i64) -> Message {
    let payload = json!({"reference": null, "customer_id": CUSTOMER, "reason": "r", "cancelled_at": "2026-01-02T00:00:00Z"});
    message(order, version, "order.cancelled", &payload)
}

fn amount(text: &str) -> BigDecimal {
    text.parse().expect("a decimal")
}

#[test]
fn an_order_counts_once_for_each_product_and_on_its_day() {
    let (verdicts, changes) = plan(&[placed(1, "EUR")], Known::default());
    assert_eq!(verdicts, [Verdict::Applied]);
    let day = changes.days.values().next().expect("a day");
    assert_eq!((day.orders, &day.gross_total), (1, &amount("24.00")));
    assert_eq!(changes.days.keys().next().expect("a day").0.to_rfc3339(), "2026-01-01T00:00:00+00:00");
    let product = changes.products.values().next().expect("a product");
    assert_eq!((product.orders, &product.quantity, &product.net_total), (1, &amount("4"), &amount("20.00")));
    assert_eq!(changes.positions.len(), 1);
}

#[test]
fn a_cancelled_order_is_taken_back_whether_it_was_placed_now_or_before() {
    let (verdicts, together) = plan(&[placed(1, "EUR"), cancelled(1, 2)], Known::default());
    assert_eq!(verdicts, [Verdict::Applied, Verdict::Applied]);
    let day = together.days.values().next().expect("a day");
    assert_eq!((day.orders, day.cancelled_orders), (0, 1));
    assert_eq!((&day.gross_total, &day.cancelled_gross_total), (&amount("0.00"), &amount("24.00")));

    let mut known = Known { orders: together.orders.into_iter().collect(), ..Known::default() };
    known.positions.insert(Uuid::from_u128(1), 1);
    let (verdicts, later) = plan(&[cancelled(1, 2)], known);
    assert_eq!(verdicts, [Verdict::Applied]);
    let product = later.products.values().next().expect("a product");
    assert_eq!((product.orders, &product.quantity), (-1, &amount("-4")));
}

/// One line of another product instead of the two of before.
fn amended(order: u128, version: i64, reference: &str) -> Message {
    let line =
        json!({"product_id": OTHER, "sku": "O", "name": "Other", "quantity": "3", "net_amount": "30.00"});
    let payload = json!({
        "reference": reference, "customer_id": CUSTOMER, "currency": "EUR", "lines": [line],
        "net_total": "30.00", "vat_total": "6.00", "gross_total": "36.00", "placed_at": "2026-01-01T23:59:59.999999Z",
        "status": "pending", "amended_at": "2026-01-02T00:00:00Z",
    });
    message(order, version, "order.amended", &payload)
}

#[test]
fn an_amended_order_counts_as_it_is_now_whether_it_was_placed_now_or_before() {
    let product = |changes: &Changes, id: &str| {
        let sum = &changes.products[&Uuid::try_parse(id).expect("a UUID")];
        (sum.orders, sum.quantity.clone(), sum.net_total.clone())
    };
    let messages = [placed(1, "EUR"), amended(1, 2, "R-2")];
    let (verdicts, together) = plan(&messages, Known::default());
    assert_eq!(verdicts, [Verdict::Applied, Verdict::Applied]);
    let day = together.days.values().next().expect("a day");
    assert_eq!((day.orders, &day.gross_total, day.cancelled_orders), (1, &amount("36.00"), 0));
    assert_eq!(product(&together, PRODUCT), (0, amount("0"), amount("0.00")));
    assert_eq!(product(&together, OTHER), (1, amount("3"), amount("30.00")));
    assert_eq!((together.days.len(), together.replaced.len()), (1, 1));
    // What the order is called now is what all of its steps say.
    let steps: Vec<_> = together.timeline.iter().map(|row| (row.event, row.reference.as_deref())).collect();
    assert_eq!(steps, [("order.placed", Some("R-2")), ("order.amended", Some("R-2"))]);

    let (_, alone) = plan(&[placed(1, "EUR")], Known::default());
    let mut known = Known { orders: alone.orders.into_iter().collect(), ..Known::default() };
    known.positions.insert(Uuid::from_u128(1), 1);
    let (verdicts, later) = plan(&[amended(1, 2, "R-2"), cancelled(1, 3)], known);
    assert_eq!(verdicts, [Verdict::Applied, Verdict::Applied]);
    assert_eq!(product(&later, PRODUCT), (-1, amount("-4"), amount("-20.00")));
    assert_eq!(product(&later, OTHER), (0, amount("0"), amount("0.00")));
    let day = later.days.values().next().expect("a day");
    assert_eq!(
        (day.orders, &day.gross_total, &day.cancelled_gross_total),
        (-1, &amount("-24.00"), &amount("36.00"))
    );
    let customer = later.customers.values().next().expect("a customer");
    assert_eq!((customer.orders, customer.cancelled_orders), (-1, 1));
    assert_eq!(later.references[&Uuid::from_u128(1)].as_deref(), Some("R-2"));
}

#[test]
fn an_order_that_was_never_placed_is_not_amended_and_none_changes_its_currency() {
    let known = || Known { positions: [(Uuid::from_u128(1), 1)].into(), ..Known::default() };
    let (verdicts, changes) = plan(&[amended(1, 2, "R-2")], known());
    assert!(
        matches!(&verdicts[0], Verdict::Refused(error) if error.contains("never placed")),
        "{verdicts:?}"
    );
    assert!(changes.timeline.is_empty() && changes.days.is_empty());
    let (_, alone) = plan(&[placed(1, "CHF")], Known::default());
    let known = Known { orders: alone.orders.into_iter().collect(), ..known() };
    let (verdicts, _) = plan(&[amended(1, 2, "R-2")], known);
    assert!(matches!(&verdicts[0], Verdict::Refused(error) if error.contains("CHF")), "{verdicts:?}");
}

#[test]
fn what_happens_to_an_order_between_its_states_is_a_step_and_makes_no_hole() {
    let payload = json!({"reference": null, "customer_id": CUSTOMER, "lines": [], "changed_at": "2026-01-02T00:00:00Z"});
    let messages =
        [placed(1, "EUR"), message(1, 2, "order.reserved", &payload), cancelled(1, 3), cancelled(2, 2)];
    let (verdicts, changes) = plan(&messages, Known::default());
    assert_eq!(verdicts, [Verdict::Applied, Verdict::Applied, Verdict::Applied, Verdict::Missing(1)]);
    let steps: Vec<_> = changes.timeline.iter().map(|row| (row.version, row.event)).collect();
    assert_eq!(steps, [(1, "order.placed"), (2, "order.reserved"), (3, "order.cancelled")]);
}

#[test]
fn what_was_applied_is_not_applied_again_and_a_hole_holds_its_aggregate_alone() {
    let known = Known { positions: [(Uuid::from_u128(1), 1)].into(), ..Known::default() };
    let messages = [placed(1, "EUR"), cancelled(2, 3), cancelled(2, 4), placed(3, "EUR")];
    let (verdicts, changes) = plan(&messages, known);
    assert_eq!(verdicts, [Verdict::Repeated, Verdict::Missing(1), Verdict::Held, Verdict::Applied]);
    assert_eq!(changes.orders.len(), 1);
}

#[test]
fn an_event_that_is_refused_changes_nothing_and_holds_its_aggregate_alone() {
    let broken = message(1, 1, "customer.created", &json!({}));
    let next = message(1, 2, "customer.deleted", &json!({}));
    let (verdicts, changes) = plan(&[broken.clone(), next.clone(), placed(2, "EUR")], Known::default());
    assert!(matches!(verdicts[..], [Verdict::Refused(_), Verdict::Held, Verdict::Applied]), "{verdicts:?}");
    assert!(changes.customers_gone.is_empty());

    let skipped = Message { skip: true, ..broken };
    let (verdicts, changes) = plan(&[skipped, next], Known::default());
    assert_eq!(verdicts, [Verdict::Discarded, Verdict::Applied]);
    assert_eq!(changes.positions[&Uuid::from_u128(1)], 2);
}

#[test]
fn an_anonymised_customer_has_another_name_and_is_forgotten_where_it_is_told_of() {
    let known = json!({"code": "C-1", "name": "Ada", "created_at": "2026-01-01T00:00:00Z"});
    let forgotten =
        json!({"code": "anonymised-1", "name": "Nobody", "anonymised_at": "2026-01-02T00:00:00Z"});
    let messages =
        [message(1, 1, "customer.created", &known), message(1, 2, "customer.anonymised", &forgotten)];
    let (verdicts, changes) = plan(&messages, Known::default());
    assert_eq!(verdicts, [Verdict::Applied, Verdict::Applied]);
    let customer = Uuid::from_u128(1);
    assert_eq!(changes.customer_names[&customer], ("anonymised-1".to_owned(), "Nobody".to_owned()));
    assert_eq!(changes.customers_forgotten, [customer]);
    assert_eq!(changes.customers_active[&customer].to_rfc3339(), "2026-01-02T00:00:00+00:00");
}

#[test]
fn amounts_of_two_currencies_are_not_added() {
    let (verdicts, changes) = plan(&[placed(1, "EUR"), placed(2, "CHF")], Known::default());
    assert!(matches!(&verdicts[1], Verdict::Refused(error) if error.contains("CHF")), "{verdicts:?}");
    assert_eq!((changes.orders.len(), changes.timeline.len()), (1, 1));
}

#[test]
fn what_names_no_aggregate_or_no_version_is_refused_and_can_be_discarded() {
    let nameless = Message { aggregate_id: "order-1".to_owned(), ..placed(1, "EUR") };
    let unnumbered = Message { aggregate_version: None, ..placed(2, "EUR") };
    let zero = Message { aggregate_version: Some(0), ..placed(3, "EUR") };
    for message in [nameless, unnumbered, zero] {
        let (verdicts, _) = plan(std::slice::from_ref(&message), Known::default());
        assert!(matches!(verdicts[..], [Verdict::Refused(_)]), "{verdicts:?}");
        let (verdicts, changes) = plan(&[Message { skip: true, ..message }], Known::default());
        assert_eq!(verdicts, [Verdict::Discarded]);
        assert!(changes.positions.is_empty());
    }
}

#[test]
fn of_what_was_gone_when_the_generation_was_built_nothing_is_applied() {
    let known = Known { positions: [(Uuid::from_u128(1), GONE)].into(), ..Known::default() };
    let created = message(1, 1, "product.created", &json!({"sku": "P", "name": "N"}));
    let (verdicts, changes) = plan(&[created], known);
    assert_eq!(verdicts, [Verdict::Repeated]);
    assert!(changes.product_names.is_empty());
}

fn invoiced(document: u128, version: i64, kind: &str, currency: &str) -> Message {
    let payload = json!({
        "kind": kind, "customer_id": CUSTOMER, "currency": currency, "issue_date": "2026-03-31",
        "lines": [{"quantity": "1", "net": "10.00"}], "net_total": "10.00", "vat_total": "2.00", "gross_total": "12.00",
    });
    let event_type = if kind == "credit_note" { "credit_note.issued" } else { "invoice.validated" };
    message(document, version, event_type, &payload)
}

#[test]
fn invoices_and_payments_add_up_whatever_the_version_at_which_they_are_told() {
    let paid = |payment, event_type, amount: &str| {
        message(payment, 1, event_type, &json!({"customer_id": CUSTOMER, "amount": amount}))
    };
    let messages = [
        paid(9, "payment.received", "5.00"),
        invoiced(1, 3, "invoice", "EUR"),
        invoiced(2, 2, "credit_note", "EUR"),
        invoiced(3, 7, "prepayment", "EUR"),
        paid(10, "payment.reversed", "-1.00"),
        // Published again.
        invoiced(1, 3, "invoice", "EUR"),
        invoiced(4, 2, "invoice", "USD"),
    ];
    let (verdicts, changes) = plan(&messages, Known::default());
    assert_eq!(verdicts[..5].to_vec(), vec![Verdict::Applied; 5]);
    assert_eq!(verdicts[5], Verdict::Repeated);
    assert!(matches!(&verdicts[6], Verdict::Refused(error) if error.contains("USD")), "{verdicts:?}");
    let ((month, _), sum) = changes.months.iter().next().expect("a month");
    assert_eq!((month.to_rfc3339().as_str(), sum.documents), ("2026-03-01T00:00:00+00:00", 3));
    assert_eq!((&sum.net_total, &sum.vat_total), (&amount("0.00"), &amount("2.00")));
    let owed = changes.receivables.values().next().expect("a customer");
    assert_eq!(
        (&owed.invoiced, &owed.credited, &owed.paid),
        (&amount("24.00"), &amount("12.00"), &amount("4.00"))
    );
    assert!(changes.positions.values().all(|version| *version == 1), "as a rebuild writes them");
}
