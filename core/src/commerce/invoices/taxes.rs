//! The VAT of everything on an invoice: of each line and of each discount or charge of the whole, by the rule or as somebody chose it, and why there is
//! none. Pure.

use std::collections::HashMap;

use super::compose::Named;
use super::content::{self, UnitName, Vat};
use super::draft::{
    Draft, DraftAdjustment, DraftLine, DraftReason, DraftVat, LineRole, Reasoned, ReasonedValue,
};
use super::parties::{Known, territory};
use super::totals::{Adjustment, AdjustmentValue, DocumentAdjustment, Line, LineVat, Totals, VatGroup};
use crate::commerce::vat::{
    self, Category, Exemption, Nature, Reason, Supply, Territory, Undecided, Verdict, decide,
};
use crate::values::business_date::BusinessDate;
use crate::values::ids::OrderId;
use crate::values::invalid::{Fields, Invalid};
use crate::values::language::Language;
use crate::values::money::Money;

/// The VAT of everything on an invoice.
pub(super) struct Taxes {
    pub(super) lines: Vec<Line>,
    pub(super) adjustments: Vec<DocumentAdjustment>,
    /// Why each line has the VAT that it has.
    pub(super) whys: Vec<&'static str>,
    /// Why there is none, by category and rate.
    reasons: Vec<(LineVat, Reason)>,
}

impl Taxes {
    /// `None` if the VAT of something is not known.
    pub(super) fn of(
        draft: &Draft,
        parties: &Known<'_>,
        named: &Named,
        delivered_on: BusinessDate,
        faults: &mut Fields,
    ) -> Option<Self> {
        let to = territory(parties.delivery(draft));
        let from: HashMap<OrderId, Territory> =
            named.leaves_from.iter().map(|(order, address)| (*order, territory(address))).collect();
        // Nobody says which goods a discount or a charge of the document is of: of those that leave from elsewhere, if there are any.
        let elsewhere = from.values().find(|place| **place != parties.here).unwrap_or(&parties.here);
        let verdict =
            |from: &Territory, nature, vat: &DraftVat| tax(parties, (from, &to), nature, vat, delivered_on);
        let mut taxes =
            Self { lines: Vec::new(), adjustments: Vec::new(), whys: Vec::new(), reasons: Vec::new() };
        let mut is_complete = true;
        for (index, line) in draft.lines.iter().enumerate() {
            let at = format!("/draft/lines/{index}");
            let order = line.source.map(|source| source.order_id).or(draft.deposit_of);
            let leaves = order.and_then(|order| from.get(&order)).unwrap_or(&parties.here);
            let Some(found) = faults.take(format!("{at}/vat"), verdict(leaves, line.nature, &line.vat))
            else {
                is_complete = false;
                continue;
            };
            let takes_off = line.role == LineRole::TakesDepositOff;
            let taxed = Line {
                quantity: line.quantity.clone(),
                takes_off,
                unit_price: line.unit_price.clone(),
                adjustments: line.adjustments.iter().map(adjustment).collect(),
                vat: LineVat { category: found.category, rate: found.rate.clone() },
            };
            faults.take(format!("{at}/quantity"), taxed.check_quantity());
            if taxed.net().is_negative() && !takes_off {
                let message = "the discounts are more than the line is worth";
                faults.refuse(format!("{at}/adjustments"), "negative_line", message);
            }
            taxes.whys.push(match (&draft.correction, takes_off) {
                (Some(_), _) => "as on the invoice that it corrects",
                (None, true) => "as on the deposit that it takes off",
                (None, false) => found.why,
            });
            // A deposit has the reason of its invoice, whose language may be another one.
            if !takes_off || !taxes.reasons.iter().any(|(known, _)| *known == taxed.vat) {
                taxes.note(&taxed.vat, found.reason);
            }
            taxes.lines.push(taxed);
        }
        for (index, given) in draft.adjustments.iter().enumerate() {
            let at = format!("/draft/adjustments/{index}/vat");
            let Some(found) = faults.take(at, verdict(elsewhere, given.nature, &given.vat)) else {
                is_complete = false;
                continue;
            };
            let vat = LineVat { category: found.category, rate: found.rate };
            taxes.note(&vat, found.reason);
            taxes.adjustments.push(DocumentAdjustment { adjustment: adjustment(&given.adjustment), vat });
        }
        taxes.one_reason_each(faults);
        is_complete.then_some(taxes)
    }

