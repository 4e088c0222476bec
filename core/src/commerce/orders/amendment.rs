//! Amending an order of which nothing has left: its lines, its reference, where it goes, by when it was promised.
//!
//! What it has of a product stays with it: only what it needs less of that product than before is given back, and only what it needs
//! more is promised. So it never lacks what it has just given up, whichever lines the product moves between.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::aggregate::{Order, OrderReference, OrderStatus, check_promise, check_total};
use super::error::OrderError;
use super::events::OrderEvent;
use super::lines::{DraftLine, OrderLine, too_precise};
use super::queries::OrderSummary;
use super::totals::Totals;
use crate::commerce::prices::{PriceBook, PriceOrigin};
use crate::commerce::products::Product;
use crate::commerce::stock::{DocumentRef, DocumentType, Held, Levels, Shortage, StockError};
use crate::values::business_date::BusinessDate;
use crate::values::contact::PostalAddress;
use crate::values::goods::Units;
use crate::values::ids::{ProductId, WarehouseId};
use crate::values::invalid::{FieldError, Invalid};
use crate::values::money::{Money, Quantity, UnitPrice};

/// The maximum number of lines before, and of lines after, that the audit trail names of one amendment.
const MAX_AUDITED_LINES: usize = 200;

/// An order as it is to be from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderAmendment {
    pub reference: Option<OrderReference>,
    /// Where it goes; `None` for the customer's own address.
    pub delivery_address: Option<PostalAddress>,
    /// By when the customer was promised the goods.
    pub promised_on: Option<BusinessDate>,
    /// All of its lines, in their new order.
    pub lines: Vec<AmendedLine>,
}

/// A line as an amendment asks for it: a present one, by its position, or a new one, by its product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AmendedLine {
    /// Of a present line; counts from 1. It stays what it was called and how it is taxed.
    pub position: Option<i16>,
    /// Of a new line, which is priced now.
    pub product_id: Option<ProductId>,
    /// A new line needs one; a present one keeps its own if none is given.
    pub quantity: Option<Quantity>,
    /// `None` stands for the price of the present line, whatever its quantity is to be; of a new line, for that of a list, or of the product.
    pub unit_price: Option<UnitPrice>,
}

/// A line of an amendment that is not understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WrongLine {
    /// Counts from 0.
    pub index: usize,
    pub fault: LineFault,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineFault {
    /// It has a position and a product.
    Both,
    /// It has none of them.
    Neither,
    /// The order has no line at its position.
    Unknown,
    /// A line before it has the same position.
    Twice,
    /// It is new, and says no quantity.
    NoQuantity,
}

impl WrongLine {
    pub(super) fn field(self) -> FieldError {
        let (member, code, message) = match self.fault {
            LineFault::Both => (
                "/product_id",
                "conflicting_fields",
                "a line keeps its product: leave product_id out, or position for a new line",
            ),
            LineFault::Neither => (
                "",
                "missing_field",
                "a line has the position of one of the order's, or the product_id of a new one",
            ),
            LineFault::Unknown => ("/position", "unknown_line", "the order has no such line"),
            LineFault::Twice => {
                ("/position", "line_twice", "this line is named before: add the quantities up")
            }
            LineFault::NoQuantity => ("/quantity", "missing_field", "a new line needs a quantity"),
        };
        Invalid::new(code, message).at(format!("/lines/{}{member}", self.index))
    }
}

/// Where a line of an amended order comes from.
enum Source<'a> {
    /// From the present line with this index.
    Present {
        index: usize,
        line: &'a OrderLine,
        wanted: &'a AmendedLine,
    },
    New {
        product_id: ProductId,
        quantity: &'a Quantity,
        unit_price: Option<&'a UnitPrice>,
    },
}

impl Source<'_> {
    /// Returns the line as it is to be, and the index of the present line from which it comes. Nothing is reserved for it yet.
    fn line(
        &self,
        products: &HashMap<ProductId, Product>,
        prices: &PriceBook,
    ) -> Option<(OrderLine, Option<usize>)> {
        match self {
            Self::Present { index, line, wanted } => {
                let quantity = wanted.quantity.as_ref().unwrap_or(&line.quantity).clone();
                let unit_price = wanted.unit_price.as_ref().unwrap_or(&line.unit_price).clone();
                let mut new = OrderLine {
                    quantity,
                    unit_price,
                    reserved: Units::zero(),
                    waiting: Units::zero(),
                    ..(*line).clone()
                };
                if new.unit_price != line.unit_price {
                    new.price = Some(PriceOrigin::GIVEN);
                }
                if !is_as_sold(line, &new) {
                    new.net_amount = new.unit_price.times(&new.quantity);
                }
                Some((new, Some(*index)))
            }
            Self::New { product_id, quantity, unit_price } => {
                let product = products.get(product_id)?;
                let unit_price = unit_price.cloned();
                let listed = prices.price(*product_id, quantity);
                let draft = DraftLine { product, quantity: (*quantity).clone(), unit_price, listed };
                Some((OrderLine::priced(draft), None))
            }
        }
    }
}

