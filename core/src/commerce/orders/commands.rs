//! The commands on orders.

use std::collections::HashMap;

use super::aggregate::{
    CancellationReason, DraftLine, NewOrder, Order, OrderError, OrderReference, OrderStatus, TrackingNumber,
    positions,
};
use super::events::OrderEvent;
use super::queries::OrderView;
use super::repository;
use crate::application::aggregate::{Aggregate, change};
use crate::application::error::{Error, check_version};
use crate::application::unit_of_work::{Command, UnitOfWork};
use crate::commerce::credit::{self, Admission};
use crate::commerce::customers::CreditLimit;
use crate::commerce::products::{self, Product};
use crate::commerce::shipments::{self, NewShipment};
use crate::commerce::{stock, warehouses};
use crate::values::business_date::BusinessDate;
use crate::values::external_id::ExternalId;
use crate::values::ids::{CustomerId, OrderId, ProductId, WarehouseId};
use crate::values::money::{Money, Quantity, UnitPrice};

#[derive(Debug)]
pub struct PlaceOrder {
    pub external_id: Option<ExternalId>,
    pub reference: Option<OrderReference>,
    pub customer_id: CustomerId,
    /// Where the goods come from; `None` stands for the company's default.
    pub warehouse_id: Option<WarehouseId>,
    /// Whether it waits for what is short, instead of being refused.
    pub back_order: bool,
    /// When the customer ordered; `None` stands for today.
    pub ordered_on: Option<BusinessDate>,
    pub lines: Vec<PlaceOrderLine>,
}

#[derive(Debug)]
pub struct PlaceOrderLine {
    pub product_id: ProductId,
    pub quantity: Quantity,
    /// The agreed price; `None` stands for the product's own price.
    pub unit_price: Option<UnitPrice>,
}

impl Command for PlaceOrder {
    type Outcome = OrderView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<OrderView, Error> {
        // First, so that nothing is locked for an order that is refused anyway.
        Order::check_line_count(self.lines.len())?;
        let (products, limit) = self.load(work).await?;
        let unknown = positions(&self.lines, |line| !products.contains_key(&line.product_id));
        if !unknown.is_empty() {
            return Err(OrderError::ProductsUnknown(unknown).into());
        }
        let stocked: Vec<&Product> = products.values().filter(|product| product.details().stocked).collect();
        let lines = self.lines.iter().filter_map(|line| {
            let product = products.get(&line.product_id)?;
            Some(DraftLine { product, quantity: line.quantity.clone(), unit_price: line.unit_price.clone() })
        });
        let new = NewOrder {
            external_id: self.external_id.clone(),
            reference: self.reference.clone(),
            customer_id: self.customer_id,
            currency: work.context().currency().clone(),
            warehouse_id: self.warehouse(work, !stocked.is_empty()).await?,
            back_order: self.back_order,
            ordered_on: self.ordered_on.unwrap_or_else(|| BusinessDate::of(work.now())),
            lines: lines.collect(),
        };
        let mut order = Order::place(OrderId::generate(), new, work.now())?;
        products::repository::mark_ordered(work, products.values()).await?;
        // Behind all products, and before all stock. Without a limit, the customer is locked by the order's foreign key alone.
        if limit.is_some() {
            let total = order.totals().gross_total.clone();
            let admission = credit::repository::admit(work, self.customer_id, &Money::zero(), &total).await?;
            if admission == Admission::Held {
                order.hold();
            }
        }
        repository::insert(work, &order, limit.as_ref()).await?;
        // Last, because everybody who orders these products waits here.
        let mut levels = match order.warehouse_id() {
            Some(warehouse) if self.back_order => {
                stock::repository::lock_or_open(work, &[warehouse], &stocked).await?
            }
            _ => stock::repository::lock(work, &order.places()).await?,
        };
        order.promise(&mut levels)?;
        repository::insert_held(work, &order).await?;
        repository::mark_waiting(work, &order).await?;
        work.record(OrderEvent::Placed(Box::new(order.clone()))).await?;
        levels.save(work).await?;
        let view = OrderView::of(&order);
        work.audit("order.place", (Order::NAME, order.id()), None, Some(&view))?;
        Ok(view)
    }
}

impl PlaceOrder {
    /// Loads its products, and reads the customer's credit limit.
    async fn load(
        &self,
        work: &mut UnitOfWork<'_>,
    ) -> Result<(HashMap<ProductId, Product>, Option<CreditLimit>), Error> {
        let mut ids: Vec<_> = self.lines.iter().map(|line| line.product_id).collect();
        ids.sort_unstable();
        ids.dedup();
        let (found, limit) = repository::load_for_placing(work, &ids, self.customer_id).await?;
        Ok((found.into_iter().map(|product| (product.id(), product)).collect(), limit))
    }

    /// Returns where the goods come from. An order that needs none has no warehouse, unless it names one.
    async fn warehouse(
        &self,
        work: &mut UnitOfWork<'_>,
        needs_goods: bool,
    ) -> Result<Option<WarehouseId>, Error> {
        match self.warehouse_id {
            Some(id) if warehouses::repository::is_open(work, id).await? => Ok(Some(id)),
            Some(id) => Err(OrderError::WarehouseUnknown(id).into()),
            None if needs_goods => warehouses::repository::find_default(work).await.map(Some),
            None => Ok(None),
        }
    }
}

