//! The lines of an order, and parts of them: how a line is priced, what of it can leave or come back, and which parts name a line that
//! is not there, or more of it than there is.

use std::collections::{HashMap, HashSet};

use serde::Serialize;

use super::aggregate::Order;
use super::error::{Beyond, OrderError};
use crate::application::aggregate::Aggregate;
use crate::commerce::prices::{AppliedPrice, PriceOrigin};
use crate::commerce::products::Product;
use crate::commerce::stock::StockReason;
use crate::values::goods::Units;
use crate::values::ids::ProductId;
use crate::values::money::{Money, Quantity, QuantityDecimals, UnitPrice, VatRate};
use crate::values::unit::Unit;

/// The maximum number of lines of one order.
pub const MAX_LINES: usize = 5_000;

/// A line of an order: a product as it was called, priced and taxed when the order was placed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OrderLine {
    pub product_id: ProductId,
    pub sku: String,
    pub name: String,
    pub quantity: Quantity,
    pub unit_price: UnitPrice,
    pub vat_rate: VatRate,
    pub net_amount: Money,
    /// Whether the product was kept in stock then: such a line has its goods reserved, and issued when it is shipped.
    pub stocked: bool,
    /// What is reserved for it.
    pub reserved: Units,
    /// What it waits for.
    pub waiting: Units,
    /// What has left.
    pub shipped: Units,
    /// What will not leave.
    pub cancelled: Units,
    /// What of the shipped goods has come back.
    pub returned: Units,
    /// Which price it has; not known of lines that are older than that.
    #[serde(flatten)]
    pub price: Option<PriceOrigin>,
}

/// A part of a line: what leaves of it, or comes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinePart {
    /// The line's; counts from 1.
    pub position: i16,
    pub units: Units,
}

/// What comes back of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnedPart {
    pub part: LinePart,
    /// Whether it can be sold again; otherwise it is written off.
    pub restocked: bool,
    pub reason: Option<StockReason>,
}

/// A requested line. Without a price of its own, it takes that of a list, or else the product's.
#[derive(Debug, Clone)]
pub struct DraftLine<'a> {
    pub product: &'a Product,
    pub quantity: Quantity,
    pub unit_price: Option<UnitPrice>,
    /// What a list says.
    pub listed: Option<AppliedPrice>,
}

impl Order {
    /// # Errors
    /// Fails if there are no lines, or more than [`MAX_LINES`].
    pub fn check_line_count(count: usize) -> Result<(), OrderError> {
        if (1..=MAX_LINES).contains(&count) { Ok(()) } else { Err(OrderError::LineCount(count)) }
    }

    /// # Errors
    /// Fails if a part names a line that is not there, or one that another part names.
    pub(super) fn check_parts(&self, parts: &[LinePart]) -> Result<(), OrderError> {
        let unknown = self.unknown(parts);
        if !unknown.is_empty() {
            return Err(OrderError::LinesUnknown(unknown));
        }
        let mut named = HashSet::new();
        let again: Vec<usize> = (0..)
            .zip(parts)
            .filter(|(_, part)| !named.insert(part.position))
            .map(|(index, _)| index)
            .collect();
        if again.is_empty() { Ok(()) } else { Err(OrderError::LinesTwice(again)) }
    }

    pub(super) fn unknown(&self, parts: &[LinePart]) -> Vec<usize> {
        positions(parts, |part| self.line(part.position).is_none())
    }

    /// Returns the line at this position, which counts from 1.
    pub fn line(&self, position: i16) -> Option<&OrderLine> {
        self.lines.get(usize::try_from(position).ok()?.checked_sub(1)?)
    }

    /// Returns the products of the parts that are finer than their lines. Any other part was permitted when its line was ordered, so only
    /// these products have to be asked how fine a part may be.
    pub(crate) fn finer(&self, parts: &[LinePart]) -> Vec<ProductId> {
        self.finer_parts(parts).map(|(_, _, line)| line.product_id).collect()
    }

    /// Checks parts by how their products are measured now: those that [`Order::finer`] has named. A part that is no finer than its line
    /// passes, even if the product has become coarser since: otherwise the rest of the line could never leave.
    ///
    /// # Errors
    /// Fails if a part has more decimals than its line and its product.
    pub(crate) fn check_decimals(
        &self,
        parts: &[LinePart],
        measures: &HashMap<ProductId, (QuantityDecimals, Unit)>,
    ) -> Result<(), OrderError> {
        let too_precise = self.finer_parts(parts).filter_map(|(index, part, line)| {
            let (decimals, unit) = measures.get(&line.product_id)?;
            (!part.units.has_at_most(*decimals)).then(|| (index, *decimals, unit.clone()))
        });
        let too_precise: Vec<_> = too_precise.collect();
        if too_precise.is_empty() { Ok(()) } else { Err(OrderError::PartsTooPrecise(too_precise)) }
    }

