//! The only place that knows `en16931` and `en16931-formats` (ADR 34): our invoice as their model, their findings as our faults, their XML,
//! and the embedding of it.

use std::time::{Duration, SystemTime};

use bigdecimal::BigDecimal;
use chrono::{Datelike, NaiveDate};
use en16931::bt::{Group, Path};
use en16931::invoice::{self as model, Code};
use en16931::profiles::En16931;
use en16931::validation::profile::{ProfileMarker, Validated};
use en16931::{
    Date, DocumentKind, DocumentReference, InvoiceAmount, InvoiceNote, Percentage, Quantity, UnitPriceAmount,
};
use en16931_formats::Syntax;
use en16931_formats::zugferd::{self, EmbedOptions, Metadata, Relationship};
use rust_decimal::Decimal;

use crate::{
    Address, Adjustment, AdjustmentKind, Contact, Fault, Identifier, Invoice, Kind, Language, Operations,
    Party, Payment, RenderError, Vat, VatDue, words,
};

/// BT-24 of the profile.
const SPECIFICATION: &str = "urn:cen.eu:en16931:2017";
/// The scheme of a GTIN.
const GTIN: &str = "0160";

/// A number that does not fit the model. [`crate::validate`] refuses it before by its digits and decimals.
#[derive(Debug)]
struct Unfit(String);

fn unfit(value: &BigDecimal) -> Unfit {
    Unfit(format!("{} does not fit", value.to_plain_string()))
}

/// What the rules of EN 16931 find.
pub(crate) fn faults(invoice: &Invoice) -> Vec<Fault> {
    match of(invoice) {
        Ok(model) => {
            let report = En16931::PROFILE.validate(&model);
            report
                .fatal()
                .map(|finding| {
                    Fault::new(
                        finding.rule.as_str(),
                        pointer(invoice, &finding.path),
                        finding.message.as_str(),
                    )
                })
                .collect()
        }
        Err(Unfit(message)) => vec![Fault::new("limit", "", message)],
    }
}

/// The PDF with the XML in it, and the XML.
pub(crate) fn embed(invoice: &Invoice, pdf: &[u8]) -> Result<(Vec<u8>, String), RenderError> {
    let failed = |message: String| RenderError::Embed(message);
    let model = of(invoice).map_err(|Unfit(message)| failed(message))?;
    let proof = Validated::<En16931>::new(model).map_err(|rejected| failed(rejected.to_string()))?;
    let written = en16931_formats::write(&proof, Syntax::Cii);
    if let Some(entry) = written.entries.first() {
        return Err(failed(format!("the XML cannot carry everything: {entry}")));
    }
    let title = format!("{} {}", words::title(invoice), invoice.number);
    let issued = words::date(invoice.language, invoice.issue_date);
    let options = EmbedOptions {
        relationship: Relationship::Alternative,
        metadata: Some(Metadata {
            title: format!("{title} – {}", invoice.seller.name),
            subject: match invoice.language {
                Language::Fr => format!("{title} du {issued}, {}", invoice.seller.name),
                Language::En => format!("{title} of {issued}, {}", invoice.seller.name),
            },
            author: invoice.seller.name.clone(),
        }),
        modified: Some(midnight(invoice.issue_date)),
    };
    let pdf = zugferd::embed(pdf, &proof, &options).map_err(|error| failed(error.to_string()))?;
    Ok((pdf, written.xml))
}

/// The beginning of a day, UTC; of a day before 1970, that of 1970.
fn midnight(date: NaiveDate) -> SystemTime {
    let days = date.signed_duration_since(NaiveDate::default()).num_days();
    SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(days).unwrap_or(0).saturating_mul(86_400))
}

/// BT-23 in the French list: what is sold, then whether it was paid before (2), or is the final invoice after deposits (4): an invoice names others only to take
/// them off.
pub(crate) fn framework(invoice: &Invoice) -> String {
    let operations = match invoice.operations {
        Operations::Goods => 'B',
        Operations::Services => 'S',
        Operations::Mixed => 'M',
    };
    let totals = &invoice.totals;
    let paid = totals.prepaid.as_ref() == Some(&totals.gross)
        && totals.gross > BigDecimal::default()
        && invoice.due_date.is_some();
    let stage = if invoice.kind == Kind::Invoice && !invoice.references.preceding.is_empty() {
        '4'
    } else if paid && totals.rounding.is_none() {
        '2'
    } else {
        '1'
    };
    format!("{operations}{stage}")
}

