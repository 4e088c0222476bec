//! The commands on orders.

use std::collections::HashMap;

use super::aggregate::{
    CancellationReason, DraftLine, NewOrder, Order, OrderError, OrderReference, TrackingNumber, positions,
};
use super::queries::OrderView;
use super::repository;
use crate::application::aggregate::{Aggregate, change, create};
use crate::application::error::Error;
use crate::application::unit_of_work::{Command, UnitOfWork};
use crate::commerce::products::{self, Product};
use crate::values::external_id::ExternalId;
use crate::values::ids::{CustomerId, OrderId, ProductId};
use crate::values::money::{Quantity, UnitPrice};

#[derive(Debug)]
pub struct PlaceOrder {
    pub external_id: Option<ExternalId>,
    pub reference: Option<OrderReference>,
    pub customer_id: CustomerId,
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
        let products = self.load_products(work).await?;
        let unknown = positions(&self.lines, |line| !products.contains_key(&line.product_id));
        if !unknown.is_empty() {
            return Err(OrderError::ProductsUnknown(unknown).into());
        }
        let lines = self.lines.iter().filter_map(|line| {
            let product = products.get(&line.product_id)?;
            Some(DraftLine { product, quantity: line.quantity.clone(), unit_price: line.unit_price.clone() })
        });
        let new = NewOrder {
            external_id: self.external_id.clone(),
            reference: self.reference.clone(),
            customer_id: self.customer_id,
            currency: work.context().currency().clone(),
            lines: lines.collect(),
        };
        let placed = Order::place(OrderId::generate(), new, work.now())?;
        create(work, "order.place", placed, OrderView::of).await
    }
}

impl PlaceOrder {
    async fn load_products(&self, work: &mut UnitOfWork<'_>) -> Result<HashMap<ProductId, Product>, Error> {
        let mut ids: Vec<_> = self.lines.iter().map(|line| line.product_id).collect();
        ids.sort_unstable();
        ids.dedup();
        let found = products::repository::load_for_order(work, &ids).await?;
        Ok(found.into_iter().map(|product| (product.id(), product)).collect())
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
}

impl Command for ShipOrder {
    type Outcome = OrderView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<OrderView, Error> {
        let order = repository::load(work, self.id).await?;
        let decide = |order: &mut Order, now| order.ship(self.tracking_number.clone(), now).map(Some);
        let order = change(work, "order.ship", order, self.expected_version, decide).await?;
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
        let decide = |order: &mut Order, now| order.deliver(now).map(Some);
        let order = change(work, "order.deliver", order, self.expected_version, decide).await?;
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
        let decide = |order: &mut Order, now| order.cancel(self.reason.clone(), now).map(Some);
        let order = change(work, "order.cancel", order, self.expected_version, decide).await?;
        Ok(OrderView::of(&order))
    }
}
