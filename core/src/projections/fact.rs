//! What an event says, as far as the projections need it.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error as _};
use uuid::Uuid;

use crate::values::money::{Money, Quantity};

/// The version of every payload that is understood here.
const SCHEMA_VERSION: i64 = 1;
/// The event that takes back what an earlier one of its aggregate added.
pub(super) const SUBTRACTING: &str = "order.cancelled";
/// The event that replaces what an earlier one of its aggregate added.
pub(super) const REPLACING: &str = "order.amended";
/// The events that their aggregates tell once: invoices and credit notes when they get their number, payments when they are recorded. What became of them since is told by
/// others, or not at all.
const ONCE: [&str; 4] = ["invoice.validated", CREDIT_NOTE, "payment.received", "payment.reversed"];
/// The event of credit notes, whose amounts are taken off.
const CREDIT_NOTE: &str = "credit_note.issued";
/// The kind of a deposit: `kind` of `invoice.validated`, `corrected_kind` of `credit_note.issued`.
const PREPAYMENT: &str = "prepayment";

/// What happened to one aggregate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fact {
    Placed(PlacedOrder),
    Amended(AmendedOrder),
    Moved(MovedOrder),
    CustomerKnown {
        code: String,
        name: String,
        at: DateTime<Utc>,
    },
    /// Nothing says who it was any more; this stands in its place.
    CustomerForgotten {
        code: String,
        name: String,
        at: DateTime<Utc>,
    },
    CustomerGone,
    ProductKnown {
        sku: String,
        name: String,
    },
    ProductArchived,
    ProductGone,
    Invoiced(InvoicedDocument),
    Paid(PaidAmount),
}

/// An invoice, a deposit or a credit note that got its number.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct InvoicedDocument {
    #[serde(skip)]
    pub(super) is_credit_note: bool,
    #[serde(default)]
    kind: Option<String>,
    /// What a credit note corrects: an invoice, where nothing is said.
    #[serde(default)]
    corrected_kind: Option<String>,
    pub(super) customer_id: Uuid,
    pub(super) currency: String,
    pub(super) issue_date: NaiveDate,
    lines: Vec<InvoicedLine>,
    #[serde(deserialize_with = "money")]
    net_total: Money,
    #[serde(deserialize_with = "money")]
    vat_total: Money,
    #[serde(deserialize_with = "money")]
    pub(super) gross_total: Money,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct InvoicedLine {
    /// Below zero if it takes a deposit off.
    quantity: String,
    #[serde(deserialize_with = "money")]
    net: Money,
}

impl InvoicedDocument {
    /// Whether it is a deposit, or corrects one: no sale.
    fn is_of_deposit(&self) -> bool {
        [&self.kind, &self.corrected_kind].into_iter().any(|kind| kind.as_deref() == Some(PREPAYMENT))
    }

    /// The net amount of what was sold, without deposits on both sides (ADR 33); less than zero in a credit note.
    pub(super) fn sold(&self) -> Money {
        if self.is_of_deposit() {
            return Money::zero();
        }
        let deposits: Money =
            self.lines.iter().filter(|line| line.quantity.starts_with('-')).map(|line| &line.net).sum();
        self.signed(self.net_total.minus(&deposits))
    }

    /// Its VAT; less than zero in a credit note.
    pub(super) fn vat(&self) -> Money {
        self.signed(self.vat_total.clone())
    }

    fn signed(&self, amount: Money) -> Money {
        if self.is_credit_note { amount.negated() } else { amount }
    }
}

/// What a customer paid, or less than zero if that was undone.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct PaidAmount {
    pub(super) customer_id: Uuid,
    #[serde(deserialize_with = "money")]
    pub(super) amount: Money,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct PlacedOrder {
    pub(super) reference: Option<String>,
    pub(super) customer_id: Uuid,
    pub(super) currency: String,
    pub(super) lines: Vec<Line>,
    #[serde(deserialize_with = "money")]
    pub(super) net_total: Money,
    #[serde(deserialize_with = "money")]
    pub(super) vat_total: Money,
    #[serde(deserialize_with = "money")]
    pub(super) gross_total: Money,
    pub(super) placed_at: DateTime<Utc>,
}

