//! What leaves of an order, in one shipment or in several, what will not leave any more, and what comes back.

use chrono::{DateTime, Utc};

use super::aggregate::{CancellationReason, Order, OrderStatus, TrackingNumber};
use super::error::OrderError;
use super::events::OrderEvent;
use super::lines::{LinePart, OrderLine, ReturnedPart, line_at, positions};
use crate::application::error::Error;
use crate::commerce::stock::{DocumentRef, DocumentType, Levels, MovementKind, StockError};
use crate::values::business_date::BusinessDate;
use crate::values::goods::Units;
use crate::values::ids::{ReturnId, ShipmentId};
use crate::values::invalid::Invalid;

impl Order {
    /// What can leave now: what is reserved, and what needs no goods from stock.
    pub fn ready(&self) -> Vec<LinePart> {
        self.parts(OrderLine::ready)
    }

    /// What has not left, and was not cancelled.
    pub fn outstanding(&self) -> Vec<LinePart> {
        self.parts(OrderLine::outstanding)
    }

    fn parts(&self, units: impl Fn(&OrderLine) -> Units) -> Vec<LinePart> {
        let part = |(position, line)| LinePart { position, units: units(line) };
        (1..).zip(&self.lines).map(part).filter(|part| !part.units.is_zero()).collect()
    }

    /// # Errors
    /// Fails if the order is not confirmed, or waits for approval, or if a line waits for goods.
    pub(crate) fn check_whole(&self) -> Result<(), OrderError> {
        self.check_not_held()?;
        self.check_state("shipped", &[OrderStatus::Confirmed])?;
        let waiting = positions(&self.lines, |line| !line.waiting.is_zero());
        if waiting.is_empty() { Ok(()) } else { Err(OrderError::Waiting(waiting)) }
    }

    /// # Errors
    /// Fails if it would have left before it was ordered.
    pub(crate) fn check_shipped_on(&self, on: BusinessDate) -> Result<(), OrderError> {
        match self.ordered_on {
            Some(ordered_on) if on < ordered_on => {
                let message = format!("it was ordered on {ordered_on}, and cannot have left on {on}, before");
                Err(OrderError::ShippedOn(Invalid::new("before_order", message)))
            }
            _ => Ok(()),
        }
    }

    /// Has parts of its lines leave. The order is shipped when nothing is outstanding; until then it stays confirmed.
    ///
    /// # Errors
    /// Fails if the order is not confirmed, or waits for approval, or with every part that is more than is outstanding, or than is reserved.
    pub(crate) fn dispatch(
        &mut self,
        parts: &[LinePart],
        shipment: ShipmentId,
        tracking_number: Option<TrackingNumber>,
        on: BusinessDate,
        levels: &mut Levels,
        now: DateTime<Utc>,
    ) -> Result<OrderEvent, Error> {
        self.check_not_held()?;
        self.check_state("shipped", &[OrderStatus::Confirmed])?;
        if parts.is_empty() {
            return Err(OrderError::Waiting(positions(&self.lines, |line| !line.waiting.is_zero())).into());
        }
        self.check_parts(parts)?;
        let too_many = self.beyond(parts, OrderLine::outstanding);
        if !too_many.is_empty() {
            return Err(OrderError::ShipsTooMuch(too_many).into());
        }
        let not_there = self.beyond(parts, OrderLine::ready);
        if !not_there.is_empty() {
            return Err(OrderError::NotThere(not_there).into());
        }
        let document =
            DocumentRef { kind: DocumentType::Shipment, id: shipment.uuid(), ..self.document(Some(on)) };
        let warehouse = self.warehouse_id;
        for LinePart { position, units } in parts {
            let Some(line) = line_at(&mut self.lines, *position) else { continue };
            if line.stocked {
                let product = line.product_id;
                let level = warehouse.and_then(|warehouse| levels.get_mut(warehouse, product));
                level.ok_or(StockError::Unreserved { product })?.issue(units, &document.at(*position))?;
                line.reserved = line.reserved.less(units);
            }
            line.shipped = line.shipped.plus(units);
        }
        self.tracking_number = tracking_number.or_else(|| self.tracking_number.take());
        Ok(self.left(now))
    }

