//! What a credit note gives back of an invoice: its lines, at the invoice's prices and with its VAT, and never more than is left. Pure.
//!
//! Cents that rounding leaves over go to whoever gets the rest. A line of 100.01 for 3 is given back as 33.34, 33.33 and 33.34. VAT is rounded once in each
//! document (BR-CO-17), so the VAT of two credit notes may differ by a cent from that of the invoice: the one that takes the rest of a category and rate
//! has a base a cent lower or higher, so that both together come to what was invoiced, VAT included. Where no base does (0.03 at 20 %), a cent is left for
//! another one.

use std::collections::HashMap;

use bigdecimal::BigDecimal;

use super::content::{self, Content, Preceding, Vat};
use super::draft::{
    CreditPart, DraftAdjustment, DraftLine, DraftReason, DraftVat, InvoiceReason, LineDescription, LineName,
    LineRole, LineSku, MAX_LINES, Reasoned, ReasonedValue, Source, WantedCredit,
};
use super::mentions::Mention;
use super::totals::{AdjustmentKind, share};
use crate::commerce::credit::Moved;
use crate::commerce::vat::Nature;
use crate::values::goods::Units;
use crate::values::ids::{OrderId, ProductId};
use crate::values::invalid::{FieldError, Fields, Invalid};
use crate::values::language::Language;
use crate::values::money::{Money, Quantity, UnitPrice, VatRate};
use crate::values::unit::Unit;

/// How far the base of the rest may be from what is left, in cents.
const MAX_CENTS: i64 = 20;
/// Up to how many cents a difference is called rounding.
const ROUNDING_CENTS: i64 = 5;

/// An invoice that was validated, with what credit notes have given back of it.
#[derive(Debug, Clone)]
pub(super) struct Original {
    pub(super) content: Content,
    /// In the order of the content's.
    pub(super) lines: Vec<OriginalLine>,
    pub(super) groups: Vec<GroupCredit>,
    /// Whether it is a deposit.
    pub(super) is_deposit: bool,
}

#[derive(Debug, Clone)]
pub(super) struct OriginalLine {
    pub(super) product_id: Option<ProductId>,
    pub(super) source: Option<Source>,
    pub(super) nature: Nature,
    pub(super) credited: LineCredit,
}

/// What was given back of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LineCredit {
    pub(super) quantity: Units,
    pub(super) net: Money,
    /// What of it was given back by quantity.
    pub(super) by_quantity: Money,
}

impl LineCredit {
    pub(super) fn none() -> Self {
        Self { quantity: Units::zero(), net: Money::zero(), by_quantity: Money::zero() }
    }
}

/// What was given back of a category and rate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GroupCredit {
    pub(super) vat: Vat,
    pub(super) base: Money,
    pub(super) tax: Money,
}

/// What a credit note says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Credit {
    pub(super) lines: Vec<DraftLine>,
    pub(super) adjustments: Vec<DraftAdjustment>,
    /// One for each line.
    pub(super) entries: Vec<CreditEntry>,
}

/// What a line of a credit note gives back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CreditEntry {
    /// The invoice's line; `None` if it is of a category and rate.
    pub(super) line: Option<i16>,
    /// `None` if it is an amount.
    pub(super) quantity: Option<Units>,
    pub(super) net: Money,
    pub(super) source: Option<Source>,
}

impl Credit {
    /// What it gives back of orders: that can be invoiced anew. An amount gives no quantity back.
    pub(super) fn moved(&self) -> Vec<Moved> {
        let one = |entry: &CreditEntry| {
            let (source, quantity) = (entry.source?, entry.quantity.as_ref()?);
            Some(Moved {
                order_id: source.order_id,
                position: source.position,
                quantity: -quantity.value().clone(),
            })
        };
        self.entries.iter().filter_map(one).collect()
    }

    /// Whether it gives back deposits that the invoice had taken off.
    pub(super) fn gives_deposits_back(&self) -> bool {
        self.lines.iter().any(|line| line.role == LineRole::TakesDepositOff)
    }
}