/// An order as it is since it was amended.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct AmendedOrder {
    #[serde(flatten)]
    pub(super) order: PlacedOrder,
    pub(super) amended_at: DateTime<Utc>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Line {
    pub(super) product_id: Uuid,
    pub(super) sku: String,
    pub(super) name: String,
    #[serde(deserialize_with = "quantity")]
    pub(super) quantity: Quantity,
    #[serde(deserialize_with = "money")]
    pub(super) net_amount: Money,
}

/// An order to which something happened after it was placed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MovedOrder {
    pub(super) step: Step,
    pub(super) reference: Option<String>,
    pub(super) customer_id: Uuid,
    pub(super) at: DateTime<Utc>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// It goes on, although it passes its customer's credit limit.
    Approved,
    /// It got goods that it waited for.
    Reserved,
    /// Goods that were reserved for it are missing.
    BackOrdered,
    Confirmed,
    PartlyShipped {
        tracking_number: Option<String>,
    },
    Shipped {
        tracking_number: Option<String>,
    },
    /// Goods came back.
    Returned,
    Delivered,
    Cancelled {
        reason: Option<String>,
    },
}

#[derive(Deserialize)]
struct Moved {
    reference: Option<String>,
    customer_id: Uuid,
    tracking_number: Option<String>,
    reason: Option<String>,
    approved_at: Option<DateTime<Utc>>,
    changed_at: Option<DateTime<Utc>>,
    confirmed_at: Option<DateTime<Utc>>,
    shipped_at: Option<DateTime<Utc>>,
    returned_at: Option<DateTime<Utc>>,
    delivered_at: Option<DateTime<Utc>>,
    cancelled_at: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
struct Customer {
    code: String,
    name: String,
    created_at: Option<DateTime<Utc>>,
    updated_at: Option<DateTime<Utc>>,
    anonymised_at: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
struct Product {
    sku: String,
    name: String,
}

impl Fact {
    /// Reads an event. Members that are not needed are ignored; a version or a type that is not known is refused, because a guess
    /// would be wrong in silence.
    ///
    /// # Errors
    /// Fails with what is wrong, in words.
    pub(super) fn read(
        event_type: &str,
        schema_version: Option<i64>,
        payload: &[u8],
    ) -> Result<Self, String> {
        match schema_version {
            Some(SCHEMA_VERSION) => {}
            Some(other) => {
                return Err(format!(
                    "schema-version {other} of {event_type} is not known here, only {SCHEMA_VERSION}"
                ));
            }
            None => return Err("the header schema-version is missing".to_owned()),
        }
        match event_type {
            "order.placed" => json(payload).map(Self::Placed),
            REPLACING => json(payload).map(Self::Amended),
            "order.approved" => moved(payload, |moved| (Step::Approved, moved.approved_at)),
            "order.reserved" => moved(payload, |moved| (Step::Reserved, moved.changed_at)),
            "order.back_ordered" => moved(payload, |moved| (Step::BackOrdered, moved.changed_at)),
            "order.confirmed" => moved(payload, |moved| (Step::Confirmed, moved.confirmed_at)),
            "order.partly_shipped" => moved(payload, |moved| {
                (Step::PartlyShipped { tracking_number: moved.tracking_number.take() }, moved.shipped_at)
            }),
            "order.shipped" => moved(payload, |moved| {
                (Step::Shipped { tracking_number: moved.tracking_number.take() }, moved.shipped_at)
            }),
            "order.returned" => moved(payload, |moved| (Step::Returned, moved.returned_at)),
            "order.delivered" => moved(payload, |moved| (Step::Delivered, moved.delivered_at)),
            SUBTRACTING => {
                moved(payload, |moved| (Step::Cancelled { reason: moved.reason.take() }, moved.cancelled_at))
            }
            "customer.created" | "customer.updated" => {
                let Customer { code, name, created_at, updated_at, .. } = json(payload)?;
                let at = if event_type == "customer.created" { created_at } else { updated_at };
                Ok(Self::CustomerKnown { code, name, at: at.ok_or_else(without_time)? })
            }
            "customer.anonymised" => {
                let Customer { code, name, anonymised_at, .. } = json(payload)?;
                Ok(Self::CustomerForgotten { code, name, at: anonymised_at.ok_or_else(without_time)? })
            }
            "customer.deleted" => Ok(Self::CustomerGone),
            "product.created" | "product.updated" => {
                let Product { sku, name } = json(payload)?;
                Ok(Self::ProductKnown { sku, name })
            }
            "invoice.validated" => json(payload).map(Self::Invoiced),
            CREDIT_NOTE => json(payload)
                .map(|document| Self::Invoiced(InvoicedDocument { is_credit_note: true, ..document })),
            "payment.received" | "payment.reversed" => json(payload).map(Self::Paid),
            "product.archived" => Ok(Self::ProductArchived),
            "product.deleted" => Ok(Self::ProductGone),
            other => Err(format!("events of the type {other:?} are not known here")),
        }
    }
}

/// Whether an aggregate tells this event once, and the others of its versions not here: its version says nothing of what came before.
pub(super) fn is_told_once(event_type: &str) -> bool {
    ONCE.contains(&event_type)
}

impl Step {
    pub(super) fn event(&self) -> &'static str {
        match self {
            Self::Approved => "order.approved",
            Self::Reserved => "order.reserved",
            Self::BackOrdered => "order.back_ordered",
            Self::Confirmed => "order.confirmed",
            Self::PartlyShipped { .. } => "order.partly_shipped",
            Self::Shipped { .. } => "order.shipped",
            Self::Returned => "order.returned",
            Self::Delivered => "order.delivered",
            Self::Cancelled { .. } => SUBTRACTING,
        }
    }
}

fn moved(
    payload: &[u8],
    step: impl FnOnce(&mut Moved) -> (Step, Option<DateTime<Utc>>),
) -> Result<Fact, String> {
    let mut moved: Moved = json(payload)?;
    let (step, at) = step(&mut moved);
    let at = at.ok_or_else(without_time)?;
    Ok(Fact::Moved(MovedOrder { step, reference: moved.reference, customer_id: moved.customer_id, at }))
}

fn without_time() -> String {
    "the payload does not say when it happened".to_owned()
}

fn json<T: DeserializeOwned>(payload: &[u8]) -> Result<T, String> {
    serde_json::from_slice(payload).map_err(|error| format!("the payload is not what its type says: {error}"))
}

fn money<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Money, D::Error> {
    Money::parse(&String::deserialize(deserializer)?).map_err(|invalid| D::Error::custom(invalid.message))
}

fn quantity<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Quantity, D::Error> {
    Quantity::parse(&String::deserialize(deserializer)?).map_err(|invalid| D::Error::custom(invalid.message))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The published examples (schema/events) of every event that the queue is bound to.
    #[test]
    fn every_published_event_of_orders_customers_and_products_is_read() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../schema/events");
        let mut read = 0;
        for file in std::fs::read_dir(folder).expect("the contracts") {
            let path = file.expect("a file").path();
            let name = path.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
            let Some((event_type, _)) = name.split_once(".v1.example.json") else { continue };
            let is_read = ["order.", "customer.", "product."].iter().any(|kind| event_type.starts_with(kind));
            if !is_read && !is_told_once(event_type) {
                continue;
            }
            let payload = std::fs::read(&path).expect("an example");
            Fact::read(event_type, Some(1), &payload).unwrap_or_else(|error| panic!("{name}: {error}"));
            read += 1;
        }
        assert!(read >= 12, "{read} events");
    }

