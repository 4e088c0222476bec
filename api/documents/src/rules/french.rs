//! What XP Z12-012 (annex A, the rules BR-FR-…) asks of an invoice in the French reform beyond EN 16931. Rules about what is never written
//! here (attachments, sub-lines, several sellers, self-billing) are left out; the proof runs the published schematron over everything.

use std::collections::BTreeSet;

use bigdecimal::{BigDecimal, Zero};
use chrono::{Datelike, NaiveDate};

use super::Fault;
use crate::{Identifier, Invoice, Kind, Party, Treatment, port, words};

/// BR-FR-16, in per cent.
const RATES: [&str; 15] =
    ["0", "0.9", "1.05", "1.75", "2.1", "5.5", "7", "8.5", "9.2", "9.6", "10", "13", "19.6", "20", "20.6"];
/// BR-FR-01.
const NUMBER_CHARACTERS: usize = 35;
/// BR-FR-25, BR-FR-26.
const ADDRESS_CHARACTERS: usize = 125;
const PRIVATE_ID_CHARACTERS: usize = 100;

pub(super) fn check(invoice: &Invoice) -> Vec<Fault> {
    let mut faults = Vec::new();
    numbers(invoice, &mut faults);
    dates(invoice, &mut faults);
    notes(invoice, &mut faults);
    party(&invoice.seller, "/seller", &mut faults);
    party(&invoice.buyer, "/buyer", &mut faults);
    seller(invoice, &mut faults);
    buyer(invoice, &mut faults);
    rates(invoice, &mut faults);
    settlement(invoice, &mut faults);
    faults
}

fn numbers(invoice: &Invoice, faults: &mut Vec<Fault>) {
    let preceding = invoice.references.preceding.iter().enumerate();
    let preceding =
        preceding.map(|(index, one)| (format!("/references/preceding/{index}/number"), &one.number));
    for (pointer, number) in std::iter::once(("/number".to_owned(), &invoice.number)).chain(preceding) {
        if number.chars().count() > NUMBER_CHARACTERS {
            let message = format!("has more than {NUMBER_CHARACTERS} characters");
            faults.push(Fault::new("BR-FR-01", pointer.as_str(), message));
        }
        if !number.chars().all(|character| character.is_ascii_alphanumeric() || "+-_/".contains(character)) {
            let message = "has characters other than letters A–Z, digits and + - _ /";
            faults.push(Fault::new("BR-FR-02", pointer, message));
        }
    }
}

fn dates(invoice: &Invoice, faults: &mut Vec<Fault>) {
    let mut dates: Vec<(String, NaiveDate)> = vec![("/issue_date".to_owned(), invoice.issue_date)];
    dates.extend(invoice.due_date.map(|date| ("/due_date".to_owned(), date)));
    let delivered = invoice.delivery.as_ref().and_then(|delivery| delivery.date);
    dates.extend(delivered.map(|date| ("/delivery/date".to_owned(), date)));
    if let Some(period) = &invoice.period {
        dates.push(("/period/start".to_owned(), period.start));
        dates.push(("/period/end".to_owned(), period.end));
    }
    for (index, one) in invoice.references.preceding.iter().enumerate() {
        dates.push((format!("/references/preceding/{index}/issue_date"), one.issue_date));
    }
    for (pointer, date) in dates {
        if !(2000..=2099).contains(&date.year()) {
            faults.push(Fault::new("BR-FR-03", pointer, format!("{date} is not between 2000 and 2099")));
        }
    }
}