/// Whether a line is sold in the quantity, and at the price, of the line from which it comes.
fn is_as_sold(before: &OrderLine, after: &OrderLine) -> bool {
    before.quantity == after.quantity && before.unit_price == after.unit_price
}

/// An amendment that keeps the rules of the order; whether its goods are there is not known yet.
#[derive(Debug)]
pub(crate) struct Plan {
    reference: Option<OrderReference>,
    delivery_address: Option<PostalAddress>,
    promised_on: Option<BusinessDate>,
    /// `None` if the lines stay as they are.
    lines: Option<NewLines>,
}

#[derive(Debug)]
struct NewLines {
    lines: Vec<OrderLine>,
    totals: Totals,
    /// The index of the present line from which each of them comes; `None` for a new one.
    from: Vec<Option<usize>>,
}

impl Plan {
    pub(super) fn changes_lines(&self) -> bool {
        self.lines.is_some()
    }

    /// What the order is to be called; `None` for nothing.
    pub(super) fn reference(&self) -> Option<&OrderReference> {
        self.reference.as_ref()
    }

    pub(super) fn changes_reference(&self, order: &Order) -> bool {
        self.reference != order.reference
    }

    /// What the order is to come to, if that is more than it comes to now.
    pub(super) fn raised_total(&self, order: &Order) -> Option<&Money> {
        let total = &self.lines.as_ref()?.totals.gross_total;
        (total.value() > order.totals.gross_total.value()).then_some(total)
    }

    /// The products of new lines that need goods from stock, each once.
    pub(super) fn new_goods(&self) -> Vec<ProductId> {
        let Some(NewLines { lines, from, .. }) = &self.lines else { return Vec::new() };
        let new = lines.iter().zip(from).filter(|(line, from)| line.stocked && from.is_none());
        let mut products: Vec<ProductId> = new.map(|(line, _)| line.product_id).collect();
        products.sort_unstable();
        products.dedup();
        products
    }
}

/// What an amendment did to the lines of an order. Lines that have only another position are not among them.
#[derive(Debug, Default)]
pub(crate) struct ChangedLines {
    /// Those that were changed or taken off, as they were, each with its position then.
    before: Vec<(i16, OrderLine)>,
    /// Those that were changed or added, as they are, each with its position now.
    after: Vec<(i16, OrderLine)>,
    /// The products of which the order has no line any more.
    pub(super) dropped: Vec<ProductId>,
}

impl ChangedLines {
    fn between(before: &[OrderLine], after: &[OrderLine], from: &[Option<usize>]) -> Self {
        let mut stay: HashSet<usize> = HashSet::new();
        let mut changed = Self::default();
        for (position, (line, from)) in (1..).zip(after.iter().zip(from)) {
            let source = from.and_then(|index| Some((index, before.get(index)?)));
            match source.filter(|(_, source)| is_as_sold(source, line)) {
                Some((index, _)) => {
                    stay.insert(index);
                }
                None => changed.after.push((position, line.clone())),
            }
        }
        let gone = (1..).zip(before).enumerate().filter(|(index, _)| !stay.contains(index));
        changed.before = gone.map(|(_, (position, line))| (position, line.clone())).collect();
        let kept: HashSet<ProductId> = after.iter().map(|line| line.product_id).collect();
        changed.dropped =
            before.iter().map(|line| line.product_id).filter(|product| !kept.contains(product)).collect();
        changed.dropped.sort_unstable();
        changed.dropped.dedup();
        changed
    }
}

/// What the audit trail keeps of an order that is amended: the order, and of its lines those that the amendment changes.
#[derive(Debug, Serialize)]
pub(super) struct AuditedAmendment {
    #[serde(flatten)]
    order: OrderSummary,
    /// At most [`MAX_AUDITED_LINES`].
    changed_lines: Vec<AuditedLine>,
    /// How many more were changed.
    more_changed_lines: usize,
}

#[derive(Debug, Serialize)]
struct AuditedLine {
    position: i16,
    product_id: ProductId,
    sku: String,
    quantity: Quantity,
    unit_price: UnitPrice,
}

