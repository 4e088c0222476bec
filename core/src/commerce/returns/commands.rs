//! The command that takes goods back.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};

use super::aggregate::{NewReturn, Return, ReturnError, ReturnReason, ReturnReference};
use super::queries::ReturnView;
use super::repository;
use crate::application::Locked;
use crate::application::aggregate::Aggregate;
use crate::application::error::{Error, check_version};
use crate::application::unit_of_work::{Command, UnitOfWork};
use crate::commerce::credit::{self, Reopens};
use crate::commerce::locations::{self, Location};
use crate::commerce::orders::queue::{self, Waiting};
use crate::commerce::orders::{self, LinePart, Order, OrderError, ReturnedPart, positions};
use crate::commerce::shipments;
use crate::commerce::stock::{self, PlaceRef};
use crate::values::business_date::BusinessDate;
use crate::values::ids::{LocationId, OrderId, ProductId, ReturnId, WarehouseId};
use crate::values::invalid::Invalid;

/// Goods of an order come back. What can be sold again is given to orders that wait for it; what cannot is written off.
#[derive(Debug)]
pub struct ReceiveReturn {
    pub order_id: OrderId,
    /// Of the order.
    pub expected_version: Option<i64>,
    pub reference: Option<ReturnReference>,
    pub reason: ReturnReason,
    /// When they came; `None` stands for today.
    pub received_on: Option<BusinessDate>,
    pub lines: Vec<ReceiveReturnLine>,
}

#[derive(Debug)]
pub struct ReceiveReturnLine {
    pub returned: ReturnedPart,
    /// Where it is put; `None` is no location.
    pub location_id: Option<LocationId>,
}

impl Command for ReceiveReturn {
    type Outcome = ReturnView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<ReturnView, Error> {
        Return::check_line_count(self.lines.len())?;
        // Read without locks, to lock the order together with those that wait for its goods.
        let seen = orders::repository::look(work, self.order_id).await?;
        let locations = self.locations(work, seen.warehouse_id()).await?;
        let mut locked = self.lock(work, &seen).await?;
        let Some(order) = locked.order_mut(self.order_id) else {
            return Err(OrderError::NotFound(self.order_id).into());
        };
        check_version(self.expected_version, order.version())?;
        let parts: Vec<ReturnedPart> = self.lines.iter().map(|line| line.returned.clone()).collect();
        let units: Vec<LinePart> = parts.iter().map(|returned| returned.part.clone()).collect();
        orders::check_decimals(work, order, &units).await?;
        let places = order.places();
        // It was amended since, and other orders wait for its goods.
        if places != seen.places() {
            return Err(Error::Overtaken);
        }
        if !places.is_empty() {
            work.locks(Locked::Stock);
        }
        let (first_left, mut levels) = futures::try_join!(
            shipments::first_shipped_on(work, self.order_id),
            stock::repository::lock_noted(work, &places),
        )?;

        let now = work.now_after(order.updated_at());
        let received_on = self.received_on(first_left, now)?;
        let id = ReturnId::generate();
        let returned = order.take_back(&self.told(&parts), id, received_on, &mut levels, now)?;
        let new = NewReturn {
            reference: self.reference.clone(),
            reason: self.reason.clone(),
            received_on,
            created_by: work.context().principal.name.clone(),
            locations,
        };
        let (received, event) = Return::receive(id, order, &parts, new, now);
        received.put_away(order, &mut levels)?;
        let returned_of = [self.order_id];
        // At once: everybody who orders these products waits meanwhile. What may still be invoiced is counted when the lines are written.
        futures::try_join!(
            orders::repository::save(work, order),
            orders::repository::write_progress(work, order),
            credit::repository::count_to_invoice(work, &returned_of, &[], Reopens::No),
            repository::insert(work, &received),
        )?;
        work.record(event).await?;
        orders::repository::keep_step(work, &returned).await?;
        work.record(returned).await?;
        let served = locked.serve(&mut levels, work).await?;
        queue::save(work, served).await?;
        levels.save(work).await?;
        let view = ReturnView::of(&received);
        work.audit("return.receive", ("return", id), None, Some(&view))?;
        Ok(view)
    }
}

impl ReceiveReturn {
    /// The parts as the ledger tells of them: what has no reason of its own came back for that of the return.
    fn told(&self, parts: &[ReturnedPart]) -> Vec<ReturnedPart> {
        let with_reason = |part: &ReturnedPart| {
            let reason = part.reason.clone().unwrap_or_else(|| self.reason.of_stock());
            ReturnedPart { reason: Some(reason), ..part.clone() }
        };
        parts.iter().map(with_reason).collect()
    }

    /// Returns when they came: not before anything left. What leaves tomorrow comes back then, at the earliest.
    fn received_on(
        &self,
        first_left: Option<BusinessDate>,
        now: DateTime<Utc>,
    ) -> Result<BusinessDate, ReturnError> {
        let Some(day) = self.received_on else {
            let today = BusinessDate::of(now);
            return Ok(first_left.map_or(today, |left| today.max(left)));
        };
        day.check(now).map_err(ReturnError::ReceivedOn)?;
        match first_left {
            Some(left) if day < left => {
                let message = format!("it left on {left}, and cannot have come back on {day}, before");
                Err(ReturnError::ReceivedOn(Invalid::new("before_shipment", message)))
            }
            _ => Ok(day),
        }
    }

    /// Holds the locations that the lines name, so that none is archived and no count of one begins. Returns where each line is put.
    /// The warehouse is that of the order, which never changes once it has one.
    async fn locations(
        &self,
        work: &mut UnitOfWork<'_>,
        warehouse: Option<WarehouseId>,
    ) -> Result<Vec<Option<PlaceRef>>, Error> {
        let mut ids: Vec<LocationId> = self.lines.iter().filter_map(|line| line.location_id).collect();
        ids.sort_unstable();
        ids.dedup();
        let found = locations::repository::share(work, &ids).await?;
        let is_open =
            |location: &&Location| Some(location.warehouse_id()) == warehouse && !location.is_archived();
        let place = |location: &Location| {
            let (id, code) = (location.id(), location.details().code.as_str().to_owned());
            (id, PlaceRef { id, code })
        };
        let places: HashMap<LocationId, PlaceRef> = found.iter().filter(is_open).map(place).collect();
        let is_unknown =
            |line: &ReceiveReturnLine| line.location_id.is_some_and(|id| !places.contains_key(&id));
        let unknown = positions(&self.lines, is_unknown);
        if !unknown.is_empty() {
            return Err(ReturnError::LocationsUnknown(unknown).into());
        }
        let place_of = |line: &ReceiveReturnLine| line.location_id.and_then(|id| places.get(&id).cloned());
        Ok(self.lines.iter().map(place_of).collect())
    }

    /// Locks the order, together with the orders that wait for what comes back.
    async fn lock(&self, work: &mut UnitOfWork<'_>, seen: &Order) -> Result<Waiting, Error> {
        let comes = |line: &&ReceiveReturnLine| line.returned.restocked;
        let product = |line: &ReceiveReturnLine| {
            let ordered = seen.line(line.returned.part.position);
            ordered.filter(|ordered| ordered.stocked).map(|ordered| ordered.product_id)
        };
        let products: BTreeSet<ProductId> = self.lines.iter().filter(comes).filter_map(product).collect();
        let products: Vec<ProductId> = products.into_iter().collect();
        queue::lock_with_waiting(work, self.order_id, seen.warehouse_id(), &products).await
    }
}