// ── our invoice as the model ──────────────────────────────────────────────

fn of(invoice: &Invoice) -> Result<model::Invoice, Unfit> {
    let french = invoice.seller.address.country == "FR";
    let totals = &invoice.totals;
    let accounted = totals.vat_accounted.as_ref();
    let of_kind = |kind| {
        let on = invoice.adjustments.iter().filter(move |on| on.adjustment.kind == kind);
        on.map(|on| document_adjustment(&on.adjustment, &on.vat)).collect::<Result<Vec<_>, _>>()
    };
    let mut preceding = preceding(invoice)?;
    let mut notes = notes(invoice, french);
    if preceding.len() > 1 {
        // CII has room for one; what does not fit is said in words.
        notes.push(InvoiceNote::new(preceding_in_words(invoice)));
        preceding.truncate(1);
    }
    let mut model = model::Invoice::builder(
        SPECIFICATION,
        invoice.number.as_str(),
        date(invoice.issue_date)?,
        invoice.kind.code(),
        invoice.currency.as_str(),
    )
    .build();
    if invoice.kind == Kind::CreditNote {
        model.kind = DocumentKind::CreditNote;
    }
    model.business_process = french.then(|| framework(invoice));
    // UNTDID 2005; CII has other codes for the same, which the crate knows.
    model.vat_point_date_code = invoice.vat_due.map(|due| {
        Code::new(match due {
            VatDue::OnInvoice => "3",
            VatDue::OnDelivery => "35",
            VatDue::OnPayment => "432",
        })
    });
    model.due_date = invoice.due_date.map(date).transpose()?;
    model.buyer_reference = invoice.references.buyer.clone();
    model.project_reference = reference(invoice.references.project.as_ref());
    model.contract_reference = reference(invoice.references.contract.as_ref());
    model.purchase_order_reference = reference(invoice.references.buyer_order.as_ref());
    model.sales_order_reference = reference(invoice.references.order.as_ref());
    model.despatch_advice_reference = reference(invoice.references.shipment.as_ref());
    model.payment_terms = invoice.terms.text.clone();
    model.notes = notes;
    model.preceding_invoices = preceding;
    model.seller = party(invoice, &invoice.seller, true);
    model.buyer = party(invoice, &invoice.buyer, false);
    model.delivery = delivery(invoice)?;
    model.invoicing_period = invoice.period.map(period).transpose()?;
    model.payment = invoice.payment.as_ref().map(payment);
    model.allowances = of_kind(AdjustmentKind::Discount)?;
    model.charges = of_kind(AdjustmentKind::Charge)?;
    model.vat_breakdown = invoice.vat.iter().map(vat_group).collect::<Result<_, _>>()?;
    model.lines = invoice.lines.iter().map(line).collect::<Result<_, _>>()?;
    model.vat_accounting_currency = accounted.map(|accounted| Code::new(accounted.currency.as_str()));
    model.totals = model::DocumentTotals {
        line_total: amount(&totals.lines)?,
        allowance_total: totals.discounts.as_ref().map(amount).transpose()?,
        charge_total: totals.charges.as_ref().map(amount).transpose()?,
        taxable_total: amount(&totals.net)?,
        vat_total: Some(amount(&totals.vat)?),
        vat_total_accounting: accounted.map(|accounted| amount(&accounted.amount)).transpose()?,
        gross_total: amount(&totals.gross)?,
        paid: totals.prepaid.as_ref().map(amount).transpose()?,
        rounding: totals.rounding.as_ref().map(amount).transpose()?,
        due: amount(&totals.due)?,
    };
    Ok(model)
}

fn amount(value: &BigDecimal) -> Result<InvoiceAmount, Unfit> {
    InvoiceAmount::parse(&value.normalized().to_plain_string()).map_err(|_| unfit(value))
}

fn decimal(value: &BigDecimal) -> Result<Decimal, Unfit> {
    Decimal::from_str_exact(&value.normalized().to_plain_string()).map_err(|_| unfit(value))
}

fn rate(value: &BigDecimal) -> Result<Percentage, Unfit> {
    decimal(value).map(Percentage::new)
}