    fn finer_parts<'a>(
        &'a self,
        parts: &'a [LinePart],
    ) -> impl Iterator<Item = (usize, &'a LinePart, &'a OrderLine)> {
        parts.iter().enumerate().filter_map(move |(index, part)| {
            let line = self.line(part.position)?;
            (part.units.decimals() > line.decimals()).then_some((index, part, line))
        })
    }

    /// Returns the parts that together with those before them are more than `most` of their line.
    pub(super) fn beyond(&self, parts: &[LinePart], most: impl Fn(&OrderLine) -> Units) -> Vec<Beyond> {
        let mut taken: HashMap<i16, Units> = HashMap::new();
        let mut beyond = Vec::new();
        for (index, part) in parts.iter().enumerate() {
            let Some(line) = self.line(part.position) else { continue };
            let before = taken.entry(part.position).or_insert_with(Units::zero);
            let available = most(line).less(before);
            *before = before.plus(&part.units);
            if part.units > available {
                beyond.push(Beyond { index, wanted: part.units.clone(), available });
            }
        }
        beyond
    }
}

pub(super) fn line_at(lines: &mut [OrderLine], position: i16) -> Option<&mut OrderLine> {
    lines.get_mut(usize::try_from(position).ok()?.checked_sub(1)?)
}

impl OrderLine {
    /// Prices a line: at the price that was agreed for it, or else at that of a list, or else at the product's own. The name and the VAT
    /// rate are the product's present ones.
    pub(super) fn priced(draft: DraftLine<'_>) -> Self {
        let details = draft.product.details();
        let (unit_price, price) = match (draft.unit_price, draft.listed) {
            (Some(given), _) => (given, PriceOrigin::GIVEN),
            (None, Some(listed)) => (listed.unit_price, PriceOrigin::list(listed.list)),
            (None, None) => (details.unit_price.clone(), PriceOrigin::PRODUCT),
        };
        Self {
            product_id: draft.product.id(),
            sku: details.sku.as_str().to_owned(),
            name: details.name.as_str().to_owned(),
            net_amount: unit_price.times(&draft.quantity),
            quantity: draft.quantity,
            unit_price,
            vat_rate: details.vat_rate.clone(),
            stocked: details.stocked,
            reserved: Units::zero(),
            waiting: Units::zero(),
            shipped: Units::zero(),
            cancelled: Units::zero(),
            returned: Units::zero(),
            price: Some(price),
        }
    }

    /// How many decimals the finest of its amounts has. What is left of it has no more: a difference has no more than both of its parts.
    fn decimals(&self) -> i64 {
        let became = [&self.reserved, &self.waiting, &self.shipped, &self.cancelled, &self.returned];
        let became = became.into_iter().map(Units::decimals);
        became.fold(Units::from(&self.quantity).decimals(), i64::max)
    }

    /// What can leave now: what is reserved, or all that is outstanding if it needs no goods from stock.
    pub fn ready(&self) -> Units {
        if self.stocked { self.reserved.clone() } else { self.outstanding() }
    }

    /// What has not left, and was not cancelled.
    pub fn outstanding(&self) -> Units {
        Units::from(&self.quantity).less(&self.shipped).less(&self.cancelled)
    }

    /// What has left, and has not come back.
    pub fn returnable(&self) -> Units {
        self.shipped.less(&self.returned)
    }
}

/// Returns what is wrong with the quantity of a line, counted from 0, if it has more decimals than its product allows.
pub(super) fn too_precise(
    index: usize,
    quantity: &Quantity,
    product: &Product,
) -> Option<(usize, QuantityDecimals, Unit)> {
    let details = product.details();
    let fits = quantity.fits(details.quantity_decimals);
    (!fits).then(|| (index, details.quantity_decimals, details.unit.clone()))
}

/// Returns the positions, counted from 0, of the items for which `holds` is true.
pub(crate) fn positions<T>(items: &[T], mut holds: impl FnMut(&T) -> bool) -> Vec<usize> {
    items.iter().enumerate().filter(|(_, item)| holds(item)).map(|(position, _)| position).collect()
}