fn notes(invoice: &Invoice, faults: &mut Vec<Fault>) {
    let notes = words::mentions(invoice);
    let count = |subject: &str| notes.iter().filter(|note| note.subject.as_deref() == Some(subject)).count();
    for (subject, pointer, what) in [
        ("PMT", "/terms/recovery_fee", "the fixed sum for recovery costs"),
        ("PMD", "/terms/late_payment_rate", "the penalty for late payment"),
        ("AAB", "/terms/early_payment", "the discount for early payment, or that there is none"),
    ] {
        if count(subject) == 0 {
            faults.push(Fault::new(
                "BR-FR-05",
                pointer,
                format!("the mention of {what} ({subject}) is missing"),
            ));
        }
    }
    for subject in ["PMT", "PMD", "AAB", "TXD"] {
        if count(subject) > 1 {
            faults.push(Fault::new(
                "BR-FR-06",
                "/mentions",
                format!("the subject {subject} is there more than once"),
            ));
        }
    }
    if count("BAR") > 0 {
        faults.push(Fault::new("BR-FR-31", "/mentions", "BAR is written from the member treatment"));
    }
}

/// The SIREN: nine digits under scheme 0002.
fn siren(party: &Party) -> Option<&str> {
    let id = party.legal_id.as_ref().filter(|id| id.scheme.as_deref() == Some("0002"))?;
    is_digits(&id.value, 9).then_some(id.value.as_str())
}