impl AuditedAmendment {
    /// The order as it was, and as it is.
    pub(super) fn of(before: OrderSummary, after: OrderSummary, changed: &ChangedLines) -> (Self, Self) {
        (Self::with(before, &changed.before), Self::with(after, &changed.after))
    }

    fn with(order: OrderSummary, lines: &[(i16, OrderLine)]) -> Self {
        let line = |(position, line): &(i16, OrderLine)| AuditedLine {
            position: *position,
            product_id: line.product_id,
            sku: line.sku.clone(),
            quantity: line.quantity.clone(),
            unit_price: line.unit_price.clone(),
        };
        Self {
            order,
            changed_lines: lines.iter().take(MAX_AUDITED_LINES).map(line).collect(),
            more_changed_lines: lines.len().saturating_sub(MAX_AUDITED_LINES),
        }
    }
}

impl Order {
    /// # Errors
    /// Fails if the order is shipped, delivered or cancelled already, or if a part of it has left.
    pub(super) fn check_amendable(&self) -> Result<(), OrderError> {
        if self.is_open() && self.has_left() {
            return Err(OrderError::PartlyShipped(self.id));
        }
        self.check_state("amended", &[OrderStatus::Pending, OrderStatus::Confirmed])
    }

    /// Checks an amendment by the rules of the order. `products` has those of the new lines, as far as there are any, and those of
    /// present lines whose quantity is given; `prices` what lists say of new lines.
    ///
    /// # Errors
    /// Fails if the order cannot be amended any more, or, with every line at fault, as [`Order::place`] does.
    pub(crate) fn plan(
        &self,
        amendment: &OrderAmendment,
        products: &HashMap<ProductId, Product>,
        prices: &PriceBook,
    ) -> Result<Plan, OrderError> {
        self.check_amendable()?;
        Self::check_line_count(amendment.lines.len())?;
        let sources = self.sources(&amendment.lines)?;
        let ordered_on = self.ordered_on.unwrap_or_else(|| BusinessDate::of(self.placed_at));
        check_promise(amendment.promised_on, ordered_on)?;
        check_products(&sources, products)?;
        let lines = sources.iter().filter_map(|source| source.line(products, prices));
        let (lines, from): (Vec<OrderLine>, Vec<Option<usize>>) = lines.unzip();
        let stays = |index: usize, line: &OrderLine, from: Option<usize>| {
            from == Some(index) && self.lines.get(index).is_some_and(|present| is_as_sold(present, line))
        };
        let all_stay = lines.len() == self.lines.len()
            && lines.iter().zip(&from).enumerate().all(|(index, (line, from))| stays(index, line, *from));
        let totals = Totals::of(&lines);
        if !all_stay {
            check_total(&totals)?;
        }
        Ok(Plan {
            reference: amendment.reference.clone(),
            delivery_address: amendment.delivery_address.clone(),
            promised_on: amendment.promised_on,
            lines: (!all_stay).then_some(NewLines { lines, totals, from }),
        })
    }

    /// # Errors
    /// Fails with every line that is not understood.
    fn sources<'a>(&'a self, lines: &'a [AmendedLine]) -> Result<Vec<Source<'a>>, OrderError> {
        let present = |position: i16| {
            let index = usize::try_from(position).ok()?.checked_sub(1)?;
            Some((index, self.line(position)?))
        };
        let (mut sources, mut wrong) = (Vec::with_capacity(lines.len()), Vec::new());
        let mut named: HashSet<usize> = HashSet::new();
        for (at, wanted) in lines.iter().enumerate() {
            let source = match (wanted.position, wanted.product_id) {
                (Some(_), Some(_)) => Err(LineFault::Both),
                (None, None) => Err(LineFault::Neither),
                (Some(position), None) => match present(position) {
                    None => Err(LineFault::Unknown),
                    Some((index, _)) if !named.insert(index) => Err(LineFault::Twice),
                    Some((index, line)) => Ok(Source::Present { index, line, wanted }),
                },
                (None, Some(product_id)) => match &wanted.quantity {
                    None => Err(LineFault::NoQuantity),
                    Some(quantity) => {
                        Ok(Source::New { product_id, quantity, unit_price: wanted.unit_price.as_ref() })
                    }
                },
            };
            match source {
                Ok(source) => sources.push(source),
                Err(fault) => wrong.push(WrongLine { index: at, fault }),
            }
        }
        if wrong.is_empty() { Ok(sources) } else { Err(OrderError::LinesWrong(wrong)) }
    }