impl Original {
    pub(super) fn preceding(&self) -> Preceding {
        let Content { kind, number, issue_date, .. } = &self.content;
        Preceding { kind: *kind, number: number.clone(), issue_date: *issue_date }
    }

    /// The line at this position, which counts from 1.
    fn line(&self, position: i16) -> Option<(&content::Line, &OriginalLine)> {
        let index = usize::try_from(position).ok()?.checked_sub(1)?;
        self.content.lines.get(index).zip(self.lines.get(index))
    }

    /// The lines that invoice something of this line of an order, and how much of each nobody has given back.
    pub(super) fn of_order(&self, order_id: OrderId, position: i16) -> Vec<(i16, Units)> {
        let source = Some(Source { order_id, position });
        let of_line = (1..).zip(&self.lines).filter(|(_, known)| known.source == source);
        of_line.map(|(line, _)| (line, self.quantity_left(line))).collect()
    }

    /// How much of a line nobody has given back by quantity.
    fn quantity_left(&self, position: i16) -> Units {
        let left = self.line(position).map(|(line, known)| whole(line).less(&known.credited.quantity));
        left.unwrap_or_else(Units::zero)
    }

    /// Makes what is wanted.
    ///
    /// # Errors
    /// Fails with everything that is more than is left, or that the invoice does not have. Nothing is made if nothing is left.
    pub(super) fn credit(&self, wanted: &WantedCredit) -> Result<Option<Credit>, Vec<FieldError>> {
        let mut making = Making::of(self);
        match wanted {
            WantedCredit::Rest => making.rest(),
            WantedCredit::Parts(parts) => {
                for (index, part) in parts.iter().enumerate() {
                    making.part(index, part);
                }
            }
        }
        making.finish(wanted)
    }
}

/// The quantity of a line, which counts below zero where a deposit is taken off.
fn whole(line: &content::Line) -> Units {
    Units::stored(line.quantity.value().abs())
}

fn takes_deposit_off(line: &content::Line) -> bool {
    line.net.is_negative()
}

/// A part of a line's amount, so that the parts add up to it.
fn net_until(line: &content::Line, quantity: &Units) -> Money {
    let whole = whole(line);
    if whole.is_zero() {
        return Money::zero();
    }
    Money::rounded(&(line.net.value() * quantity.value() / whole.value()))
}

struct Making<'a> {
    original: &'a Original,
    language: Language,
    faults: Fields,
    lines: Vec<DraftLine>,
    entries: Vec<CreditEntry>,
    /// What was given back of each line before, and by this one so far.
    given: HashMap<i16, LineCredit>,
}

impl<'a> Making<'a> {
    fn of(original: &'a Original) -> Self {
        let given = (1..).zip(&original.lines).map(|(line, known)| (line, known.credited.clone())).collect();
        Self {
            original,
            language: original.content.language,
            faults: Fields::default(),
            lines: Vec::new(),
            entries: Vec::new(),
            given,
        }
    }

    /// All that is left of every line.
    fn rest(&mut self) {
        let original = self.original;
        for (position, (line, known)) in (1..).zip(original.content.lines.iter().zip(&original.lines)) {
            let quantity = whole(line).less(&known.credited.quantity);
            let net = line.net.minus(&known.credited.net);
            if !quantity.is_zero() {
                self.by_quantity(position, &quantity, &net);
            } else if !net.is_zero() {
                self.by_amount(position, &net);
            }
        }
    }

