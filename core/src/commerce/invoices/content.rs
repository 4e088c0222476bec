//! What an invoice says from its validation on. It is written once, as JSON, hashed, and never changed; the document is rendered from it alone.
//! The members are those of the documents' own model (api/documents): that reads this text as it is.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::draft::Period;
use super::mentions::Operations;
use super::totals::AdjustmentKind;
use crate::commerce::vat::Category;
use crate::values::business_date::BusinessDate;
use crate::values::contact::PostalAddress;
use crate::values::language::Language;
use crate::values::money::{Money, Quantity, UnitPrice, VatRate};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = InvoiceContent)]
pub struct Content {
    pub language: Language,
    pub kind: InvoiceKind,
    #[schema(example = "FA-2026-000123")]
    pub number: String,
    #[schema(value_type = chrono::NaiveDate)]
    pub issue_date: BusinessDate,
    #[schema(value_type = chrono::NaiveDate)]
    pub due_date: BusinessDate,
    /// ISO 4217. All amounts are in it.
    #[schema(example = "EUR")]
    pub currency: String,
    pub operations: Operations,
    /// To whom, in the words of the French reform; null where the seller is elsewhere.
    pub treatment: Option<Treatment>,
    /// When the VAT on services is due; null if there are none.
    pub vat_due: Option<VatDue>,
    pub seller: Party,
    pub buyer: Party,
    pub delivery: Delivery,
    /// What it invoices together; null if it is no period.
    pub period: Option<Period>,
    pub references: References,
    pub lines: Vec<Line>,
    pub adjustments: Vec<DocumentAdjustment>,
    /// One for each category and rate.
    pub vat: Vec<VatGroup>,
    pub totals: Totals,
    pub payment: Option<Payment>,
    pub mentions: Vec<Note>,
}

/// A type of UNTDID 1001.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum InvoiceKind {
    /// 380
    Invoice,
    /// 381
    CreditNote,
    /// 386: a deposit.
    Prepayment,
}

impl InvoiceKind {
    pub const ALL: [Self; 3] = [Self::Invoice, Self::CreditNote, Self::Prepayment];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Invoice => "invoice",
            Self::CreditNote => "credit_note",
            Self::Prepayment => "prepayment",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// As people call it.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Invoice => "invoice",
            Self::CreditNote => "credit note",
            Self::Prepayment => "deposit",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = InvoiceTreatment)]
pub enum Treatment {
    /// A French business or public body.
    Business,
    ForeignBusiness,
    Consumer,
    ForeignConsumer,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = InvoiceVatDue)]
pub enum VatDue {
    OnInvoice,
    OnPayment,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = InvoiceParty)]
pub struct Party {
    #[schema(example = "Librairie des Carmes")]
    pub name: String,
    #[schema(example = "SARL")]
    pub legal_form: Option<String>,
    pub capital: Option<Capital>,
    #[schema(example = "RCS Nantes")]
    pub register: Option<String>,
    /// The number in the register; scheme 0002 is the French SIREN.
    pub legal_id: Option<Identifier>,
    /// Others; scheme 0009 is the French SIRET.
    pub identifiers: Vec<Identifier>,
    pub vat_number: Option<String>,
    pub address: Address,
    pub electronic_address: Option<Identifier>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = InvoiceCapital)]
pub struct Capital {
    #[schema(value_type = String, example = "10000.00")]
    pub amount: Money,
    #[schema(example = "EUR")]
    pub currency: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = InvoiceIdentifier)]
pub struct Identifier {
    #[schema(example = "0002")]
    pub scheme: Option<String>,
    #[schema(example = "732829320")]
    pub value: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = InvoiceAddress)]
pub struct Address {
    pub line1: Option<String>,
    pub line2: Option<String>,
    pub post_code: Option<String>,
    pub city: Option<String>,
    /// ISO 3166-1 alpha-2.
    #[schema(example = "FR")]
    pub country: String,
}

impl From<&PostalAddress> for Address {
    fn from(address: &PostalAddress) -> Self {
        Self {
            line1: Some(address.line1.to_string()),
            line2: address.line2.as_ref().map(ToString::to_string),
            post_code: address.postal_code.as_ref().map(ToString::to_string),
            city: Some(address.city.to_string()),
            country: address.country.code().to_owned(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = InvoiceDelivery)]
pub struct Delivery {
    /// Null for a deposit, and for what had not left when it was invoiced: nothing was delivered yet.
    #[schema(value_type = Option<chrono::NaiveDate>)]
    pub date: Option<BusinessDate>,
    pub address: Option<Address>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = InvoiceReferences)]
pub struct References {
    /// What the customer calls the order.
    pub buyer_order: Option<String>,
    /// What a credit note corrects, or the deposits that a final invoice takes off (BG-3).
    pub preceding: Vec<Preceding>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = PrecedingInvoice)]
pub struct Preceding {
    /// `invoice` or `prepayment`.
    pub kind: InvoiceKind,
    #[schema(example = "FA-2026-000122")]
    pub number: String,
    #[schema(value_type = chrono::NaiveDate)]
    pub issue_date: BusinessDate,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = InvoiceLine)]
pub struct Line {
    /// Counts from 1.
    #[schema(example = "1")]
    pub position: String,
    #[schema(example = "TEA-EG-250")]
    pub sku: Option<String>,
    #[schema(example = "Earl Grey, 250 g")]
    pub name: String,
    pub description: Option<String>,
    /// Less than zero where a deposit is taken off.
    #[schema(value_type = String, example = "2")]
    pub quantity: Quantity,
    pub unit: UnitName,
    #[schema(value_type = String, example = "12.50")]
    pub unit_price: UnitPrice,
    pub adjustments: Vec<Adjustment>,
    #[schema(value_type = String, example = "25.00")]
    pub net: Money,
    pub vat: Vat,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = InvoiceUnit)]