    /// Carries an amendment out. `levels` has those of all lines of before, and of all new goods; `warehouse` is where the goods come
    /// from if the order had none. Returns `None` if nothing changes. If it fails, the order is of no use any more.
    ///
    /// # Errors
    /// `Short`, with every line for which there are too few goods, if the order does not wait.
    pub(crate) fn amend(
        &mut self,
        plan: Plan,
        warehouse: Option<WarehouseId>,
        levels: &mut Levels,
        now: DateTime<Utc>,
    ) -> Result<Option<(OrderEvent, ChangedLines)>, StockError> {
        let Plan { reference, delivery_address, promised_on, lines } = plan;
        let is_same = self.reference == reference
            && self.delivery_address == delivery_address
            && self.promised_on == promised_on;
        if is_same && lines.is_none() {
            return Ok(None);
        }
        (self.reference, self.delivery_address, self.promised_on) =
            (reference, delivery_address, promised_on);
        let mut changed = ChangedLines::default();
        if let Some(NewLines { lines, totals, from }) = lines {
            self.warehouse_id = self.warehouse_id.or(warehouse);
            let before = std::mem::replace(&mut self.lines, lines);
            self.totals = totals;
            self.promise_anew(&before, &from, levels, now)?;
            changed = ChangedLines::between(&before, &self.lines, &from);
        }
        self.raise(now);
        Ok(Some((OrderEvent::Amended(Box::new(self.clone())), changed)))
    }

    /// Gives the lines, of which each has nothing yet, what the lines of before had, and changes the levels by the difference.
    fn promise_anew(
        &mut self,
        before: &[OrderLine],
        from: &[Option<usize>],
        levels: &mut Levels,
        now: DateTime<Utc>,
    ) -> Result<(), StockError> {
        let document = self.document(Some(BusinessDate::of(now)));
        let mut goods: BTreeMap<ProductId, Goods> = BTreeMap::new();
        for (position, line) in (1..).zip(before).filter(|(_, line)| line.stocked) {
            goods.entry(line.product_id).or_default().had(position, line);
        }
        for (index, line) in self.lines.iter().enumerate().filter(|(_, line)| line.stocked) {
            let source = from.get(index).copied().flatten().and_then(|index| before.get(index));
            goods.entry(line.product_id).or_default().needs(index, line, source);
        }
        let mut short = Vec::new();
        for (product, mut goods) in goods {
            let level = self.warehouse_id.and_then(|warehouse| levels.get_mut(warehouse, product));
            let free = level.as_ref().map_or_else(Units::zero, |level| level.free());
            let (more, fewer) = (goods.lacking(), goods.unneeded());
            let waits = self.back_order && level.is_some();
            if !waits && more > free {
                short.extend(goods.shortages(&free));
                continue;
            }
            if let Some(level) = level {
                if !fewer.is_nothing() {
                    level.release(&fewer, &at(&document, goods.last_before));
                    goods.gave(&fewer);
                } else if !more.is_zero() {
                    let got = level.promise(&more, waits, &at(&document, goods.last_after()))?;
                    goods.got(&got);
                }
            }
            goods.hand_out(&mut self.lines);
        }
        short.sort_by_key(|shortage| shortage.line);
        if short.is_empty() { Ok(()) } else { Err(StockError::Short(short)) }
    }
}