fn date(date: NaiveDate) -> Result<Date, Unfit> {
    let (month, day) = (u8::try_from(date.month()), u8::try_from(date.day()));
    match (month, day) {
        (Ok(month), Ok(day)) => Date::new(date.year(), month, day).map_err(|error| Unfit(error.to_string())),
        _ => Err(Unfit(format!("{date} is no date"))),
    }
}

fn period(period: crate::Period) -> Result<model::Period, Unfit> {
    Ok(model::Period { start: Some(date(period.start)?), end: Some(date(period.end)?) })
}

fn reference(text: Option<&String>) -> Option<DocumentReference> {
    text.map(DocumentReference::new)
}

fn identifier(id: &Identifier) -> en16931::Identifier {
    match &id.scheme {
        Some(scheme) => en16931::Identifier::schemed(id.value.as_str(), scheme.as_str()),
        None => en16931::Identifier::new(id.value.as_str()),
    }
}

fn address(address: &Address) -> model::PostalAddress {
    model::PostalAddress {
        line1: address.line1.clone(),
        line2: address.line2.clone(),
        line3: address.line3.clone(),
        city: address.city.clone(),
        post_code: address.post_code.clone(),
        subdivision: address.subdivision.clone(),
        country: Some(Code::new(address.country.as_str())),
    }
}

fn party(invoice: &Invoice, party: &Party, seller: bool) -> model::Party {
    model::Party {
        name: Some(party.name.clone()),
        trading_name: party.trading_name.clone(),
        identifiers: party.identifiers.iter().map(identifier).collect(),
        legal_registration: party.legal_id.as_ref().map(identifier),
        vat_identifier: party.vat_number.clone(),
        tax_registration: party.tax_number.clone().filter(|_| seller),
        additional_legal_information: words::legal_status(invoice.language, party).filter(|_| seller),
        electronic_address: party.electronic_address.as_ref().map(identifier),
        address: address(&party.address),
        contact: party.contact.as_ref().map(contact).unwrap_or_default(),
    }
}

fn contact(contact: &Contact) -> model::Contact {
    model::Contact { name: contact.name.clone(), phone: contact.phone.clone(), email: contact.email.clone() }
}

fn delivery(invoice: &Invoice) -> Result<Option<model::Delivery>, Unfit> {
    let Some(delivery) = &invoice.delivery else { return Ok(None) };
    Ok(Some(model::Delivery {
        party_name: delivery.name.clone(),
        location: None,
        date: delivery.date.map(date).transpose()?,
        address: delivery.address.as_ref().map(address),
    }))
}

fn notes(invoice: &Invoice, french: bool) -> Vec<InvoiceNote> {
    let mut notes: Vec<InvoiceNote> = words::mentions(invoice)
        .into_iter()
        .map(|mention| InvoiceNote { subject_code: mention.subject.map(Code::new), note: Some(mention.text) })
        .collect();
    if let Some(treatment) = invoice.treatment.filter(|_| french) {
        notes.push(InvoiceNote::new(treatment.code()).with_subject("BAR"));
    }
    notes
}

/// BG-3: what a credit note corrects, and the deposits that a final invoice takes off.
fn preceding(invoice: &Invoice) -> Result<Vec<model::PrecedingInvoice>, Unfit> {
    invoice
        .references
        .preceding
        .iter()
        .map(|one| {
            Ok(model::PrecedingInvoice {
                reference: DocumentReference::new(one.number.as_str()),
                issue_date: Some(date(one.issue_date)?),
            })
        })
        .collect()
}

fn preceding_in_words(invoice: &Invoice) -> String {
    let (language, labels) = (invoice.language, words::labels(invoice.language));
    let each: Vec<String> = invoice
        .references
        .preceding
        .iter()
        .map(|one| format!("{} {} {}", one.number, labels.dated, words::date(language, one.issue_date)))
        .collect();
    format!("{}: {}", labels.preceding, each.join(", "))
}

fn payment(payment: &Payment) -> model::PaymentInstructions {
    let transfers: Vec<_> = payment
        .accounts
        .iter()
        .map(|account| model::CreditTransfer {
            account_identifier: Some(account.iban.clone()),
            account_name: account.holder.clone(),
            provider_identifier: account.bic.clone(),
        })
        .collect();
    model::PaymentInstructions {
        means_code: Some(Code::new(payment.means.as_str())),
        means_text: payment.text.clone(),
        remittance_information: payment.reference.clone(),
        means: (!transfers.is_empty()).then_some(model::PaymentMeans::CreditTransfer(transfers)),
    }
}