    fn part(&mut self, index: usize, part: &CreditPart) {
        match part {
            CreditPart::Quantity { line, quantity } => {
                let Some((sold, given)) = self.known(index, *line) else { return };
                let (left, wanted) = (whole(sold).less(&given.quantity), Units::from(quantity));
                if wanted > left {
                    self.exceeds(format!("/lines/{index}/quantity"), &left, "of the line");
                    return;
                }
                let until = net_until(sold, &given.quantity.plus(&wanted));
                let net = until.minus(&net_until(sold, &given.quantity));
                let left = sold.net.minus(&given.net);
                if net.value() > left.value() {
                    self.exceeds(format!("/lines/{index}/quantity"), &left, "of the amount of the line");
                    return;
                }
                self.by_quantity(*line, &wanted, &net);
            }
            CreditPart::Line { line, amount } => {
                let Some((sold, given)) = self.known(index, *line) else { return };
                let left = sold.net.minus(&given.net);
                if amount.value() > left.value() {
                    self.exceeds(format!("/lines/{index}/amount"), &left, "of the amount of the line");
                    return;
                }
                self.by_amount(*line, amount);
            }
            CreditPart::Group { vat, amount } => {
                if !self.original.content.vat.iter().any(|group| group.vat == *vat) {
                    let message = "the invoice has nothing with this category and rate";
                    self.faults.refuse(format!("/lines/{index}/vat"), "unknown_vat", message);
                    return;
                }
                self.of_group(vat, amount);
            }
        }
    }

    /// The line that a part names, with what was given back of it.
    fn known(&mut self, index: usize, position: i16) -> Option<(&'a content::Line, LineCredit)> {
        let pointer = format!("/lines/{index}/line");
        let Some((line, _)) = self.original.line(position) else {
            let message = format!("the invoice has {} lines", self.original.content.lines.len());
            self.faults.refuse(pointer, "unknown_line", message);
            return None;
        };
        if takes_deposit_off(line) {
            let message = "a deposit that is taken off is given back with the whole rest of the invoice only";
            self.faults.refuse(pointer, "takes_deposit_off", message);
            return None;
        }
        Some((line, self.given.get(&position).cloned().unwrap_or_else(LineCredit::none)))
    }

    fn exceeds(&mut self, pointer: String, left: &impl ToString, of_what: &str) {
        let left = left.to_string();
        self.faults.refuse_with(pointer, "exceeds_invoice", format!("{left} is left {of_what}"), &left);
    }

    fn by_quantity(&mut self, position: i16, quantity: &Units, net: &Money) {
        let Some((sold, known)) = self.original.line(position) else { return };
        let takes_off = takes_deposit_off(sold);
        let quantity_of = Quantity::stored(quantity.value().clone());
        let gross = sold.unit_price.times(&quantity_of);
        // What the discounts and charges of the line come to, and what rounding leaves over.
        let missing = if takes_off { net.negated().minus(&gross) } else { net.minus(&gross) };
        let line = DraftLine {
            quantity: quantity_of,
            unit: Unit::stored(sold.unit.code.clone()),
            unit_price: sold.unit_price.clone(),
            adjustments: self.adjusted(&missing, &sold.adjustments).into_iter().collect(),
            role: self.role(takes_off),
            ..self.repeated(sold, known)
        };
        let given = self.given.entry(position).or_insert_with(LineCredit::none);
        given.quantity = given.quantity.plus(quantity);
        given.net = given.net.plus(net);
        given.by_quantity = given.by_quantity.plus(net);
        self.push(line, Some(position), Some(quantity.clone()), net);
    }

    fn by_amount(&mut self, position: i16, net: &Money) {
        let Some((sold, known)) = self.original.line(position) else { return };
        let line = DraftLine {
            unit_price: UnitPrice::stored(net.value().clone()),
            role: self.role(false),
            ..self.repeated(sold, known)
        };
        let given = self.given.entry(position).or_insert_with(LineCredit::none);
        given.net = given.net.plus(net);
        self.push(line, Some(position), None, net);
    }

