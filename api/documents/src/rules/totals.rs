//! The amounts, computed anew from the lines and compared exactly: BR-CO-10 to BR-CO-17 and the bases of each VAT category. Rounded is
//! half away from zero, a line once, the VAT once for each category and rate.

use std::collections::{BTreeMap, BTreeSet};

use bigdecimal::{BigDecimal, Zero};

use super::Fault;
use crate::decimal::cents;
use crate::{Adjustment, AdjustmentKind, Invoice, Vat};

pub(super) fn check(invoice: &Invoice) -> Vec<Fault> {
    let mut faults = Vec::new();
    lines(invoice, &mut faults);
    for (index, on) in invoice.adjustments.iter().enumerate() {
        adjustment(&on.adjustment, &format!("/adjustments/{index}/adjustment"), &mut faults);
    }
    breakdown(invoice, &mut faults);
    sums(invoice, &mut faults);
    faults
}

fn must_be(faults: &mut Vec<Fault>, rule: &str, pointer: &str, found: &BigDecimal, right: &BigDecimal) {
    if found != right {
        let (found, right) = (found.to_plain_string(), right.to_plain_string());
        faults.push(Fault::new(rule, pointer, format!("is {found}, but must be {right}")));
    }
}

fn lines(invoice: &Invoice, faults: &mut Vec<Fault>) {
    let mut positions = BTreeSet::new();
    for (index, line) in invoice.lines.iter().enumerate() {
        if !positions.insert(&line.position) {
            let message = format!("“{}” is the position of an earlier line too", line.position);
            faults.push(Fault::new("BT-126", format!("/lines/{index}/position"), message));
        }
        let mut net = cents(&(&line.quantity * &line.unit_price));
        for (at, one) in line.adjustments.iter().enumerate() {
            adjustment(one, &format!("/lines/{index}/adjustments/{at}"), faults);
            net += signed(one);
        }
        must_be(faults, "BT-131", &format!("/lines/{index}/net"), &line.net, &net);
    }
}

fn signed(adjustment: &Adjustment) -> BigDecimal {
    match adjustment.kind {
        AdjustmentKind::Discount => -adjustment.amount.clone(),
        AdjustmentKind::Charge => adjustment.amount.clone(),
    }
}

fn adjustment(adjustment: &Adjustment, pointer: &str, faults: &mut Vec<Fault>) {
    let amount = &adjustment.amount;
    if amount < &BigDecimal::zero() {
        let message = "is negative; a negative discount is a charge, and the other way round";
        faults.push(Fault::new("BG-20", format!("{pointer}/amount"), message));
    }
    if let (Some(percent), Some(base)) = (&adjustment.percent, &adjustment.base) {
        must_be(faults, "BG-20", &format!("{pointer}/amount"), amount, &cents(&(base * percent / 100)));
    }
}

/// A rate as it is compared: 20 and 20.00 are one.
fn key(vat: &Vat) -> (crate::Category, Option<BigDecimal>) {
    (vat.category, vat.rate.as_ref().map(BigDecimal::normalized))
}

fn breakdown(invoice: &Invoice, faults: &mut Vec<Fault>) {
    let mut bases: BTreeMap<_, BigDecimal> = BTreeMap::new();
    for line in &invoice.lines {
        *bases.entry(key(&line.vat)).or_default() += &line.net;
    }
    for on in &invoice.adjustments {
        *bases.entry(key(&on.vat)).or_default() += signed(&on.adjustment);
    }
    let mut seen = BTreeSet::new();
    for (index, group) in invoice.vat.iter().enumerate() {
        let (key, family) = (key(&group.vat), group.vat.category.family());
        match bases.get(&key) {
            Some(base) => {
                must_be(faults, &format!("BR-{family}-08"), &format!("/vat/{index}/base"), &group.base, base);
            }
            None => {
                let message = "nothing on the invoice has this category and rate";
                faults.push(Fault::new(format!("BR-{family}-01"), format!("/vat/{index}"), message));
            }
        }
        let rate = group.vat.rate.clone().unwrap_or_default();
        must_be(
            faults,
            "BR-CO-17",
            &format!("/vat/{index}/tax"),
            &group.tax,
            &cents(&(&group.base * rate / 100)),
        );
        if !seen.insert(key) {
            let message = "an earlier group has the same category and rate";
            faults.push(Fault::new(format!("BR-{family}-01"), format!("/vat/{index}"), message));
        }
    }
    for (category, rate) in bases.keys().filter(|key| !seen.contains(*key)) {
        let rate = rate
            .as_ref()
            .map_or_else(|| "without a rate".to_owned(), |rate| format!("{} %", rate.to_plain_string()));
        let message = format!("has no group for the category {} {rate}", category.code());
        faults.push(Fault::new(format!("BR-{}-01", category.family()), "/vat", message));
    }
}

fn sums(invoice: &Invoice, faults: &mut Vec<Fault>) {
    let totals = &invoice.totals;
    let of = |kind: AdjustmentKind| {
        let all = invoice.adjustments.iter().map(|on| &on.adjustment);
        let mut found =
            all.filter(|adjustment| adjustment.kind == kind).map(|adjustment| &adjustment.amount).peekable();
        found.peek().is_some().then(|| found.sum::<BigDecimal>())
    };
    let zero = BigDecimal::zero();
    let or_zero = |value: &Option<BigDecimal>| value.clone().unwrap_or_default();
    let lines: BigDecimal = invoice.lines.iter().map(|line| &line.net).sum();
    let vat: BigDecimal = invoice.vat.iter().map(|group| &group.tax).sum();
    let paid: BigDecimal = invoice.prepayments.iter().map(|paid| &paid.amount).sum();
    for (index, paid) in invoice.prepayments.iter().enumerate() {
        if let (Some(net), Some(vat)) = (&paid.net, &paid.vat) {
            must_be(faults, "BT-113", &format!("/prepayments/{index}/amount"), &paid.amount, &(net + vat));
        }
    }
    let (discounts, charges) = (of(AdjustmentKind::Discount), of(AdjustmentKind::Charge));

    must_be(faults, "BR-CO-10", "/totals/lines", &totals.lines, &lines);
    must_be(faults, "BR-CO-11", "/totals/discounts", &or_zero(&totals.discounts), &or_zero(&discounts));
    must_be(faults, "BR-CO-12", "/totals/charges", &or_zero(&totals.charges), &or_zero(&charges));
    let net = &lines - discounts.as_ref().unwrap_or(&zero) + charges.as_ref().unwrap_or(&zero);
    must_be(faults, "BR-CO-13", "/totals/net", &totals.net, &net);
    must_be(faults, "BR-CO-14", "/totals/vat", &totals.vat, &vat);
    must_be(faults, "BR-CO-15", "/totals/gross", &totals.gross, &(&net + &vat));
    must_be(faults, "BT-113", "/totals/prepaid", &or_zero(&totals.prepaid), &paid);
    let due = net + vat - paid + or_zero(&totals.rounding);
    must_be(faults, "BR-CO-16", "/totals/due", &totals.due, &due);
}