fn is_digits(text: &str, count: usize) -> bool {
    text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn party(party: &Party, pointer: &str, faults: &mut Vec<Fault>) {
    if party.legal_id.as_ref().is_some_and(|id| id.scheme.as_deref() == Some("0002"))
        && siren(party).is_none()
    {
        faults.push(Fault::new("BR-FR-32", format!("{pointer}/legal_id/value"), "a SIREN has nine digits"));
    }
    let mut schemes = BTreeSet::new();
    for (index, Identifier { scheme, value }) in party.identifiers.iter().enumerate() {
        let at = format!("{pointer}/identifiers/{index}");
        let Some(scheme) = scheme.as_deref() else { continue };
        if !schemes.insert(scheme) {
            faults.push(Fault::new(
                "BR-FR-CO-10",
                format!("{at}/scheme"),
                format!("scheme {scheme} is there twice"),
            ));
        }
        match scheme {
            "0009" if !is_digits(value, 14) || siren(party) != value.get(..9) => {
                let message = "a SIRET has 14 digits and begins with the SIREN";
                faults.push(Fault::new("BR-FR-09", format!("{at}/value"), message));
            }
            "0224" if !is_private(value) => {
                let message = "has characters other than letters A–Z, digits and + - _ .";
                faults.push(Fault::new("BR-FR-24", format!("{at}/value"), message));
            }
            "0224" if value.chars().count() > PRIVATE_ID_CHARACTERS => {
                let message = format!("has more than {PRIVATE_ID_CHARACTERS} characters");
                faults.push(Fault::new("BR-FR-26", format!("{at}/value"), message));
            }
            "0002" | "0231" if !is_digits(value, 9) => {
                faults.push(Fault::new("BR-FR-32", format!("{at}/value"), "must have nine digits"));
            }
            _ => {}
        }
    }
    if let Some(Identifier { scheme, value }) = &party.electronic_address {
        let at = format!("{pointer}/electronic_address/value");
        if scheme.as_deref() == Some("0225") && !is_private(value) {
            let message = "has characters other than letters A–Z, digits and + - _ .";
            faults.push(Fault::new("BR-FR-23", at.as_str(), message));
        }
        if value.chars().count() > ADDRESS_CHARACTERS {
            faults.push(Fault::new("BR-FR-25", at, format!("has more than {ADDRESS_CHARACTERS} characters")));
        }
    }
}

fn is_private(value: &str) -> bool {
    value.chars().all(|character| character.is_ascii_alphanumeric() || "+-_.".contains(character))
}

fn seller(invoice: &Invoice, faults: &mut Vec<Fault>) {
    let seller = &invoice.seller;
    if siren(seller).is_none() {
        let message = "a French seller has a SIREN: scheme 0002, nine digits";
        faults.push(Fault::new("BR-FR-10", "/seller/legal_id", message));
    }
    if seller.electronic_address.is_none() {
        faults.push(Fault::new(
            "BR-FR-13",
            "/seller/electronic_address",
            "a French seller has an electronic address",
        ));
    }
    if let Some(index) = seller.identifiers.iter().position(|id| id.scheme.as_deref() == Some("0231")) {
        // Its tax representative (BG-11) would have to be written, which is not done here.
        let message = "invoices of a member of a single taxable person (assujetti unique) are not made here";
        faults.push(Fault::new("BR-FR-CO-15", format!("/seller/identifiers/{index}"), message));
    }
}

/// Only invoices between French businesses travel through the platforms: only their buyers must be found in the directory.
fn buyer(invoice: &Invoice, faults: &mut Vec<Fault>) {
    if invoice.treatment != Some(Treatment::Business) {
        return;
    }
    let siren = siren(&invoice.buyer);
    if siren.is_none() {
        let message = "a French business that buys has a SIREN: scheme 0002, nine digits";
        faults.push(Fault::new("BR-FR-11", "/buyer/legal_id", message));
    }
    match &invoice.buyer.electronic_address {
        None => {
            let message = "a French business that buys has an electronic address";
            faults.push(Fault::new("BR-FR-12", "/buyer/electronic_address", message));
        }
        Some(address) => {
            if address.scheme.as_deref() != Some("0225")
                || !address.value.starts_with(siren.unwrap_or_default())
            {
                let message = "is under scheme 0225, and begins with the buyer's SIREN";
                faults.push(Fault::new("BR-FR-21", "/buyer/electronic_address", message));
            }
        }
    }
}

fn rates(invoice: &Invoice, faults: &mut Vec<Fault>) {
    // Distance sales in the one-stop shop bear the rate of the consumer's country (directive 2006/112/EC, article 33, a).
    if invoice.treatment == Some(Treatment::ForeignConsumer) {
        return;
    }
    let lines =
        invoice.lines.iter().enumerate().map(|(index, line)| (format!("/lines/{index}/vat/rate"), &line.vat));
    let on = invoice.adjustments.iter().enumerate();
    let on = on.map(|(index, on)| (format!("/adjustments/{index}/vat/rate"), &on.vat));
    let groups =
        invoice.vat.iter().enumerate().map(|(index, group)| (format!("/vat/{index}/vat/rate"), &group.vat));
    for (pointer, vat) in lines.chain(on).chain(groups) {
        let Some(rate) = &vat.rate else { continue };
        let rate = rate.normalized().to_plain_string();
        if !RATES.contains(&rate.as_str()) {
            let message = format!("{rate} % is no rate of VAT of the French list");
            faults.push(Fault::new("BR-FR-16", pointer, message));
        }
    }
}

fn settlement(invoice: &Invoice, faults: &mut Vec<Fault>) {
    if invoice.kind == Kind::CreditNote && invoice.references.preceding.is_empty() {
        let message = "a credit note names the invoice that it corrects, with its date";
        faults.push(Fault::new("BR-FR-CO-05", "/references/preceding", message));
    }
    let paid = port::framework(invoice).ends_with('2');
    if invoice.kind != Kind::Prepayment
        && !paid
        && invoice.due_date.is_some_and(|due| due < invoice.issue_date)
    {
        faults.push(Fault::new("BR-FR-CO-07", "/due_date", "is before the issue date"));
    }
    if invoice.currency != "EUR"
        && invoice.totals.vat_accounted.as_ref().is_none_or(|vat| vat.currency != "EUR")
    {
        let message = format!("an invoice in {} also states its VAT in EUR", invoice.currency);
        faults.push(Fault::new("BR-FR-CO-12", "/totals/vat_accounted", message));
    }
    for (index, line) in invoice.lines.iter().enumerate() {
        if line.unit_price < BigDecimal::zero() {
            faults.push(Fault::new("BR-FR-DEC-03", format!("/lines/{index}/unit_price"), "is negative"));
        }
    }
}