    fn of_group(&mut self, vat: &Vat, net: &Money) {
        let of_group = self.original.content.lines.iter().zip(&self.original.lines);
        let nature = of_group.into_iter().find(|(line, _)| line.vat == *vat).map(|(_, known)| known.nature);
        let Preceding { number, issue_date, .. } = self.original.preceding();
        let line = DraftLine {
            source: None,
            product_id: None,
            sku: None,
            name: LineName::stored(Mention::Corrects { number, issued_on: issue_date }.text(self.language)),
            description: None,
            nature: nature.unwrap_or(Nature::Goods),
            quantity: Quantity::stored(BigDecimal::from(1)),
            unit: Unit::default(),
            unit_price: UnitPrice::stored(net.value().clone()),
            adjustments: Vec::new(),
            vat: self.vat(vat),
            price: None,
            role: self.role(false),
        };
        self.push(line, None, None, net);
    }

    fn push(&mut self, line: DraftLine, position: Option<i16>, quantity: Option<Units>, net: &Money) {
        let source = line.source;
        self.lines.push(line);
        self.entries.push(CreditEntry { line: position, quantity, net: net.clone(), source });
    }

    /// One of what the invoice's line says.
    fn repeated(&self, sold: &content::Line, known: &OriginalLine) -> DraftLine {
        DraftLine {
            source: known.source,
            product_id: known.product_id,
            sku: sold.sku.clone().map(LineSku::stored),
            name: LineName::stored(sold.name.clone()),
            description: sold.description.clone().map(LineDescription::stored),
            nature: known.nature,
            quantity: Quantity::stored(BigDecimal::from(1)),
            unit: Unit::default(),
            unit_price: UnitPrice::zero(),
            adjustments: Vec::new(),
            vat: self.vat(&sold.vat),
            price: None,
            role: LineRole::Sale,
        }
    }

    fn role(&self, takes_off: bool) -> LineRole {
        match (takes_off, self.original.is_deposit) {
            (true, _) => LineRole::TakesDepositOff,
            (false, true) => LineRole::Deposit,
            (false, false) => LineRole::Sale,
        }
    }

    /// The invoice's category, rate and reason, whatever the rule says today.
    fn vat(&self, vat: &Vat) -> DraftVat {
        let group = self.original.content.vat.iter().find(|group| group.vat == *vat);
        let text = group.and_then(|group| group.reason.clone());
        DraftVat {
            rate: vat.rate.clone().unwrap_or_else(|| VatRate::hundredths(0)),
            category: Some(vat.category),
            reason: text.map(|text| DraftReason {
                code: group.and_then(|group| group.reason_code.clone()),
                text: InvoiceReason::stored(text),
            }),
        }
    }

    /// A discount or a charge that makes up a difference; `None` if there is none.
    fn adjusted(&self, difference: &Money, of: &[content::Adjustment]) -> Option<Reasoned> {
        if difference.is_zero() {
            return None;
        }
        let (kind, amount) = if difference.is_negative() {
            (AdjustmentKind::Discount, difference.negated())
        } else {
            (AdjustmentKind::Charge, difference.clone())
        };
        let given: Vec<&str> = of.iter().map(|one| one.reason.as_str()).collect();
        let is_rounding = amount.value() <= &BigDecimal::new(ROUNDING_CENTS.into(), 2);
        let reason = match (given.is_empty(), is_rounding, self.language) {
            (false, ..) => given.join(", ").chars().take(InvoiceReason::MAX).collect(),
            (true, true, Language::Fr) => "Arrondi".to_owned(),
            (true, true, Language::En) => "Rounding".to_owned(),
            (true, false, Language::Fr) => "Déjà crédité".to_owned(),
            (true, false, Language::En) => "Credited before".to_owned(),
        };
        Some(Reasoned { kind, reason: InvoiceReason::stored(reason), value: ReasonedValue::Amount(amount) })
    }