pub struct UnitName {
    #[schema(example = "C62")]
    pub code: String,
    #[schema(example = "one")]
    pub name: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = InvoiceAdjustment)]
pub struct Adjustment {
    pub kind: AdjustmentKind,
    #[schema(example = "Loyalty discount")]
    pub reason: String,
    #[schema(value_type = Option<String>, example = "10")]
    pub percent: Option<VatRate>,
    /// What the percentage is of.
    #[schema(value_type = Option<String>, example = "25.00")]
    pub base: Option<Money>,
    #[schema(value_type = String, example = "2.50")]
    pub amount: Money,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = InvoiceDocumentAdjustment)]
pub struct DocumentAdjustment {
    pub adjustment: Adjustment,
    pub vat: Vat,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = InvoiceVat)]
pub struct Vat {
    pub category: Category,
    /// In percent; null if and only if the category is O.
    #[schema(value_type = Option<String>, example = "20")]
    pub rate: Option<VatRate>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = InvoiceVatGroup)]
pub struct VatGroup {
    pub vat: Vat,
    #[schema(value_type = String, example = "25.00")]
    pub base: Money,
    #[schema(value_type = String, example = "5.00")]
    pub tax: Money,
    /// Why there is none, in the language of the invoice.
    pub reason: Option<String>,
    /// Of the list VATEX.
    pub reason_code: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = InvoiceTotals)]
pub struct Totals {
    #[schema(value_type = String, example = "25.00")]
    pub lines: Money,
    #[schema(value_type = String, example = "0.00")]
    pub discounts: Money,
    #[schema(value_type = String, example = "0.00")]
    pub charges: Money,
    #[schema(value_type = String, example = "25.00")]
    pub net: Money,
    #[schema(value_type = String, example = "5.00")]
    pub vat: Money,
    #[schema(value_type = String, example = "30.00")]
    pub gross: Money,
    #[schema(value_type = String, example = "30.00")]
    pub due: Money,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = InvoicePayment)]
pub struct Payment {
    /// UNTDID 4461: 58 is a SEPA transfer.
    #[schema(example = "58")]
    pub means: String,
    /// What the customer is to quote.
    #[schema(example = "FA-2026-000123")]
    pub reference: String,
    pub accounts: Vec<Account>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = InvoiceAccount)]
pub struct Account {
    #[schema(example = "FR1420041010050500013M02606")]
    pub iban: String,
    pub bic: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = InvoiceNote)]
pub struct Note {
    /// UNTDID 4451.
    #[schema(example = "PMT")]
    pub subject: Option<String>,
    #[schema(example = "Recovery costs for a late payment: 40.00 EUR.")]
    pub text: String,
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// An invoice of 10.00 and 20 % of VAT.
    pub(crate) fn content(number: &str) -> Content {
        let money = |text: &str| Money::parse(text).expect("an amount");
        let date = |text: &str| BusinessDate::parse(text).expect("a date");
        let vat = Vat { category: Category::Standard, rate: VatRate::parse("20").ok() };
        let party = |name: &str| Party {
            name: name.to_owned(),
            legal_form: None,
            capital: None,
            register: None,
            legal_id: None,
            identifiers: vec![],
            vat_number: None,
            address: Address {
                line1: None,
                line2: None,
                post_code: None,
                city: None,
                country: "FR".to_owned(),
            },
            electronic_address: None,
        };
        Content {
            language: Language::Fr,
            kind: InvoiceKind::Invoice,
            number: number.to_owned(),
            issue_date: date("2026-11-30"),
            due_date: date("2026-12-30"),
            currency: "EUR".to_owned(),
            operations: Operations::Goods,
            treatment: Some(Treatment::Business),
            vat_due: None,
            seller: party("Comptoir des Docks"),
            buyer: party("Librairie des Carmes"),
            delivery: Delivery { date: Some(date("2026-11-30")), address: None },
            period: None,
            references: References::default(),
            lines: vec![Line {
                position: "1".to_owned(),
                sku: Some("TEA-EG-250".to_owned()),
                name: "Earl Grey, 250 g".to_owned(),
                description: None,
                quantity: Quantity::parse("1").expect("a quantity"),
                unit: UnitName { code: "C62".to_owned(), name: "one".to_owned() },
                unit_price: UnitPrice::parse("10").expect("a price"),
                adjustments: vec![],
                net: money("10"),
                vat: vat.clone(),
            }],
            adjustments: vec![],
            vat: vec![VatGroup { vat, base: money("10"), tax: money("2"), reason: None, reason_code: None }],
            totals: Totals {
                lines: money("10"),
                discounts: Money::zero(),
                charges: Money::zero(),
                net: money("10"),
                vat: money("2"),
                gross: money("12"),
                due: money("12"),
            },
            payment: None,
            mentions: vec![],
        }
    }

    /// The same file is read by the documents' crate (`api/documents/tests/documents/rules.rs`), which refuses members that it does not know.
    #[test]
    fn the_members_are_those_of_the_documents_input() {
        let text = include_str!("../../../../api/documents/tests/frozen.json");
        let json: serde_json::Value = serde_json::from_str(text).expect("JSON");
        let content: Content = serde_json::from_value(json.clone()).expect("a content");
        assert_eq!(serde_json::to_value(&content).expect("JSON"), json);
    }

    #[test]
    fn kinds_are_read_back() {
        for kind in InvoiceKind::ALL {
            assert_eq!(InvoiceKind::from_name(kind.name()), Some(kind));
            assert_eq!(serde_json::to_value(kind).expect("JSON"), kind.name());
        }
    }
}
