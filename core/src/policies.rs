//! What else must happen in the same transaction when something happened: synchronous, in-process, complete or not
//! at all. The matches are exhaustive, so that a new domain event cannot be forgotten here.

use crate::customers::CustomerEvent;
use crate::error::Error;
use crate::orders::OrderEvent;
use crate::products::{self, ProductEvent};
use crate::unit_of_work::{DomainEvent, UnitOfWork};

pub(crate) async fn react(work: &mut UnitOfWork<'_>, event: &DomainEvent) -> Result<(), Error> {
    match event {
        DomainEvent::Order(event) => on_order(work, event).await,
        DomainEvent::Customer(
            CustomerEvent::Created(_) | CustomerEvent::Updated(_) | CustomerEvent::Deleted(_),
        )
        | DomainEvent::Product(
            ProductEvent::Created(_)
            | ProductEvent::Updated(_)
            | ProductEvent::Archived(_)
            | ProductEvent::Deleted(_),
        ) => Ok(()),
    }
}

async fn on_order(work: &mut UnitOfWork<'_>, event: &OrderEvent) -> Result<(), Error> {
    match event {
        // A product that an order names can no longer be deleted.
        OrderEvent::Placed { first_ordered, .. } if !first_ordered.is_empty() => {
            products::repository::mark_ordered(work, first_ordered).await
        }
        OrderEvent::Placed { .. }
        | OrderEvent::Confirmed(_)
        | OrderEvent::Shipped(_)
        | OrderEvent::Delivered(_)
        | OrderEvent::Cancelled { .. } => Ok(()),
    }
}