    /// Compares each category and rate with what is left of it, and gives discounts of the whole document back in proportion.
    fn finish(mut self, wanted: &WantedCredit) -> Result<Option<Credit>, Vec<FieldError>> {
        if self.lines.len() > MAX_LINES {
            let message = format!("a credit note has at most {MAX_LINES} lines");
            self.faults.refuse("/lines", "wrong_length", message);
        }
        let mut adjustments = Vec::new();
        let groups: Vec<_> = self.original.content.vat.iter().collect();
        for group in groups {
            let wants = self.lines_of(&group.vat);
            if wants.is_none() && *wanted != WantedCredit::Rest {
                continue;
            }
            let lines = wants.unwrap_or_else(Money::zero);
            let before = self.original.groups.iter().find(|one| one.vat == group.vat);
            let (base, tax) = before.map_or_else(
                || (Money::zero(), Money::zero()),
                |before| (before.base.clone(), before.tax.clone()),
            );
            let (base_left, tax_left) = (group.base.minus(&base), group.tax.minus(&tax));
            let asked = match wanted {
                WantedCredit::Rest => base_left.clone(),
                WantedCredit::Parts(_) => lines.minus(&self.discount(group)),
            };
            if asked.value() > base_left.value() {
                let what = format!("of {} at the rate {}", group.vat.category.code(), rate_text(&group.vat));
                self.exceeds("/lines".to_owned(), &base_left, &what);
                continue;
            }
            let gross_left = base_left.plus(&tax_left);
            let given = if asked == base_left {
                settled(&base_left, &gross_left, group.vat.rate.as_ref())
            } else {
                asked
            };
            let gross = with_vat(&given, group.vat.rate.as_ref());
            if gross.value() > gross_left.value() {
                let what = format!("of {} with its VAT, not {gross}", group.vat.category.code());
                self.exceeds("/lines".to_owned(), &gross_left, &what);
                continue;
            }
            if lines.is_zero() && self.lines_of(&group.vat).is_none() {
                // What is left is no line's: freight, say.
                if !given.is_zero() {
                    self.of_group(&group.vat, &given);
                }
                continue;
            }
            let of_document: Vec<content::Adjustment> = self
                .original
                .content
                .adjustments
                .iter()
                .filter(|one| one.vat == group.vat)
                .map(|one| one.adjustment.clone())
                .collect();
            let nature = self.lines.iter().find(|line| of_vat(line, &group.vat)).map(|line| line.nature);
            if let Some(adjustment) = self.adjusted(&given.minus(&lines), &of_document) {
                adjustments.push(DraftAdjustment {
                    adjustment,
                    nature: nature.unwrap_or(Nature::Goods),
                    vat: self.vat(&group.vat),
                });
            }
        }
        let is_nothing = self.lines.is_empty();
        let credit = Credit { lines: self.lines, adjustments, entries: self.entries };
        let credit = self.faults.finish(Some(credit))?;
        Ok((!is_nothing).then_some(credit))
    }

    /// The sum of the lines with this VAT; `None` if there are none.
    fn lines_of(&self, vat: &Vat) -> Option<Money> {
        let nets = self.lines.iter().zip(&self.entries).filter(|(line, _)| of_vat(line, vat));
        let mut nets = nets.map(|(_, entry)| &entry.net).peekable();
        nets.peek()?;
        Some(nets.sum())
    }

    /// What of the discounts of the whole document falls on what is given back by quantity. Charges, such as freight, are not given back by parts.
    fn discount(&self, group: &content::VatGroup) -> Money {
        let sold = self.original.content.lines.iter().filter(|line| line.vat == group.vat);
        let all: Money = sold.clone().map(|line| &line.net).sum();
        let change = group.base.minus(&all);
        if !change.is_negative() {
            return Money::zero();
        }
        let goods: Money = sold.filter(|line| !takes_deposit_off(line)).map(|line| &line.net).sum();
        let (mut before, mut after) = (Money::zero(), Money::zero());
        let lines = self.original.content.lines.iter().zip(&self.original.lines);
        for (position, (line, known)) in (1_i16..).zip(lines) {
            if line.vat != group.vat || takes_deposit_off(line) {
                continue;
            }
            before = before.plus(&known.credited.by_quantity);
            after = after.plus(
                self.given.get(&position).map_or(&known.credited.by_quantity, |given| &given.by_quantity),
            );
        }
        share(&change.negated(), &goods, &before, &after.minus(&before))
    }
}