/// Lets an order go on that was held because it passes its customer's credit limit.
#[derive(Debug)]
pub struct ApproveOrder {
    pub id: OrderId,
    pub expected_version: Option<i64>,
}

impl Command for ApproveOrder {
    type Outcome = OrderView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<OrderView, Error> {
        let mut order = repository::load(work, self.id).await?;
        check_version(self.expected_version, order.version())?;
        let before = order.audited();
        let now = work.now_after(order.updated_at());
        let event = order.approve(now)?;
        order.save(work).await?;
        repository::keep_step(work, &event).await?;
        work.record(event).await?;
        work.audit("order.approve", (Order::NAME, order.id()), Some(&before), Some(&order.audited()))?;
        Ok(OrderView::of(&order))
    }
}

#[derive(Debug)]
pub struct ConfirmOrder {
    pub id: OrderId,
    pub expected_version: Option<i64>,
}

impl Command for ConfirmOrder {
    type Outcome = OrderView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<OrderView, Error> {
        let order = repository::load(work, self.id).await?;
        let decide = |order: &mut Order, now| order.confirm(now).map(Some);
        let order = change(work, "order.confirm", order, self.expected_version, decide).await?;
        Ok(OrderView::of(&order))
    }
}

#[derive(Debug)]
pub struct ShipOrder {
    pub id: OrderId,
    pub expected_version: Option<i64>,
    pub tracking_number: Option<TrackingNumber>,
    /// When it left; `None` stands for today.
    pub shipped_on: Option<BusinessDate>,
}

/// Everything that is outstanding leaves as one shipment.
impl Command for ShipOrder {
    type Outcome = OrderView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<OrderView, Error> {
        let mut order = repository::load(work, self.id).await?;
        check_version(self.expected_version, order.version())?;
        order.check_whole()?;
        let before = order.audited();
        let new = NewShipment {
            tracking_number: self.tracking_number.clone(),
            parcels: Vec::new(),
            shipped_on: self.shipped_on,
            parts: order.outstanding(),
        };
        shipments::send(work, &mut order, new).await?;
        work.audit("order.ship", (Order::NAME, order.id()), Some(&before), Some(&order.audited()))?;
        Ok(OrderView::of(&order))
    }
}

#[derive(Debug)]
pub struct DeliverOrder {
    pub id: OrderId,
    pub expected_version: Option<i64>,
}

impl Command for DeliverOrder {
    type Outcome = OrderView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<OrderView, Error> {
        let order = repository::load(work, self.id).await?;
        let open = shipments::load_open(work, self.id).await?;
        let decide = |order: &mut Order, now| order.deliver(now).map(Some);
        let order = change(work, "order.deliver", order, self.expected_version, decide).await?;
        shipments::deliver_all(work, open).await?;
        Ok(OrderView::of(&order))
    }
}

#[derive(Debug)]
pub struct CancelOrder {
    pub id: OrderId,
    pub expected_version: Option<i64>,
    pub reason: CancellationReason,
}

impl Command for CancelOrder {
    type Outcome = OrderView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<OrderView, Error> {
        let order = repository::load(work, self.id).await?;
        let mut levels = stock::repository::lock(work, &order.places()).await?;
        let decide = |order: &mut Order, now| {
            let event = order.cancel(self.reason.clone(), now)?;
            order.release(&mut levels, now);
            Ok::<_, OrderError>(Some(event))
        };
        let order = change(work, "order.cancel", order, self.expected_version, decide).await?;
        repository::replace_held(work, &order).await?;
        levels.save(work).await?;
        Ok(OrderView::of(&order))
    }
}

/// Cancels what has not left. If something has, the order is shipped with that, and delivered if that has arrived.
#[derive(Debug)]
pub struct CancelRest {
    pub id: OrderId,
    pub expected_version: Option<i64>,
    pub reason: CancellationReason,
}

impl Command for CancelRest {
    type Outcome = OrderView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<OrderView, Error> {
        let mut order = repository::load(work, self.id).await?;
        check_version(self.expected_version, order.version())?;
        let open = shipments::load_open(work, self.id).await?;
        let mut levels = stock::repository::lock(work, &order.places()).await?;
        let (before, was_divided) = (order.audited(), order.is_divided());
        let now = work.now_after(order.updated_at());
        let mut events = vec![order.cancel_rest(self.reason.clone(), &mut levels, now)?];
        if order.status() == OrderStatus::Shipped && open.is_empty() {
            events.push(order.deliver(now)?);
        }
        order.save(work).await?;
        if was_divided || order.is_divided() {
            repository::write_progress(work, &order).await?;
        }
        repository::replace_held(work, &order).await?;
        for event in events {
            repository::keep_step(work, &event).await?;
            work.record(event).await?;
        }
        levels.save(work).await?;
        work.audit("order.cancel_rest", (Order::NAME, order.id()), Some(&before), Some(&order.audited()))?;
        Ok(OrderView::of(&order))
    }
}