    fn note(&mut self, vat: &LineVat, reason: Option<Reason>) {
        if let Some(reason) = reason.filter(|reason| !self.reasons.contains(&(vat.clone(), reason.clone()))) {
            self.reasons.push((vat.clone(), reason));
        }
    }

    /// An invoice has one reason for each category and rate (EN 16931, BG-23).
    fn one_reason_each(&self, faults: &mut Fields) {
        for (index, (vat, _)) in self.reasons.iter().enumerate() {
            if self.reasons.iter().take(index).any(|(other, _)| other == vat) {
                let message = format!(
                    "lines of the category {} give different reasons, and an invoice has one for each category: make two",
                    vat.category.code()
                );
                faults.refuse("/draft/lines", "several_reasons", message);
                return;
            }
        }
    }

    pub(super) fn lines_of(&self, draft: &Draft, totals: &Totals) -> Vec<content::Line> {
        let taxed = self.lines.iter().zip(&totals.line_nets);
        let line = |(index, (line, (taxed, net))): (usize, (&super::draft::DraftLine, (&Line, &Money)))| {
            let gross = taxed.gross();
            content::Line {
                position: (index + 1).to_string(),
                sku: line.sku.as_ref().map(ToString::to_string),
                name: line.name.to_string(),
                description: line.description.as_ref().map(ToString::to_string),
                quantity: if taxed.takes_off { line.quantity.opposite() } else { line.quantity.clone() },
                unit: UnitName { code: line.unit.code().to_owned(), name: line.unit.name().to_owned() },
                unit_price: line.unit_price.clone(),
                adjustments: line.adjustments.iter().map(|given| shown(given, &gross)).collect(),
                net: net.clone(),
                vat: vat_of(&taxed.vat),
            }
        };
        draft.lines.iter().zip(taxed).enumerate().map(line).collect()
    }

    pub(super) fn adjustments_of(&self, draft: &Draft, totals: &Totals) -> Vec<content::DocumentAdjustment> {
        let taxed = self.adjustments.iter().zip(&totals.adjustments);
        let one =
            |(given, (taxed, amount)): (&super::draft::DraftAdjustment, (&DocumentAdjustment, &Money))| {
                let base: Money = self
                    .lines
                    .iter()
                    .zip(&totals.line_nets)
                    .filter(|(line, _)| line.vat == taxed.vat && !line.takes_off)
                    .map(|(_, net)| net)
                    .sum();
                let adjustment =
                    content::Adjustment { amount: amount.clone(), ..shown(&given.adjustment, &base) };
                content::DocumentAdjustment { adjustment, vat: vat_of(&taxed.vat) }
            };
        draft.adjustments.iter().zip(taxed).map(one).collect()
    }

    pub(super) fn group(&self, group: &VatGroup, language: Language) -> content::VatGroup {
        let reason = self.reasons.iter().find(|(vat, _)| *vat == group.vat).map(|(_, reason)| reason);
        content::VatGroup {
            vat: vat_of(&group.vat),
            base: group.base.clone(),
            tax: group.amount.clone(),
            reason: reason.map(|reason| reason.text(language).to_owned()),
            reason_code: reason.and_then(|reason| reason.code.clone()),
        }
    }
}

fn vat_of(vat: &LineVat) -> Vat {
    Vat { category: vat.category, rate: vat.rate.clone() }
}

