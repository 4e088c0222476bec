//! What can be asked of orders.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::aggregate::{
    CancellationReason, DraftLine, NewOrder, Order, OrderError, OrderReference, TrackingNumber, positions,
};
use super::events::OrderEvent;
use super::queries::{OrderDetails, OrderSummary};
use super::repository;
use crate::application::error::{Error, check_version};
use crate::application::unit_of_work::{Command, UnitOfWork};
use crate::commerce::products::{self, Product};
use crate::values::ids::{CustomerId, OrderId, ProductId};
use crate::values::money::{Quantity, UnitPrice};

#[derive(Debug)]
pub struct PlaceOrder {
    pub reference: Option<OrderReference>,
    pub customer_id: CustomerId,
    pub lines: Vec<PlaceOrderLine>,
}

#[derive(Debug)]
pub struct PlaceOrderLine {
    pub product_id: ProductId,
    pub quantity: Quantity,
    /// The product's own price where it is `None`.
    pub unit_price: Option<UnitPrice>,
}

impl Command for PlaceOrder {
    type Outcome = OrderDetails;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<OrderDetails, Error> {
        // Before anything is locked for an order that can only be refused.
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
            reference: self.reference.clone(),
            customer_id: self.customer_id,
            currency: work.context().currency().clone(),
            lines: lines.collect(),
        };
        let (order, event) = Order::place(OrderId::generate(), new, work.now())?;
        repository::insert(work, &order).await?;
        work.record(event).await?;
        let details = OrderDetails::of(&order);
        work.audit("order.place", ("order", order.id()), None, Some(&details))?;
        Ok(details)
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

/// Declares a command that takes one order a step further.
macro_rules! step {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $ty:ty),* }, $method:ident, $action:literal) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name {
            pub id: OrderId,
            pub expected_version: Option<i64>,
            $(pub $field: $ty,)*
        }

        impl Command for $name {
            type Outcome = OrderDetails;

            async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<OrderDetails, Error> {
                change(work, $action, self.id, self.expected_version, |order, now| {
                    order.$method($(self.$field.clone(),)* now)
                })
                .await
            }
        }
    };
}
step!(ConfirmOrder {}, confirm, "order.confirm");
step!(ShipOrder { tracking_number: TrackingNumber }, ship, "order.ship");
step!(DeliverOrder {}, deliver, "order.deliver");
step!(CancelOrder { reason: CancellationReason }, cancel, "order.cancel");

/// Loads the order, lets it decide, saves it and records what happened.
async fn change(
    work: &mut UnitOfWork<'_>,
    action: &'static str,
    id: OrderId,
    expected_version: Option<i64>,
    decide: impl FnOnce(&mut Order, DateTime<Utc>) -> Result<OrderEvent, OrderError>,
) -> Result<OrderDetails, Error> {
    let mut order = repository::load(work, id).await?.ok_or(OrderError::NotFound(id))?;
    check_version(expected_version, order.version())?;
    let now = work.now_after(order.updated_at());
    // Without its lines, which never change.
    let before = OrderSummary::of(&order);
    let event = decide(&mut order, now)?;
    repository::update(work, &order).await?;
    work.record(event).await?;
    let details = OrderDetails::of(&order);
    work.audit(action, ("order", id), Some(&before), Some(&details.summary))?;
    Ok(details)
}
