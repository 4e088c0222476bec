//! What an invoice says: everything that stands on its pages and in its XML, as plain data. It is read from frozen rows and never computed
//! here; [`crate::validate`] says whether it adds up.
//!
//! Amounts, quantities and rates are exact decimals; as JSON they are strings. The numbers BT-… are those of the business terms of EN 16931-1.

use bigdecimal::BigDecimal;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::decimal;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Invoice {
    pub language: Language,
    /// BT-3.
    pub kind: Kind,
    /// BT-1. For French sellers at most 35 characters out of `A–Z a–z 0–9 + - _ /`.
    pub number: String,
    /// BT-2.
    pub issue_date: NaiveDate,
    /// BT-9.
    #[serde(default)]
    pub due_date: Option<NaiveDate>,
    /// BT-5, ISO 4217. All amounts are in it.
    pub currency: String,
    /// What is sold: BT-23 for French sellers, and a mention on the page.
    pub operations: Operations,
    /// To whom, in the words of the French reform (a note with the subject BAR). Only for French sellers.
    #[serde(default)]
    pub treatment: Option<Treatment>,
    /// BT-8: when the VAT becomes due.
    #[serde(default)]
    pub vat_due: Option<VatDue>,
    pub seller: Party,
    pub buyer: Party,
    /// BG-13.
    #[serde(default)]
    pub delivery: Option<Delivery>,
    /// BG-14: the period that is invoiced.
    #[serde(default)]
    pub period: Option<Period>,
    #[serde(default)]
    pub references: References,
    /// BG-25, at most [`crate::limits::LINES`].
    pub lines: Vec<Line>,
    /// BG-20 and BG-21: discounts and charges on the whole document, at most [`crate::limits::ADJUSTMENTS`].
    #[serde(default)]
    pub adjustments: Vec<DocumentAdjustment>,
    /// BG-23: one for each category and rate.
    pub vat: Vec<VatGroup>,
    pub totals: Totals,
    /// What makes up BT-113, at most [`crate::limits::PREPAYMENTS`]. Not deposits that were invoiced: those are taken off by lines (ADR 33).
    #[serde(default)]
    pub prepayments: Vec<Prepayment>,
    #[serde(default)]
    pub terms: Terms,
    /// BG-16.
    #[serde(default)]
    pub payment: Option<Payment>,
    /// BG-1, in the order in which they are printed, at most [`crate::limits::MENTIONS`].
    #[serde(default)]
    pub mentions: Vec<Mention>,
    #[serde(default)]
    pub style: Style,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    Fr,
    En,
}

/// The types of UNTDID 1001 that are made here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// 380
    Invoice,
    /// 381: positive amounts, and it names what it corrects.
    CreditNote,
    /// 386: a deposit, with its VAT.
    Prepayment,
}

