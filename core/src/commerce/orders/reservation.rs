//! The goods that an order has reserved, and those it waits for: it is promised them, is served what comes, gives back what is missing,
//! and releases the rest.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::aggregate::Order;
use super::events::OrderEvent;
use super::lines::OrderLine;
use crate::commerce::stock::{DocumentRef, DocumentType, Held, Levels, StockError};
use crate::values::business_date::BusinessDate;
use crate::values::goods::Units;
use crate::values::ids::{ProductId, WarehouseId};

impl Order {
    /// Has the goods of its lines reserved. Where there are too few, a back order waits for the rest.
    ///
    /// # Errors
    /// `Short`, with every line for which there are too few.
    pub(crate) fn promise(&mut self, levels: &mut Levels) -> Result<(), StockError> {
        let document = self.document(self.ordered_on);
        let (warehouse, back_order) = (self.warehouse_id, self.back_order);
        let mut short = Vec::new();
        for (position, line) in (1..).zip(&mut self.lines).filter(|(_, line)| line.stocked) {
            let wanted = Units::from(&line.quantity);
            let level = warehouse.and_then(|warehouse| levels.get_mut(warehouse, line.product_id));
            let held = match level {
                Some(level) => level.promise(&wanted, back_order, &document.at(position)),
                None => Err(StockError::none_of(&document.at(position), &wanted)),
            };
            match held {
                Ok(Held { reserved, waiting }) => (line.reserved, line.waiting) = (reserved, waiting),
                Err(StockError::Short(lines)) => short.extend(lines),
                Err(other) => return Err(other),
            }
        }
        if short.is_empty() { Ok(()) } else { Err(StockError::Short(short)) }
    }

    /// Gives what is available of these products to the lines that wait for them, up to what each waits for. Returns `None` if it gets
    /// nothing. What it waits for of other products is not its turn: others may be in front of it.
    pub(crate) fn serve(
        &mut self,
        products: &BTreeSet<ProductId>,
        levels: &mut Levels,
        now: DateTime<Utc>,
    ) -> Option<OrderEvent> {
        if !self.is_open() {
            return None;
        }
        let document = self.document(Some(BusinessDate::of(now)));
        let warehouse = self.warehouse_id?;
        let mut got_some = false;
        let waits = |line: &OrderLine| !line.waiting.is_zero() && products.contains(&line.product_id);
        for (position, line) in (1..).zip(&mut self.lines).filter(|(_, line)| waits(line)) {
            let Some(level) = levels.get_mut(warehouse, line.product_id) else { continue };
            let got = level.serve(&line.waiting, &document.at(position));
            got_some |= !got.is_zero();
            line.reserved = line.reserved.plus(&got);
            line.waiting = line.waiting.less(&got);
        }
        got_some.then(|| {
            self.raise(now);
            OrderEvent::Reserved(Box::new(self.clone()))
        })
    }

    /// Takes back what is reserved of these products, as far as so much of them is `missing`, from the last line first; the order waits for
    /// it instead, and so much less is missing. Returns `None` if it has nothing of it.
    pub(crate) fn give_back(
        &mut self,
        products: &BTreeSet<ProductId>,
        missing: &mut BTreeMap<ProductId, Units>,
        levels: &mut Levels,
        now: DateTime<Utc>,
    ) -> Option<OrderEvent> {
        if !self.is_open() {
            return None;
        }
        let document = self.document(Some(BusinessDate::of(now)));
        let warehouse = self.warehouse_id?;
        let mut gave_some = false;
        let lines = (1..).zip(&mut self.lines).filter(|(_, line)| products.contains(&line.product_id));
        for (position, line) in lines.collect::<Vec<_>>().into_iter().rev() {
            let Some(left) = missing.get_mut(&line.product_id) else { continue };
            let part = left.at_most(&line.reserved);
            let level = levels.get_mut(warehouse, line.product_id).filter(|_| !part.is_zero());
            let Some(level) = level else { continue };
            level.revoke(&part, &document.at(position));
            line.reserved = line.reserved.less(&part);
            line.waiting = line.waiting.plus(&part);
            *left = left.less(&part);
            gave_some = true;
        }
        gave_some.then(|| {
            self.raise(now);
            OrderEvent::BackOrdered(Box::new(self.clone()))
        })
    }

    /// Takes back all that is reserved for it, and what it waits for. The ledger does not say why: the reason of a cancellation may name a
    /// person, and nobody could take it out of there when the customer is anonymised.
    pub(super) fn release(&mut self, levels: &mut Levels, now: DateTime<Utc>) {
        let document = self.document(Some(BusinessDate::of(now)));
        let warehouse = self.warehouse_id;
        for (position, line) in (1..).zip(&mut self.lines) {
            let held = Held {
                reserved: std::mem::replace(&mut line.reserved, Units::zero()),
                waiting: std::mem::replace(&mut line.waiting, Units::zero()),
            };
            let level = warehouse.and_then(|warehouse| levels.get_mut(warehouse, line.product_id));
            if let Some(level) = level.filter(|_| !held.is_nothing()) {
                level.release(&held, &document.at(position));
            }
        }
    }

    /// Where its goods lie: the places to lock before anything is done to what it has.
    pub(crate) fn places(&self) -> Vec<(WarehouseId, ProductId)> {
        let Some(warehouse) = self.warehouse_id else { return Vec::new() };
        self.lines.iter().filter(|line| line.stocked).map(|line| (warehouse, line.product_id)).collect()
    }

    pub(super) fn document(&self, on: Option<BusinessDate>) -> DocumentRef {
        DocumentRef {
            kind: DocumentType::Order,
            id: self.id.uuid(),
            line: None,
            reason: None,
            business_date: on.unwrap_or_else(|| BusinessDate::of(self.placed_at)),
        }
    }

    /// Whether a line waits for goods.
    pub fn is_waiting(&self) -> bool {
        self.lines.iter().any(|line| !line.waiting.is_zero())
    }
}