fn of_vat(line: &DraftLine, vat: &Vat) -> bool {
    let rate = vat.rate.clone().unwrap_or_else(|| VatRate::hundredths(0));
    line.vat.category == Some(vat.category) && line.vat.rate == rate
}

fn rate_text(vat: &Vat) -> String {
    vat.rate.as_ref().map_or_else(|| "–".to_owned(), |rate| format!("{rate} %"))
}

fn with_vat(base: &Money, rate: Option<&VatRate>) -> Money {
    rate.map_or_else(|| base.clone(), |rate| base.plus(&rate.of(base)))
}

/// The base that comes, with its VAT, to what is left; the nearest one below if none does.
fn settled(base: &Money, gross: &Money, rate: Option<&VatRate>) -> Money {
    let moved = |cents: i64| Money::rounded(&(base.value() + BigDecimal::new(cents.into(), 2)));
    let nearest = (0..=MAX_CENTS).flat_map(|cents| [-cents, cents]).map(moved);
    let mut fitting = nearest.filter(|base| !base.is_negative());
    if let Some(exact) = fitting.find(|base| with_vat(base, rate) == *gross) {
        return exact;
    }
    let below = (0..=MAX_CENTS).map(|cents| moved(-cents)).filter(|base| !base.is_negative());
    let mut below = below.skip_while(|base| with_vat(base, rate).value() > gross.value());
    below.next().unwrap_or_else(|| base.clone())
}

/// The lines that take deposits off, one for each category and rate of each, and for goods and services apart: their VAT is due at different times.
pub(super) fn taking_off(deposit: &Original, language: Language) -> Vec<DraftLine> {
    let making = Making::of(deposit);
    let Preceding { number, issue_date, .. } = deposit.preceding();
    let name = Mention::TakesOff { number, issued_on: issue_date }.text(language);
    let line = |(vat, nature, net): (&Vat, Nature, Money)| DraftLine {
        source: None,
        product_id: None,
        sku: None,
        name: LineName::stored(name.clone()),
        description: None,
        nature,
        quantity: Quantity::stored(BigDecimal::from(1)),
        unit: Unit::default(),
        unit_price: UnitPrice::stored(net.value().clone()),
        adjustments: Vec::new(),
        vat: making.vat(vat),
        price: None,
        role: LineRole::TakesDepositOff,
    };
    deposit.content.vat.iter().flat_map(|group| parts_of(deposit, group)).map(line).collect()
}

/// What of a group is of goods, and what is of services: together its base.
fn parts_of<'a>(deposit: &Original, group: &'a content::VatGroup) -> Vec<(&'a Vat, Nature, Money)> {
    let of_nature = |nature: Nature| -> Money {
        let lines = deposit.content.lines.iter().zip(&deposit.lines);
        let lines = lines.filter(|(line, known)| line.vat == group.vat && known.nature == nature);
        lines.map(|(line, _)| &line.net).sum()
    };
    let services = of_nature(Nature::Service);
    let goods = group.base.minus(&services);
    let parts = [(&group.vat, Nature::Goods, goods), (&group.vat, Nature::Service, services)];
    parts.into_iter().filter(|(.., net)| !net.is_zero()).collect()
}

/// # Errors
/// `wrong_length` if there are no parts, or more than lines of an invoice.
pub fn check_parts(count: usize) -> Result<(), Invalid> {
    if (1..=MAX_LINES).contains(&count) {
        return Ok(());
    }
    let message = format!(
        "1 to {MAX_LINES} lines are possible, not {count}; leave them out to give back the whole rest"
    );
    Err(Invalid::new("wrong_length", message))
}

#[cfg(test)]
#[path = "credit_tests.rs"]
mod tests;