fn line_vat(vat: &Vat) -> Result<model::LineVat, Unfit> {
    Ok(model::LineVat {
        category: Code::new(vat.category.code()),
        rate: vat.rate.as_ref().map(rate).transpose()?,
    })
}

fn document_adjustment(of: &Adjustment, vat: &Vat) -> Result<model::DocumentAllowanceCharge, Unfit> {
    Ok(model::DocumentAllowanceCharge {
        amount: amount(&of.amount)?,
        base_amount: of.base.as_ref().map(amount).transpose()?,
        percentage: of.percent.as_ref().map(rate).transpose()?,
        vat: line_vat(vat)?,
        reason: Some(of.reason.clone()),
        reason_code: of.reason_code.as_deref().map(Code::new),
    })
}

fn line_adjustment(of: &Adjustment) -> Result<model::LineAllowanceCharge, Unfit> {
    Ok(model::LineAllowanceCharge {
        amount: amount(&of.amount)?,
        base_amount: of.base.as_ref().map(amount).transpose()?,
        percentage: of.percent.as_ref().map(rate).transpose()?,
        reason: Some(of.reason.clone()),
        reason_code: of.reason_code.as_deref().map(Code::new),
    })
}

fn vat_group(group: &crate::VatGroup) -> Result<model::VatBreakdown, Unfit> {
    // BR-48: only what is outside the scope of VAT may lack a rate here.
    Ok(model::VatBreakdown {
        taxable_amount: amount(&group.base)?,
        tax_amount: amount(&group.tax)?,
        category: Code::new(group.vat.category.code()),
        rate: group.vat.rate.as_ref().map(rate).transpose()?,
        exemption_reason: group.reason.clone(),
        exemption_reason_code: group.reason_code.as_deref().map(Code::new),
    })
}

fn line(line: &crate::Line) -> Result<model::InvoiceLine, Unfit> {
    let of_kind = |kind| {
        let found = line.adjustments.iter().filter(move |one| one.kind == kind);
        found.map(line_adjustment).collect::<Result<Vec<_>, _>>()
    };
    Ok(model::InvoiceLine {
        id: line.position.clone(),
        note: None,
        order_line_reference: None,
        accounting_reference: None,
        object_identifier: None,
        quantity: Quantity::new(decimal(&line.quantity)?),
        unit_code: Code::new(line.unit.code.as_str()),
        net_amount: amount(&line.net)?,
        period: line.period.map(period).transpose()?,
        allowances: of_kind(AdjustmentKind::Discount)?,
        charges: of_kind(AdjustmentKind::Charge)?,
        price: model::PriceDetails {
            net_price: UnitPriceAmount::new(decimal(&line.unit_price)?),
            ..model::PriceDetails::default()
        },
        vat: line_vat(&line.vat)?,
        item: model::Item {
            name: Some(line.name.clone()),
            description: line.description.clone(),
            seller_identifier: line.sku.clone(),
            standard_identifier: line.gtin.as_deref().map(|gtin| en16931::Identifier::schemed(gtin, GTIN)),
            ..model::Item::default()
        },
    })
}

// ── where a finding is ────────────────────────────────────────────────────

/// The JSON pointer of a business term: as near as our input has a member for it.
fn pointer(invoice: &Invoice, path: &Path) -> String {
    let index = path.index.unwrap_or(0);
    let term = path.term.map(|term| term.0);
    let (base, member) = match path.group {
        Group::Document => (String::new(), term.map_or("", document_member)),
        Group::Seller => ("/seller".to_owned(), term.map_or("", party_member)),
        Group::Buyer => ("/buyer".to_owned(), term.map_or("", party_member)),
        Group::Delivery => ("/delivery".to_owned(), term.map_or("", delivery_member)),
        Group::Payment => ("/payment".to_owned(), term.map_or("", payment_member)),
        Group::DocumentAllowance => adjustment_pointer(invoice, AdjustmentKind::Discount, index, term),
        Group::DocumentCharge => adjustment_pointer(invoice, AdjustmentKind::Charge, index, term),
        Group::Totals => ("/totals".to_owned(), term.map_or("", totals_member)),
        Group::VatBreakdown => match path.index {
            Some(index) => (format!("/vat/{index}"), term.map_or("", vat_member)),
            None => ("/vat".to_owned(), ""),
        },
        Group::Line => match path.index {
            Some(index) => (format!("/lines/{index}"), term.map_or("", line_member)),
            None => ("/lines".to_owned(), ""),
        },
        _ => (String::new(), ""),
    };
    format!("{base}{member}")
}