/// # Errors
/// Fails with every line whose product does not exist, is no longer sold, or allows fewer decimals. A present line may go on with a
/// product that is no longer sold.
fn check_products(sources: &[Source<'_>], products: &HashMap<ProductId, Product>) -> Result<(), OrderError> {
    let (mut unknown, mut archived, mut precise) = (Vec::new(), Vec::new(), Vec::new());
    for (index, source) in sources.iter().enumerate() {
        match source {
            Source::New { product_id, quantity, .. } => match products.get(product_id) {
                None => unknown.push(index),
                Some(product) => {
                    archived.extend(product.is_archived().then_some(index));
                    precise.extend(too_precise(index, quantity, product));
                }
            },
            Source::Present { line, wanted, .. } => {
                let quantity = wanted.quantity.as_ref().filter(|quantity| **quantity != line.quantity);
                if let Some((quantity, product)) = quantity.zip(products.get(&line.product_id)) {
                    precise.extend(too_precise(index, quantity, product));
                }
            }
        }
    }
    if !unknown.is_empty() {
        Err(OrderError::ProductsUnknown(unknown))
    } else if !archived.is_empty() {
        Err(OrderError::ProductsArchived(archived))
    } else if !precise.is_empty() {
        Err(OrderError::QuantitiesTooPrecise(precise))
    } else {
        Ok(())
    }
}

/// The document in the line with this position, if there is one.
fn at(document: &DocumentRef, position: Option<i16>) -> DocumentRef {
    DocumentRef { line: position, ..document.clone() }
}

/// What an order has of a product, and which of its lines need some.
#[derive(Debug)]
struct Goods {
    held: Held,
    /// The last line of the product before the amendment: with its position, the ledger names what was given up.
    last_before: Option<i16>,
    parts: Vec<Part>,
}

/// A line that needs some.
#[derive(Debug)]
struct Part {
    index: usize,
    wanted: Units,
    /// What it had before; nothing, if it is new.
    had: Held,
}

impl Default for Goods {
    fn default() -> Self {
        Self { held: Held::nothing(), last_before: None, parts: Vec::new() }
    }
}

impl Goods {
    /// A line of before.
    fn had(&mut self, position: i16, line: &OrderLine) {
        self.got(&Held { reserved: line.reserved.clone(), waiting: line.waiting.clone() });
        self.last_before = Some(position);
    }

    /// A line of now, with the one from which it comes.
    fn needs(&mut self, index: usize, line: &OrderLine, source: Option<&OrderLine>) {
        let had = source.map_or_else(Held::nothing, |source| Held {
            reserved: source.reserved.clone(),
            waiting: source.waiting.clone(),
        });
        self.parts.push(Part { index, wanted: Units::from(&line.quantity), had });
    }

    fn last_after(&self) -> Option<i16> {
        self.parts.last().map(|part| position(part.index))
    }

    fn all_held(&self) -> Units {
        self.held.reserved.plus(&self.held.waiting)
    }

    fn wanted(&self) -> Units {
        self.parts.iter().fold(Units::zero(), |sum, part| sum.plus(&part.wanted))
    }

    /// How much more it needs than it has and waits for.
    fn lacking(&self) -> Units {
        self.wanted().less(&self.all_held())
    }

    /// What it has and waits for and does not need: what it waits for first.
    fn unneeded(&self) -> Held {
        let fewer = self.all_held().less(&self.wanted());
        let waiting = fewer.at_most(&self.held.waiting);
        Held { reserved: fewer.less(&waiting), waiting }
    }

    fn got(&mut self, more: &Held) {
        self.held.reserved = self.held.reserved.plus(&more.reserved);
        self.held.waiting = self.held.waiting.plus(&more.waiting);
    }

    fn gave(&mut self, fewer: &Held) {
        self.held.reserved = self.held.reserved.less(&fewer.reserved);
        self.held.waiting = self.held.waiting.less(&fewer.waiting);
    }

    /// The lines for which there are too few, if so many are free: each keeps what it has, and takes what is left in its turn.
    fn shortages(&self, free: &Units) -> Vec<Shortage> {
        let own = |part: &Part| part.wanted.at_most(&part.had.reserved.plus(&part.had.waiting));
        let kept = self.parts.iter().fold(Units::zero(), |sum, part| sum.plus(&own(part)));
        let mut left = self.all_held().less(&kept).plus(free);
        let mut short = Vec::new();
        for part in &self.parts {
            let own = own(part);
            let lacks = part.wanted.less(&own);
            let takes = left.at_most(&lacks);
            left = left.less(&takes);
            if takes < lacks {
                short.push(Shortage {
                    document: DocumentType::Order,
                    line: Some(position(part.index)),
                    wanted: part.wanted.clone(),
                    available: own.plus(&takes),
                });
            }
        }
        short
    }

    /// Gives the lines what the order has: each keeps what was reserved for it, the rest goes to the first that lack some, and what
    /// is lacking then is waited for.
    fn hand_out(self, lines: &mut [OrderLine]) {
        let own = |part: &Part| part.wanted.at_most(&part.had.reserved);
        let kept = self.parts.iter().fold(Units::zero(), |sum, part| sum.plus(&own(part)));
        let mut left = self.held.reserved.less(&kept);
        for part in &self.parts {
            let own = own(part);
            let takes = left.at_most(&part.wanted.less(&own));
            left = left.less(&takes);
            if let Some(line) = lines.get_mut(part.index) {
                line.reserved = own.plus(&takes);
                line.waiting = part.wanted.less(&line.reserved);
            }
        }
    }
}

/// The position of a line with this index: an order has fewer lines than an i16 counts.
fn position(index: usize) -> i16 {
    i16::try_from(index).map_or(i16::MAX, |index| index.saturating_add(1))
}

#[cfg(test)]
#[path = "amendment_tests.rs"]
mod tests;