/// What a draft comes to without VAT, as it is now: the deposits that it takes off are not its lines yet. `None` for what no invoice may
/// come to.
pub(super) fn net_so_far(draft: &Draft) -> Option<Money> {
    // The validation may find another category. Only what is adjusted in percent asks for it.
    let vat = |vat: &DraftVat| LineVat {
        category: vat.category.unwrap_or(Category::Standard),
        rate: Some(vat.rate.clone()),
    };
    let line = |line: &DraftLine| Line {
        quantity: line.quantity.clone(),
        takes_off: line.role == LineRole::TakesDepositOff,
        unit_price: line.unit_price.clone(),
        adjustments: line.adjustments.iter().map(adjustment).collect(),
        vat: vat(&line.vat),
    };
    let of_all = |given: &DraftAdjustment| DocumentAdjustment {
        adjustment: adjustment(&given.adjustment),
        vat: vat(&given.vat),
    };
    let lines: Vec<Line> = draft.lines.iter().map(line).collect();
    let adjustments: Vec<DocumentAdjustment> = draft.adjustments.iter().map(of_all).collect();
    Totals::of(&lines, &adjustments, &Money::zero()).ok().map(|totals| totals.net)
}

fn adjustment(given: &Reasoned) -> Adjustment {
    let value = match &given.value {
        ReasonedValue::Amount(amount) => AdjustmentValue::Amount(amount.clone()),
        ReasonedValue::Percent(percent) => AdjustmentValue::Percent(percent.clone()),
    };
    Adjustment { kind: given.kind, value }
}

fn shown(given: &Reasoned, base: &Money) -> content::Adjustment {
    let percent = match &given.value {
        ReasonedValue::Amount(_) => None,
        ReasonedValue::Percent(percent) => Some(percent.clone()),
    };
    content::Adjustment {
        kind: given.kind,
        reason: given.reason.to_string(),
        base: percent.is_some().then(|| base.clone()),
        percent,
        amount: adjustment(given).amount(base),
    }
}

/// The VAT of a line: by the rule, or as somebody chose it.
fn tax(
    parties: &Known<'_>,
    (from, to): (&Territory, &Territory),
    nature: Nature,
    vat: &DraftVat,
    delivered_on: BusinessDate,
) -> Result<Verdict, Invalid> {
    if let Some(category) = vat.category {
        return chosen(category, vat);
    }
    let exemption = vat.reason.as_ref().map(exemption).transpose()?;
    decide(&Supply {
        seller: vat::Seller {
            territory: &parties.here,
            scheme: parties.seller.vat_scheme,
            vat_number: parties.seller.vat_number.as_ref(),
            one_stop_shop: parties.seller.one_stop_shop,
        },
        customer: vat::Customer {
            territory: &parties.there,
            kind: parties.kind,
            vat_number: parties.buyer.vat_number.as_ref(),
        },
        nature,
        from,
        to,
        rate: &vat.rate,
        exemption: exemption.as_ref(),
        on: delivered_on,
    })
    .map_err(|undecided: Undecided| Invalid::new(undecided.code(), undecided.to_string()))
}

fn exemption(reason: &DraftReason) -> Result<Exemption, Invalid> {
    Exemption::new(reason.code.as_deref(), reason.text.as_str())
}

/// What somebody chose replaces the rule, as long as the category, the rate and the reason fit together.
fn chosen(category: Category, vat: &DraftVat) -> Result<Verdict, Invalid> {
    let refused = |message| Err(Invalid::new("vat_does_not_fit", message));
    if (category == Category::Standard) == vat.rate.is_zero() {
        return refused("the category S has a rate above zero, and every other one has 0");
    }
    if category.needs_reason() != vat.reason.is_some() {
        return refused("the categories S and Z have no reason, and every other one needs it");
    }
    Ok(Verdict {
        category,
        rate: (category != Category::NotSubject).then(|| vat.rate.clone()),
        reason: vat.reason.as_ref().map(|reason| Reason {
            code: reason.code.clone(),
            fr: reason.text.to_string(),
            en: reason.text.to_string(),
        }),
        why: "chosen by hand",
    })
}