    #[test]
    fn an_amended_order_is_read_whole() {
        let payload = r#"{"reference":"R","customer_id":"019b7600-0000-7000-8000-000000000001","currency":"EUR","lines":[{"position":1,
            "product_id":"019b7600-0000-7000-8000-000000000002","sku":"S","name":"N","quantity":"2","unit_price":"5","net_amount":"10.00"}],
            "net_total":"10.00","vat_total":"2.00","gross_total":"12.00","placed_at":"2026-01-01T00:00:00Z","status":"confirmed",
            "amended_at":"2026-01-02T00:00:00Z"}"#;
        let fact = Fact::read("order.amended", Some(1), payload.as_bytes()).expect("understood");
        let Fact::Amended(AmendedOrder { order, amended_at }) = fact else { panic!("another fact") };
        assert_eq!((order.lines.len(), order.gross_total.to_string().as_str()), (1, "12.00"));
        assert!(amended_at > order.placed_at);
    }

    /// Each version of an order is told by an event, and one that is not known holds back all that follow.
    #[test]
    fn what_happens_to_an_order_between_its_states_is_read() {
        let payload = |time: &str| {
            format!(
                r#"{{"reference":null,"customer_id":"019b7600-0000-7000-8000-000000000001","tracking_number":"1Z","lines":[],
                "{time}":"2026-01-01T00:00:00Z"}}"#
            )
        };
        for (event_type, time, step) in [
            ("order.approved", "approved_at", Step::Approved),
            ("order.reserved", "changed_at", Step::Reserved),
            ("order.back_ordered", "changed_at", Step::BackOrdered),
            (
                "order.partly_shipped",
                "shipped_at",
                Step::PartlyShipped { tracking_number: Some("1Z".to_owned()) },
            ),
            ("order.returned", "returned_at", Step::Returned),
        ] {
            let fact = Fact::read(event_type, Some(1), payload(time).as_bytes()).expect("understood");
            let Fact::Moved(order) = fact else { panic!("{event_type}") };
            assert_eq!((order.step.event(), &order.step), (event_type, &step));
        }
    }

    #[test]
    fn deposits_are_no_sales_and_credit_notes_are_taken_off() {
        let document = |kind: &str, lines: &str, corrected: &str| {
            let payload = format!(
                r#"{{"kind":"{kind}","customer_id":"019b7600-0000-7000-8000-000000000001","currency":"EUR","issue_date":"2026-03-31",
                "lines":[{lines}],"net_total":"70.00","vat_total":"14.00","gross_total":"84.00"{corrected}}}"#
            );
            let event_type = if kind == "credit_note" { "credit_note.issued" } else { "invoice.validated" };
            match Fact::read(event_type, Some(1), payload.as_bytes()) {
                Ok(Fact::Invoiced(document)) => (document.sold().to_string(), document.vat().to_string()),
                other => panic!("{other:?}"),
            }
        };
        let texts = |sold: &str, vat: &str| (sold.to_owned(), vat.to_owned());
        let (goods, off) = (r#"{"quantity":"1","net":"100.00"}"#, r#"{"quantity":"-1","net":"-30.00"}"#);
        assert_eq!(document("invoice", &format!("{goods},{off}"), ""), texts("100.00", "14.00"));
        assert_eq!(document("prepayment", goods, ""), texts("0.00", "14.00"));
        assert_eq!(document("credit_note", goods, ""), texts("-70.00", "-14.00"));
        assert_eq!(
            document("credit_note", goods, r#","corrected_kind":"invoice""#),
            texts("-70.00", "-14.00")
        );
        assert_eq!(
            document("credit_note", goods, r#","corrected_kind":"prepayment""#),
            texts("0.00", "-14.00")
        );
    }

    #[test]
    fn what_is_not_understood_is_refused_with_a_reason() {
        for (event_type, version, payload, reason) in [
            ("order.placed", Some(2), "{}", "schema-version 2"),
            ("order.placed", None, "{}", "is missing"),
            ("order.placed", Some(1), "{", "not what its type says"),
            ("order.refunded", Some(1), "{}", "order.refunded"),
            ("customer.created", Some(1), r#"{"code":"C","name":1}"#, "not what its type says"),
            ("customer.created", Some(1), r#"{"code":"C","name":"N"}"#, "when it happened"),
        ] {
            let error = Fact::read(event_type, version, payload.as_bytes()).expect_err("refused");
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn an_amount_of_a_gigabyte_of_digits_is_refused() {
        let line = r#"{"reference":null,"customer_id":"019b7600-0000-7000-8000-000000000001","currency":"EUR","lines":[],
            "net_total":"1e999999999","vat_total":"0","gross_total":"0","placed_at":"2026-01-01T00:00:00Z"}"#;
        assert!(Fact::read("order.placed", Some(1), line.as_bytes()).is_err());
    }
}