    /// Cancels what has not left. If something has left, the order is shipped with that.
    ///
    /// # Errors
    /// Fails if the order is shipped, delivered or cancelled already.
    pub(crate) fn cancel_rest(
        &mut self,
        reason: CancellationReason,
        levels: &mut Levels,
        now: DateTime<Utc>,
    ) -> Result<OrderEvent, OrderError> {
        if !self.has_left() {
            return self.cancel(reason, levels, now);
        }
        self.check_state("cancelled", &[OrderStatus::Confirmed])?;
        self.held_for_approval = false;
        self.release(levels, now);
        for line in &mut self.lines {
            line.cancelled = line.cancelled.plus(&line.outstanding());
        }
        self.cancellation_reason = Some(reason);
        self.cancelled_at = Some(now);
        Ok(self.left(now))
    }

    /// Notes that something has left, or that no more will.
    fn left(&mut self, now: DateTime<Utc>) -> OrderEvent {
        self.raise(now);
        if self.lines.iter().any(|line| !line.outstanding().is_zero()) {
            return OrderEvent::PartlyShipped(Box::new(self.clone()));
        }
        self.status = OrderStatus::Shipped;
        self.shipped_at = Some(now);
        OrderEvent::Shipped(Box::new(self.clone()))
    }

    /// Takes goods back that had left. What can be sold again comes back at the average cost of now; what cannot comes back too, and
    /// is written off at once.
    ///
    /// # Errors
    /// Fails with every part that is more than has left and not come back.
    pub(crate) fn take_back(
        &mut self,
        parts: &[ReturnedPart],
        id: ReturnId,
        on: BusinessDate,
        levels: &mut Levels,
        now: DateTime<Utc>,
    ) -> Result<OrderEvent, Error> {
        let units: Vec<LinePart> = parts.iter().map(|returned| returned.part.clone()).collect();
        let unknown = self.unknown(&units);
        if !unknown.is_empty() {
            return Err(OrderError::LinesUnknown(unknown).into());
        }
        let too_many = self.beyond(&units, OrderLine::returnable);
        if !too_many.is_empty() {
            return Err(OrderError::ReturnsTooMuch(too_many).into());
        }
        let document = DocumentRef { kind: DocumentType::Return, id: id.uuid(), ..self.document(Some(on)) };
        let warehouse = self.warehouse_id;
        for ReturnedPart { part: LinePart { position, units }, restocked, reason } in parts {
            let Some(line) = line_at(&mut self.lines, *position) else { continue };
            line.returned = line.returned.plus(units);
            if !line.stocked {
                continue;
            }
            let product = line.product_id;
            let level = warehouse.and_then(|warehouse| levels.get_mut(warehouse, product));
            let level = level.ok_or(StockError::Unreserved { product })?;
            let document = DocumentRef { reason: reason.clone(), ..document.at(*position) };
            level.receive(MovementKind::Return, units, None, &document)?;
            if !restocked {
                level.remove(MovementKind::WriteOff, units, None, &document)?;
            }
        }
        self.raise(now);
        Ok(OrderEvent::Returned(Box::new(self.clone())))
    }

    /// Whether a part of it has left.
    pub fn has_left(&self) -> bool {
        self.lines.iter().any(|line| !line.shipped.is_zero())
    }

    /// Whether its status alone does not say what became of each line: then the lines are written.
    pub(crate) fn is_divided(&self) -> bool {
        let whole = |line: &OrderLine| match self.status {
            OrderStatus::Pending | OrderStatus::Confirmed => {
                line.shipped.is_zero() && line.cancelled.is_zero()
            }
            OrderStatus::Shipped | OrderStatus::Delivered => line.cancelled.is_zero(),
            OrderStatus::Cancelled => true,
        };
        !self.lines.iter().all(|line| whole(line) && line.returned.is_zero())
    }
}