fn adjustment_pointer(
    invoice: &Invoice,
    kind: AdjustmentKind,
    index: usize,
    term: Option<u16>,
) -> (String, &'static str) {
    let at = invoice.adjustments.iter().enumerate().filter(|(_, on)| on.adjustment.kind == kind).nth(index);
    let base = at.map_or_else(|| "/adjustments".to_owned(), |(at, _)| format!("/adjustments/{at}"));
    let member = match term {
        Some(92 | 99) => "/adjustment/amount",
        Some(93 | 100) => "/adjustment/base",
        Some(94 | 101) => "/adjustment/percent",
        Some(97 | 104) => "/adjustment/reason",
        Some(98 | 105) => "/adjustment/reason_code",
        Some(95 | 102) => "/vat/category",
        Some(96 | 103) => "/vat/rate",
        _ => "",
    };
    (base, member)
}

const fn document_member(term: u16) -> &'static str {
    match term {
        1 => "/number",
        2 => "/issue_date",
        3 => "/kind",
        5 => "/currency",
        6 => "/totals/vat_accounted/currency",
        8 => "/vat_due",
        9 => "/due_date",
        10 => "/references/buyer",
        11 => "/references/project",
        12 => "/references/contract",
        13 => "/references/buyer_order",
        14 => "/references/order",
        16 => "/references/shipment",
        20 => "/terms/text",
        21 | 22 => "/mentions",
        25 | 26 => "/references/preceding",
        73 | 74 => "/period",
        _ => "",
    }
}

const fn party_member(term: u16) -> &'static str {
    match term {
        27 | 44 => "/name",
        28 | 45 => "/trading_name",
        29 | 46 => "/identifiers",
        30 | 47 => "/legal_id",
        31 | 48 => "/vat_number",
        32 => "/tax_number",
        34 | 49 => "/electronic_address",
        35 | 50 => "/address/line1",
        37 | 52 => "/address/city",
        38 | 53 => "/address/post_code",
        40 | 55 => "/address/country",
        41 | 56 => "/contact/name",
        42 | 57 => "/contact/phone",
        43 | 58 => "/contact/email",
        _ => "",
    }
}

const fn delivery_member(term: u16) -> &'static str {
    match term {
        70 => "/name",
        72 => "/date",
        75 => "/address/line1",
        77 => "/address/city",
        78 => "/address/post_code",
        80 => "/address/country",
        _ => "",
    }
}

const fn payment_member(term: u16) -> &'static str {
    match term {
        81 => "/means",
        82 => "/text",
        83 => "/reference",
        84..=86 => "/accounts",
        _ => "",
    }
}

const fn totals_member(term: u16) -> &'static str {
    match term {
        106 => "/lines",
        107 => "/discounts",
        108 => "/charges",
        109 => "/net",
        110 => "/vat",
        111 => "/vat_accounted/amount",
        112 => "/gross",
        113 => "/prepaid",
        114 => "/rounding",
        115 => "/due",
        _ => "",
    }
}

const fn vat_member(term: u16) -> &'static str {
    match term {
        116 => "/base",
        117 => "/tax",
        118 => "/vat/category",
        119 => "/vat/rate",
        120 => "/reason",
        121 => "/reason_code",
        _ => "",
    }
}

const fn line_member(term: u16) -> &'static str {
    match term {
        126 => "/position",
        129 => "/quantity",
        130 => "/unit/code",
        131 => "/net",
        134 | 135 => "/period",
        136..=145 => "/adjustments",
        146 => "/unit_price",
        151 => "/vat/category",
        152 => "/vat/rate",
        153 => "/name",
        154 => "/description",
        155 => "/sku",
        157 => "/gtin",
        _ => "",
    }
}
