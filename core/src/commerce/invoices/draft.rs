//! What somebody wants to invoice, before it has a number: it can be changed, and may be incomplete.

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use super::content::{InvoiceKind, Vat};
use super::totals::AdjustmentKind;
use crate::commerce::prices::PriceOrigin;
use crate::commerce::vat::{Category, Nature};
use crate::values::business_date::BusinessDate;
use crate::values::contact::PostalAddress;
use crate::values::ids::{CustomerId, InvoiceId, OrderId, ProductId, ReturnId};
use crate::values::invalid::Invalid;
use crate::values::language::Language;
use crate::values::money::{Money, Quantity, UnitPrice, VatRate};
use crate::values::payment_terms::PaymentTerms;
use crate::values::text::text;
use crate::values::unit::Unit;

/// The maximum number of lines of one invoice.
pub const MAX_LINES: usize = 5_000;
/// The maximum number of deposits that one invoice takes off: its document names each of them.
pub const MAX_DEPOSITS: usize = 50;
/// The maximum number of discounts and charges of a line, and of a document.
pub const MAX_ADJUSTMENTS: usize = 20;

text!(
    /// What the customer calls the order that is invoiced (EN 16931, BT-13).
    OrderReference, "an order's reference", 100
);
text!(
    /// What is invoiced by a line (EN 16931, BT-153).
    LineName, "the name of a line", 200
);
text!(
    /// More about it (EN 16931, BT-154).
    LineDescription, "the description of a line", 1000
);
text!(
    /// The seller's number of it (EN 16931, BT-155).
    LineSku, "the article number of a line", 64
);
text!(
    /// Why there is a discount or a charge, or no VAT.
    InvoiceReason, "a reason", 200
);
text!(
    /// What the document says besides (EN 16931, BT-22).
    InvoiceNote, "a note", 1000
);

/// Texts that are read back from the database, where they were checked before they were stored.
macro_rules! read_back {
    ($($name:ident),*) => {$(
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer).map(Self::stored)
            }
        }
    )*};
}
read_back!(OrderReference, LineName, LineDescription, LineSku, InvoiceReason, InvoiceNote);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    pub customer_id: CustomerId,
    /// `None` is the day on which it is validated.
    pub issue_date: Option<BusinessDate>,
    /// `None` is what was agreed with the customer, or what the law says.
    pub due_on: Option<BusinessDate>,
    /// When the goods were delivered, or the service was done; `None` is the issue date, or no day of what has not left (`unshipped`).
    pub delivered_on: Option<BusinessDate>,
    /// `None` is the customer's, or the company's.
    pub language: Option<Language>,
    pub reference: Option<OrderReference>,
    pub note: Option<InvoiceNote>,
    /// `None` is the customer's.
    pub delivery_address: Option<PostalAddress>,
    /// What it invoices together: a calendar month, say (EN 16931, BG-14).
    #[serde(default)]
    pub period: Option<Period>,
    pub lines: Vec<DraftLine>,
    pub adjustments: Vec<DraftAdjustment>,
    /// Whether it also invoices what has not left yet: as far as that is reserved when it is validated.
    #[serde(default)]
    pub unshipped: bool,
    /// The deposits that it takes off. Their lines are made when it is validated.
    #[serde(default)]
    pub deposits: Vec<InvoiceId>,
    /// What a credit note gives back; its lines are made of this once more when it is validated.
    #[serde(default)]
    pub correction: Option<Correction>,
    /// The order of which it is a deposit.
    #[serde(default)]
    pub deposit_of: Option<OrderId>,
}