impl Kind {
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Invoice => "380",
            Self::CreditNote => "381",
            Self::Prepayment => "386",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operations {
    Goods,
    Services,
    Mixed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Treatment {
    /// B2B: a French business or public body; these invoices travel through the platforms.
    Business,
    /// B2BINT
    ForeignBusiness,
    /// B2C
    Consumer,
    /// B2CINT
    ForeignConsumer,
}

impl Treatment {
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Business => "B2B",
            Self::ForeignBusiness => "B2BINT",
            Self::Consumer => "B2C",
            Self::ForeignConsumer => "B2CINT",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VatDue {
    /// When the invoice is issued (in France: the option for VAT on debits, which is mentioned on the page).
    OnInvoice,
    OnDelivery,
    OnPayment,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Party {
    /// BT-27, BT-44: the legal name.
    pub name: String,
    /// BT-28, BT-45.
    #[serde(default)]
    pub trading_name: Option<String>,
    /// As it is printed: `SAS`, `GmbH`.
    #[serde(default)]
    pub legal_form: Option<String>,
    #[serde(default)]
    pub capital: Option<Capital>,
    /// The register, as it is printed before the number: `RCS Nantes`.
    #[serde(default)]
    pub register: Option<String>,
    /// BT-30, BT-47: the number in the register; scheme `0002` is the French SIREN.
    #[serde(default)]
    pub legal_id: Option<Identifier>,
    /// BT-29, BT-46: others, such as the SIRET (scheme `0009`) or a GLN (`0088`).
    #[serde(default)]
    pub identifiers: Vec<Identifier>,
    /// BT-31, BT-48, with its country's prefix.
    #[serde(default)]
    pub vat_number: Option<String>,
    /// BT-32: of a seller without VAT number. Not written for buyers.
    #[serde(default)]
    pub tax_number: Option<String>,
    pub address: Address,
    /// BT-34, BT-49; scheme `0225` is the French directory's, `EM` an e-mail address.
    #[serde(default)]
    pub electronic_address: Option<Identifier>,
    #[serde(default)]
    pub contact: Option<Contact>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Capital {
    #[serde(with = "decimal")]
    pub amount: BigDecimal,
    /// ISO 4217.
    pub currency: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identifier {
    /// A code of ISO 6523 or, for electronic addresses, of the list EAS.
    #[serde(default)]
    pub scheme: Option<String>,
    pub value: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Address {
    #[serde(default)]
    pub line1: Option<String>,
    #[serde(default)]
    pub line2: Option<String>,
    #[serde(default)]
    pub line3: Option<String>,
    #[serde(default)]
    pub post_code: Option<String>,
    #[serde(default)]
    pub city: Option<String>,
    #[serde(default)]
    pub subdivision: Option<String>,
    /// ISO 3166-1 alpha-2.
    pub country: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub phone: Option<String>,
    #[serde(default)]
    pub email: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delivery {
    /// BT-72: of goods their delivery, of services their completion.
    #[serde(default)]
    pub date: Option<NaiveDate>,
    /// BT-70.
    #[serde(default)]
    pub name: Option<String>,
    /// BG-15; printed where it is not the buyer's.
    #[serde(default)]
    pub address: Option<Address>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Period {
    pub start: NaiveDate,
    pub end: NaiveDate,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct References {
    /// BT-13: the buyer's order.
    #[serde(default)]
    pub buyer_order: Option<String>,
    /// BT-14: the seller's order.
    #[serde(default)]
    pub order: Option<String>,
    /// BT-12.
    #[serde(default)]
    pub contract: Option<String>,
    /// BT-11.
    #[serde(default)]
    pub project: Option<String>,
    /// BT-10: a service or a person of the buyer's.
    #[serde(default)]
    pub buyer: Option<String>,
    /// BT-16: the delivery note.
    #[serde(default)]
    pub shipment: Option<String>,
    /// BG-3: what a credit note corrects; the deposits that a final invoice takes off by lines.
    #[serde(default)]
    pub preceding: Vec<Preceding>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preceding {
    /// What it is. It is not written: BG-3 has no place for it in EN 16931.
    #[serde(default)]
    pub kind: Option<Kind>,
    /// BT-25.
    pub number: String,
    /// BT-26.
    pub issue_date: NaiveDate,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// BT-126: unique within the document.
    pub position: String,
    /// BT-155.
    #[serde(default)]
    pub sku: Option<String>,
    /// BT-157 with scheme 0160: a GTIN.
    #[serde(default)]
    pub gtin: Option<String>,
    /// BT-153.
    pub name: String,
    /// BT-154.
    #[serde(default)]
    pub description: Option<String>,
    /// BT-134, BT-135.
    #[serde(default)]
    pub period: Option<Period>,
    /// BT-129, at most four decimals. Negative for what is taken off.
    #[serde(with = "decimal")]
    pub quantity: BigDecimal,
    pub unit: Unit,
    /// BT-146, at most six decimals, never negative.
    #[serde(with = "decimal")]
    pub unit_price: BigDecimal,
    /// BG-27 and BG-28, at most [`crate::limits::LINE_ADJUSTMENTS`].
    #[serde(default)]
    pub adjustments: Vec<Adjustment>,
    /// BT-131: quantity × unit price, rounded to two decimals, less discounts, plus charges.
    #[serde(with = "decimal")]
    pub net: BigDecimal,
    pub vat: Vat,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unit {
    /// BT-130: UN/ECE recommendation 20 or 21.
    pub code: String,
    /// As it is printed: `pièce`, `kg`.
    pub name: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdjustmentKind {
    Discount,
    Charge,
}

/// A discount or a charge. Its amount is not negative.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Adjustment {
    pub kind: AdjustmentKind,
    /// Why; printed.
    pub reason: String,
    /// UNTDID 5189 for discounts, 7161 for charges.
    #[serde(default)]
    pub reason_code: Option<String>,
    #[serde(default, with = "decimal::option")]
    pub percent: Option<BigDecimal>,
    /// What the percentage is taken of.
    #[serde(default, with = "decimal::option")]
    pub base: Option<BigDecimal>,
    #[serde(with = "decimal")]
    pub amount: BigDecimal,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DocumentAdjustment {
    pub adjustment: Adjustment,
    pub vat: Vat,
}

/// UNTDID 5305.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Category {
    /// Taxed.
    S,
    /// Zero rate.
    Z,
    /// Exempt.
    E,
    /// Reverse charge.
    AE,
    /// Goods to another member state of the EU.
    K,
    /// Export.
    G,
    /// Outside the scope of VAT.
    O,
}

impl Category {
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::S => "S",
            Self::Z => "Z",
            Self::E => "E",
            Self::AE => "AE",
            Self::K => "K",
            Self::G => "G",
            Self::O => "O",
        }
    }

    /// How the rules of EN 16931 are named for it: BR-IC-08 is that of K.
    pub(crate) const fn family(self) -> &'static str {
        match self {
            Self::K => "IC",
            other => other.code(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vat {
    pub category: Category,
    /// In per cent; none for [`Category::O`].
    #[serde(default, with = "decimal::option")]
    pub rate: Option<BigDecimal>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VatGroup {
    pub vat: Vat,
    /// BT-116.
    #[serde(with = "decimal")]
    pub base: BigDecimal,
    /// BT-117: rounded once, half away from zero.
    #[serde(with = "decimal")]
    pub tax: BigDecimal,
    /// BT-120: why there is no VAT; printed.
    #[serde(default)]
    pub reason: Option<String>,
    /// BT-121: of the list VATEX.
    #[serde(default)]
    pub reason_code: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Totals {
    /// BT-106
    #[serde(with = "decimal")]
    pub lines: BigDecimal,
    /// BT-107
    #[serde(default, with = "decimal::option")]
    pub discounts: Option<BigDecimal>,
    /// BT-108
    #[serde(default, with = "decimal::option")]
    pub charges: Option<BigDecimal>,
    /// BT-109
    #[serde(with = "decimal")]
    pub net: BigDecimal,
    /// BT-110
    #[serde(with = "decimal")]
    pub vat: BigDecimal,
    /// BT-6 and BT-111: the VAT in the currency of the accounts, where that is another.
    #[serde(default)]
    pub vat_accounted: Option<VatAccounted>,
    /// BT-112
    #[serde(with = "decimal")]
    pub gross: BigDecimal,
    /// BT-113
    #[serde(default, with = "decimal::option")]
    pub prepaid: Option<BigDecimal>,
    /// BT-114
    #[serde(default, with = "decimal::option")]
    pub rounding: Option<BigDecimal>,
    /// BT-115
    #[serde(with = "decimal")]
    pub due: BigDecimal,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VatAccounted {
    pub currency: String,
    #[serde(with = "decimal")]
    pub amount: BigDecimal,
}

/// What was paid before the invoice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prepayment {
    pub date: NaiveDate,
    /// Without VAT, and the VAT, where that is known.
    #[serde(default, with = "decimal::option")]
    pub net: Option<BigDecimal>,
    #[serde(default, with = "decimal::option")]
    pub vat: Option<BigDecimal>,
    /// What is taken off, VAT included.
    #[serde(with = "decimal")]
    pub amount: BigDecimal,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// BT-20: `30 jours fin de mois`.
    #[serde(default)]
    pub text: Option<String>,
    /// The yearly rate of the penalty for late payment, in per cent (article L441-10 of the Code de commerce). The sentence is written in the
    /// document's language, unless `mentions` has one with the subject PMD.
    #[serde(default, with = "decimal::option")]
    pub late_payment_rate: Option<BigDecimal>,
    /// The fixed sum for recovery costs, in euros (article D441-5: 40); subject PMT.
    #[serde(default, with = "decimal::option")]
    pub recovery_fee: Option<BigDecimal>,
    /// Whether there is a discount for early payment, and which; subject AAB. `none` makes the sentence that there is none.
    #[serde(default)]
    pub early_payment: Option<EarlyPayment>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum EarlyPayment {
    None,
    /// The conditions, in the document's language.
    Discount(String),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Payment {
    /// BT-81, UNTDID 4461: 58 is a SEPA transfer, 30 a transfer, 59 a SEPA direct debit, 48 a card, 10 cash, 20 a cheque.
    pub means: String,
    /// BT-82, printed: `Virement`.
    #[serde(default)]
    pub text: Option<String>,
    /// BT-83: what the buyer is to quote.
    #[serde(default)]
    pub reference: Option<String>,
    /// BG-17, at most [`crate::limits::ACCOUNTS`].
    #[serde(default)]
    pub accounts: Vec<Account>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// BT-84: an IBAN, without spaces.
    pub iban: String,
    /// BT-86.
    #[serde(default)]
    pub bic: Option<String>,
    /// BT-85.
    #[serde(default)]
    pub holder: Option<String>,
    /// Printed only.
    #[serde(default)]
    pub bank: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mention {
    /// BT-21, UNTDID 4451: PMT, PMD, AAB, REG, TXD, AAI, …
    #[serde(default)]
    pub subject: Option<String>,
    /// BT-22. Line breaks are kept.
    pub text: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Style {
    /// A PNG, at most [`crate::limits::LOGO_BYTES`] and [`crate::limits::LOGO_PIXELS`] a side.
    #[serde(default, with = "crate::decimal::base64")]
    pub logo: Option<Vec<u8>>,
    /// `#rrggbb`. It is darkened where white paper would make it unreadable.
    #[serde(default)]
    pub accent: Option<String>,
    /// At the foot of every page, under the seller's legal line.
    #[serde(default)]
    pub footer: Option<String>,
}
