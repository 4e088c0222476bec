//! The commands on shipments.

use super::aggregate::{Dispatch, MAX_SHIPMENTS, Parcel, Shipment, ShipmentError};
use super::events::ShipmentEvent;
use super::queries::ShipmentView;
use super::repository;
use crate::accounts::tenants;
use crate::application::Locked;
use crate::application::aggregate::{Aggregate, change};
use crate::application::error::{Error, check_version};
use crate::application::unit_of_work::{Command, UnitOfWork};
use crate::commerce::orders::{self, LinePart, Order, OrderError, OrderEvent, OrderStatus, TrackingNumber};
use crate::commerce::stock;
use crate::values::business_date::BusinessDate;
use crate::values::goods::Units;
use crate::values::ids::{OrderId, ShipmentId};
use crate::values::money::Quantity;

/// A shipment that is to leave.
#[derive(Debug, Clone)]
pub struct NewShipment {
    pub tracking_number: Option<TrackingNumber>,
    pub parcels: Vec<Parcel>,
    /// When it left; `None` stands for today.
    pub shipped_on: Option<BusinessDate>,
    pub parts: Vec<LinePart>,
}

/// Has parts of a loaded order leave as one shipment, and records it. The caller keeps the audit row, and the order's step if the
/// row is not one of the order.
///
/// # Errors
/// Fails if the order refuses, or if the database cannot be reached.
pub(crate) async fn send(
    work: &mut UnitOfWork<'_>,
    order: &mut Order,
    new: NewShipment,
) -> Result<(Shipment, OrderEvent), Error> {
    // Where the company is: the VAT of goods is due in the month in which they leave.
    let shipped_on = match new.shipped_on {
        Some(day) => day,
        None => {
            let today = tenants::repository::today(work).await?;
            // What is ordered for tomorrow leaves then, at the earliest.
            order.ordered_on().map_or(today, |ordered_on| today.max(ordered_on))
        }
    };
    let places = order.places();
    if !places.is_empty() {
        work.locks(Locked::Stock);
    }
    let (last, mut levels) = futures::try_join!(
        repository::last_number(work, order.id()),
        stock::repository::lock_noted(work, &places),
    )?;
    let number = last + 1;
    if number > MAX_SHIPMENTS {
        return Err(ShipmentError::TooMany(order.id()).into());
    }
    let now = work.now_after(order.updated_at());
    shipped_on.check(now).map_err(OrderError::ShippedOn)?;
    order.check_shipped_on(shipped_on)?;
    let was_divided = order.is_divided();
    let id = ShipmentId::generate();
    let event = order.dispatch(&new.parts, id, new.tracking_number.clone(), shipped_on, &mut levels, now)?;
    let dispatch = Dispatch {
        number,
        tracking_number: new.tracking_number,
        parcels: new.parcels,
        shipped_on,
        created_by: work.context().principal.name.clone(),
    };
    let (shipment, dispatched) = Shipment::dispatch(id, order, &new.parts, dispatch, now);
    let is_divided = was_divided || order.is_divided();
    work.record(dispatched).await?;
    work.record(event.clone()).await?;
    let levels = levels.close(work);
    // At once: everybody who orders these products waits meanwhile.
    futures::try_join!(
        orders::repository::save_dispatched(work, order, is_divided),
        repository::insert(work, &shipment),
        levels.write(work),
    )?;
    levels.tell(work).await?;
    Ok((shipment, event))
}

/// Has what is there of an order leave, or parts of it.
#[derive(Debug)]
pub struct DispatchShipment {
    pub order_id: OrderId,
    /// Of the order.
    pub expected_version: Option<i64>,
    /// The positions of the order's lines, which count from 1, and how much of each; `None` stands for all that is there: what is
    /// reserved, and what needs no goods from stock.
    pub lines: Option<Vec<(i16, Quantity)>>,
    pub tracking_number: Option<TrackingNumber>,
    pub parcels: Vec<Parcel>,
    /// When it left; `None` stands for today.
    pub shipped_on: Option<BusinessDate>,
}

impl Command for DispatchShipment {
    type Outcome = ShipmentView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<ShipmentView, Error> {
        if self.lines.as_ref().is_some_and(Vec::is_empty) {
            return Err(ShipmentError::NoLines.into());
        }
        let mut order = orders::repository::load(work, self.order_id).await?;
        check_version(self.expected_version, order.version())?;
        let part = |(position, quantity): &(i16, Quantity)| LinePart {
            position: *position,
            units: Units::from(quantity),
        };
        let parts: Vec<LinePart> = match &self.lines {
            Some(lines) => lines.iter().map(part).collect(),
            None => order.ready(),
        };
        orders::check_decimals(work, &order, &parts).await?;
        let new = NewShipment {
            tracking_number: self.tracking_number.clone(),
            parcels: self.parcels.clone(),
            shipped_on: self.shipped_on,
            parts,
        };
        let (shipment, event) = send(work, &mut order, new).await?;
        orders::repository::keep_step(work, &event).await?;
        let view = ShipmentView::of(&shipment);
        work.audit("shipment.dispatch", (Shipment::NAME, shipment.id()), None, Some(&view))?;
        Ok(view)
    }
}

/// Notes that a shipment has arrived. With the last of a shipped order, the order is delivered.
#[derive(Debug)]
pub struct DeliverShipment {
    pub id: ShipmentId,
    pub expected_version: Option<i64>,
    /// When it arrived; `None` stands for today.
    pub delivered_on: Option<BusinessDate>,
}

impl Command for DeliverShipment {
    type Outcome = ShipmentView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<ShipmentView, Error> {
        // Whose it is never changes. The order is locked first.
        let order = repository::order_of(work, self.id).await?;
        let mut order = orders::repository::load(work, order).await?;
        let open = repository::load_open(work, &order).await?;
        let is_last = open.len() == 1;
        let shipment = open.into_iter().find(|shipment| shipment.id() == self.id);
        let shipment = shipment.ok_or(ShipmentError::Delivered(self.id))?;
        let decide = |shipment: &mut Shipment, now| shipment.deliver(self.delivered_on, now).map(Some);
        let shipment = change(work, "shipment.deliver", shipment, self.expected_version, decide).await?;
        if is_last && order.status() == OrderStatus::Shipped {
            let now = work.now_after(order.updated_at());
            let event = order.deliver(now)?;
            order.save(work).await?;
            orders::repository::keep_step(work, &event).await?;
            work.record(event).await?;
        }
        Ok(ShipmentView::of(&shipment))
    }
}

/// Notes that shipments which [`load_open`](repository::load_open) returned have arrived, with their order. The caller saves them, records
/// what is returned, and keeps the audit row.
///
/// # Errors
/// Fails if one of them has arrived already.
pub(crate) fn arrive(
    work: &mut UnitOfWork<'_>,
    open: &mut [Shipment],
) -> Result<Vec<ShipmentEvent>, ShipmentError> {
    let mut arrived = Vec::new();
    for shipment in open {
        let now = work.now_after(shipment.updated_at());
        arrived.push(shipment.deliver(None, now)?);
    }
    Ok(arrived)
}
