//! How much an invoice may hold, and what every text and number must be like.

use bigdecimal::BigDecimal;
use serde_json::Value;

use super::Fault;
use crate::decimal::{decimals, digits};
use crate::{Invoice, check_logo, limits, words};

pub(super) fn check(invoice: &Invoice) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut count = |pointer: &str, found: usize, limit: usize| {
        if found > limit {
            faults.push(Fault::new(
                "limit",
                pointer,
                format!("has {found} entries; at most {limit} are allowed"),
            ));
        }
    };
    count("/lines", invoice.lines.len(), limits::LINES);
    count("/adjustments", invoice.adjustments.len(), limits::ADJUSTMENTS);
    count("/prepayments", invoice.prepayments.len(), limits::PREPAYMENTS);
    count("/references/preceding", invoice.references.preceding.len(), limits::PRECEDING);
    count("/mentions", invoice.mentions.len(), limits::MENTIONS);
    count(
        "/payment/accounts",
        invoice.payment.as_ref().map_or(0, |payment| payment.accounts.len()),
        limits::ACCOUNTS,
    );
    count("/seller/identifiers", invoice.seller.identifiers.len(), limits::IDENTIFIERS);
    count("/buyer/identifiers", invoice.buyer.identifiers.len(), limits::IDENTIFIERS);
    for (index, line) in invoice.lines.iter().enumerate() {
        count(&format!("/lines/{index}/adjustments"), line.adjustments.len(), limits::LINE_ADJUSTMENTS);
    }
    if faults.is_empty() {
        numbers(invoice, &mut faults);
    }
    if faults.is_empty() {
        texts(invoice, &mut faults);
        style(invoice, &mut faults);
    }
    faults
}

/// Every number with the decimals that it may have.
fn numbers(invoice: &Invoice, faults: &mut Vec<Fault>) {
    let mut number = |rule: &str, pointer: String, value: &BigDecimal, most: i64| {
        if digits(value) > limits::DIGITS {
            faults.push(Fault::new("limit", pointer, format!("has more than {} digits", limits::DIGITS)));
        } else if decimals(value) > most {
            let value = value.to_plain_string();
            faults.push(Fault::new(rule, pointer, format!("{value} has more than {most} decimals")));
        }
    };
    for (index, line) in invoice.lines.iter().enumerate() {
        number("BT-129", format!("/lines/{index}/quantity"), &line.quantity, 4);
        number("BT-146", format!("/lines/{index}/unit_price"), &line.unit_price, 6);
        number("BR-DEC-23", format!("/lines/{index}/net"), &line.net, 2);
        line.vat.rate.iter().for_each(|rate| number("BT-152", format!("/lines/{index}/vat/rate"), rate, 2));
        for (at, adjustment) in line.adjustments.iter().enumerate() {
            let pointer = format!("/lines/{index}/adjustments/{at}");
            number("BR-DEC-24", format!("{pointer}/amount"), &adjustment.amount, 2);
            adjustment.base.iter().for_each(|base| number("BR-DEC-25", format!("{pointer}/base"), base, 2));
            adjustment
                .percent
                .iter()
                .for_each(|percent| number("BT-138", format!("{pointer}/percent"), percent, 4));
        }
    }
    for (index, on) in invoice.adjustments.iter().enumerate() {
        let (pointer, adjustment) = (format!("/adjustments/{index}"), &on.adjustment);
        number("BR-DEC-01", format!("{pointer}/adjustment/amount"), &adjustment.amount, 2);
        adjustment
            .base
            .iter()
            .for_each(|base| number("BR-DEC-02", format!("{pointer}/adjustment/base"), base, 2));
        adjustment
            .percent
            .iter()
            .for_each(|percent| number("BT-94", format!("{pointer}/adjustment/percent"), percent, 4));
        on.vat.rate.iter().for_each(|rate| number("BT-96", format!("{pointer}/vat/rate"), rate, 2));
    }
    for (index, group) in invoice.vat.iter().enumerate() {
        number("BR-DEC-19", format!("/vat/{index}/base"), &group.base, 2);
        number("BR-DEC-20", format!("/vat/{index}/tax"), &group.tax, 2);
        group.vat.rate.iter().for_each(|rate| number("BT-119", format!("/vat/{index}/vat/rate"), rate, 2));
    }
    let totals = &invoice.totals;
    let always = [
        ("BR-DEC-09", "lines", &totals.lines),
        ("BR-DEC-12", "net", &totals.net),
        ("BR-DEC-13", "vat", &totals.vat),
        ("BR-DEC-14", "gross", &totals.gross),
        ("BR-DEC-18", "due", &totals.due),
    ];
    let some = [
        ("BR-DEC-10", "discounts", &totals.discounts),
        ("BR-DEC-11", "charges", &totals.charges),
        ("BR-DEC-16", "prepaid", &totals.prepaid),
        ("BR-DEC-17", "rounding", &totals.rounding),
    ];
    let some = some
        .into_iter()
        .filter_map(|(rule, member, value)| value.as_ref().map(|value| (rule, member, value)));
    for (rule, member, value) in always.into_iter().chain(some) {
        number(rule, format!("/totals/{member}"), value, 2);
    }
    if let Some(accounted) = &totals.vat_accounted {
        number("BR-DEC-15", "/totals/vat_accounted/amount".to_owned(), &accounted.amount, 2);
    }
    for (index, paid) in invoice.prepayments.iter().enumerate() {
        number("BR-DEC-16", format!("/prepayments/{index}/amount"), &paid.amount, 2);
        paid.net.iter().for_each(|net| number("BR-DEC-16", format!("/prepayments/{index}/net"), net, 2));
        paid.vat.iter().for_each(|vat| number("BR-DEC-16", format!("/prepayments/{index}/vat"), vat, 2));
    }
    for (rule, pointer, value) in [
        ("limit", "/terms/late_payment_rate", &invoice.terms.late_payment_rate),
        ("limit", "/terms/recovery_fee", &invoice.terms.recovery_fee),
    ] {
        value.iter().for_each(|value| number(rule, pointer.to_owned(), value, 4));
    }
    for (pointer, party) in [("/seller", &invoice.seller), ("/buyer", &invoice.buyer)] {
        party
            .capital
            .iter()
            .for_each(|capital| number("limit", format!("{pointer}/capital/amount"), &capital.amount, 2));
    }
}