/// What is to be given back of an invoice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Correction {
    pub invoice_id: InvoiceId,
    pub wanted: WantedCredit,
    /// What came back, if it is for that.
    pub return_id: Option<ReturnId>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WantedCredit {
    /// All that no other credit note has given back.
    Rest,
    Parts(Vec<CreditPart>),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CreditPart {
    /// So much of a line, at the invoice's price. Lines count from 1.
    Quantity { line: i16, quantity: Quantity },
    /// An amount without VAT, of a line.
    Line { line: i16, amount: Money },
    /// An amount without VAT, of all that has this category and rate.
    Group { vat: Vat, amount: Money },
}

/// Days, both of them included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = InvoicePeriod)]
pub struct Period {
    #[schema(value_type = chrono::NaiveDate)]
    pub start: BusinessDate,
    #[schema(value_type = chrono::NaiveDate)]
    pub end: BusinessDate,
}

impl Period {
    /// # Errors
    /// `end_before_start` if it ends before it begins.
    pub fn new(start: BusinessDate, end: BusinessDate) -> Result<Self, Invalid> {
        if end < start {
            return Err(Invalid::new(
                "end_before_start",
                format!("a period from {start} cannot end on {end}"),
            ));
        }
        Ok(Self { start, end })
    }

    /// A month of the calendar, written `2026-11`.
    ///
    /// # Errors
    /// `not_a_month` if it is none.
    pub fn month(text: &str) -> Result<Self, Invalid> {
        let start = if text.len() == 7 { BusinessDate::parse(&format!("{text}-01")).ok() } else { None };
        let start = start.ok_or_else(|| Invalid::new("not_a_month", "expected a month such as 2026-11"))?;
        let end = PaymentTerms::stored(0, true).due_on(start.date());
        Ok(Self { start, end: BusinessDate::stored(end) })
    }
}

/// The line of an order that a line invoices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[schema(as = InvoicedOrderLine)]
pub struct Source {
    #[schema(value_type = uuid::Uuid)]
    pub order_id: OrderId,
    /// Counts from 1.
    pub position: i16,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DraftLine {
    /// What it invoices of an order, if it does.
    #[serde(default)]
    pub source: Option<Source>,
    /// The product that is sold, if it is one.
    pub product_id: Option<ProductId>,
    pub sku: Option<LineSku>,
    pub name: LineName,
    pub description: Option<LineDescription>,
    pub nature: Nature,
    pub quantity: Quantity,
    pub unit: Unit,
    pub unit_price: UnitPrice,
    pub adjustments: Vec<Reasoned>,
    pub vat: DraftVat,
    /// Which price it has; not known of lines that are older than that.
    #[serde(default)]
    pub price: Option<PriceOrigin>,
    #[serde(default)]
    pub role: LineRole,
}

/// What a line is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineRole {
    #[default]
    Sale,
    /// Of a deposit, or of a credit note of one: no turnover.
    Deposit,
    /// Takes a deposit off: its quantity counts below zero.
    TakesDepositOff,
}

/// A discount or a charge, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reasoned {
    pub kind: AdjustmentKind,
    /// EN 16931 wants a reason (BR-33, BR-38, BR-42, BR-44).
    pub reason: InvoiceReason,
    pub value: ReasonedValue,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasonedValue {
    Amount(Money),
    Percent(VatRate),
}

/// A discount or a charge of the whole document, with the VAT of what it adjusts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DraftAdjustment {
    pub adjustment: Reasoned,
    pub nature: Nature,
    pub vat: DraftVat,
}

/// What is known of a line's VAT: the rate at home, from which the rule derives the rest, or what somebody chose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DraftVat {
    /// The rate at home; with a chosen category, the rate of that.
    pub rate: VatRate,
    /// Replaces the rule.
    pub category: Option<Category>,
    /// Why there is no VAT: of an exemption at home, or of what was chosen.
    pub reason: Option<DraftReason>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DraftReason {
    /// A code of the list VATEX.
    pub code: Option<String>,
    pub text: InvoiceReason,
}

impl Draft {
    pub fn kind(&self) -> InvoiceKind {
        match (&self.correction, self.deposit_of) {
            (Some(_), _) => InvoiceKind::CreditNote,
            (None, Some(_)) => InvoiceKind::Prepayment,
            (None, None) => InvoiceKind::Invoice,
        }
    }

    /// # Errors
    /// `wrong_length` if there are no lines or more than 5,000, or more than 20 discounts and charges in one place.
    pub fn check_sizes(lines: usize, adjustments: usize) -> Result<(), Invalid> {
        if !(1..=MAX_LINES).contains(&lines) {
            let message = format!("an invoice has 1 to {MAX_LINES} lines, not {lines}");
            return Err(Invalid::new("wrong_length", message));
        }
        check_adjustments(adjustments)
    }
}

/// # Errors
/// `too_many` if there are more than 50.
pub fn check_deposits(count: usize) -> Result<(), Invalid> {
    if count <= MAX_DEPOSITS {
        return Ok(());
    }
    let message = format!("at most {MAX_DEPOSITS} deposits are taken off one invoice, not {count}");
    Err(Invalid::new("too_many", message))
}

/// # Errors
/// `wrong_length` if there are more than 20.
pub fn check_adjustments(count: usize) -> Result<(), Invalid> {
    if count <= MAX_ADJUSTMENTS {
        return Ok(());
    }
    let message = format!("at most {MAX_ADJUSTMENTS} discounts and charges are possible here, not {count}");
    Err(Invalid::new("wrong_length", message))
}

#[cfg(test)]
pub(crate) mod tests {
    use uuid::Uuid;

    use super::*;