/// No text is empty, or longer than its page.
fn texts(invoice: &Invoice, faults: &mut Vec<Fault>) {
    match serde_json::to_value(invoice) {
        Ok(value) => walk(&value, &mut String::new(), faults),
        Err(error) => faults.push(Fault::new("limit", "", error.to_string())),
    }
}

fn walk(value: &Value, pointer: &mut String, faults: &mut Vec<Fault>) {
    let length = pointer.len();
    match value {
        Value::String(_) if pointer == "/style/logo" => {}
        Value::String(text) => {
            let most = most_characters(pointer);
            if text.trim().is_empty() {
                faults.push(Fault::new("limit", pointer.as_str(), "is empty; leave it out instead"));
            } else if text.chars().count() > most {
                faults.push(Fault::new(
                    "limit",
                    pointer.as_str(),
                    format!("has more than {most} characters"),
                ));
            } else if most <= limits::NAME_CHARACTERS && text.contains('\n') {
                faults.push(Fault::new("limit", pointer.as_str(), "has a line break"));
            } else if text.lines().count() > limits::TEXT_LINES {
                faults.push(Fault::new(
                    "limit",
                    pointer.as_str(),
                    format!("has more than {} lines", limits::TEXT_LINES),
                ));
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                pointer.push_str(&format!("/{index}"));
                walk(item, pointer, faults);
                pointer.truncate(length);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                pointer.push('/');
                pointer.push_str(name);
                walk(member, pointer, faults);
                pointer.truncate(length);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Texts that may be as long as they like are set over several pages; the others have their place in a head or a column.
fn most_characters(pointer: &str) -> usize {
    let long = pointer.starts_with("/mentions/")
        || pointer.starts_with("/terms/")
        || (pointer.starts_with("/lines/") && pointer.ends_with("/description"))
        || (pointer.starts_with("/vat/") && pointer.ends_with("/reason"));
    let number = pointer == "/number"
        || (pointer.starts_with("/references/preceding/") && pointer.ends_with("/number"));
    match pointer {
        _ if number => limits::NUMBER_CHARACTERS,
        "/style/footer" => limits::FOOT_CHARACTERS,
        _ if long => limits::TEXT_CHARACTERS,
        _ => limits::NAME_CHARACTERS,
    }
}

fn style(invoice: &Invoice, faults: &mut Vec<Fault>) {
    if let Some(Err(error)) = invoice.style.logo.as_deref().map(check_logo) {
        faults.push(Fault::new("limit", "/style/logo", error.to_string()));
    }
    if invoice.style.accent.as_deref().is_some_and(|accent| crate::layout::colour(accent).is_none()) {
        faults.push(Fault::new("limit", "/style/accent", "is no colour such as #1f4e79"));
    }
    let legal = words::legal_line(invoice).chars().count();
    if legal > limits::FOOT_CHARACTERS {
        let most = limits::FOOT_CHARACTERS;
        let message = format!(
            "name, form, capital and numbers have {legal} characters; the foot of a page has room for {most}"
        );
        faults.push(Fault::new("limit", "/seller", message));
    }
}