    pub(crate) fn line(name: &str, quantity: &str, unit_price: &str, rate: &str) -> DraftLine {
        DraftLine {
            source: None,
            product_id: None,
            sku: LineSku::parse("TEA-EG-250").ok(),
            name: LineName::parse(name).expect("a name"),
            description: None,
            nature: Nature::Goods,
            quantity: Quantity::parse(quantity).expect("a quantity"),
            unit: Unit::default(),
            unit_price: UnitPrice::parse(unit_price).expect("a price"),
            adjustments: vec![],
            vat: DraftVat { rate: VatRate::parse(rate).expect("a rate"), category: None, reason: None },
            price: None,
            role: LineRole::Sale,
        }
    }

    pub(crate) fn draft(lines: Vec<DraftLine>) -> Draft {
        Draft {
            customer_id: CustomerId::from_uuid(Uuid::from_u128(1)),
            issue_date: None,
            due_on: None,
            delivered_on: None,
            language: None,
            reference: OrderReference::parse("PO-7").ok(),
            note: None,
            delivery_address: None,
            period: None,
            lines,
            adjustments: vec![],
            unshipped: false,
            deposits: vec![],
            correction: None,
            deposit_of: None,
        }
    }

    #[test]
    fn a_draft_is_read_back_as_it_was_stored() {
        let mut stored = draft(vec![line("Earl Grey, 250 g", "2.5", "12.50", "5.5")]);
        stored.issue_date = BusinessDate::parse("2026-11-30").ok();
        stored.lines[0].vat.reason = Some(DraftReason {
            code: Some("VATEX-EU-I".to_owned()),
            text: InvoiceReason::parse("x").expect("valid"),
        });
        stored.adjustments.push(DraftAdjustment {
            adjustment: Reasoned {
                kind: AdjustmentKind::Charge,
                reason: InvoiceReason::parse("Port").expect("valid"),
                value: ReasonedValue::Amount(Money::parse("6.90").expect("valid")),
            },
            nature: Nature::Service,
            vat: stored.lines[0].vat.clone(),
        });
        let json = serde_json::to_value(&stored).expect("JSON");
        assert_eq!(json["lines"][0]["unit_price"], "12.50");
        assert_eq!(serde_json::from_value::<Draft>(json).expect("a draft"), stored);
    }

    #[test]
    fn a_draft_of_before_there_were_credit_notes_and_deposits_is_read() {
        let mut json = serde_json::to_value(draft(vec![line("Tea", "1", "1", "20")])).expect("JSON");
        let members = json.as_object_mut().expect("an object");
        for later in ["unshipped", "deposits", "correction", "deposit_of"] {
            assert!(members.remove(later).is_some(), "{later}");
        }
        assert!(json["lines"][0].as_object_mut().expect("an object").remove("role").is_some());
        let read: Draft = serde_json::from_value(json).expect("a draft");
        assert_eq!((read.kind(), read.lines[0].role), (InvoiceKind::Invoice, LineRole::Sale));
    }

    #[test]
    fn what_is_to_be_credited_is_read_back() {
        let vat = Vat { category: Category::Standard, rate: VatRate::parse("5.5").ok() };
        let money = |text: &str| Money::parse(text).expect("an amount");
        let parts = vec![
            CreditPart::Quantity { line: 1, quantity: Quantity::parse("2").expect("a quantity") },
            CreditPart::Line { line: 2, amount: money("1.50") },
            CreditPart::Group { vat, amount: money("3") },
        ];
        for wanted in [WantedCredit::Rest, WantedCredit::Parts(parts)] {
            let mut given = draft(vec![line("Tea", "1", "1", "20")]);
            let invoice_id = InvoiceId::from_uuid(Uuid::from_u128(2));
            given.correction = Some(Correction { invoice_id, wanted, return_id: None });
            let json = serde_json::to_value(&given).expect("JSON");
            let read: Draft = serde_json::from_value(json).expect("a draft");
            assert_eq!((&read, read.kind()), (&given, InvoiceKind::CreditNote));
        }
    }

    #[test]
    fn a_month_is_all_its_days() {
        let month =
            |text: &str| Period::month(text).map(|month| (month.start.to_string(), month.end.to_string()));
        assert_eq!(month("2028-02"), Ok(("2028-02-01".to_owned(), "2028-02-29".to_owned())));
        assert_eq!(month("2026-12"), Ok(("2026-12-01".to_owned(), "2026-12-31".to_owned())));
        for text in ["", "2026", "2026-13", "2026-1", "2026-11-01", "11-2026"] {
            assert_eq!(Period::month(text).map_err(|refused| refused.code), Err("not_a_month"), "{text}");
        }
    }

    #[test]
    fn an_invoice_has_lines_and_not_too_many() {
        for (lines, adjustments, is_right) in
            [(0, 0, false), (1, 0, true), (5_000, 20, true), (5_001, 0, false), (1, 21, false)]
        {
            assert_eq!(Draft::check_sizes(lines, adjustments).is_ok(), is_right, "{lines} {adjustments}");
        }
    }
}
