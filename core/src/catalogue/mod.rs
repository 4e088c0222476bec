//! All domain events ([`DomainEvent`]), the changes that follow from each ([`reactions`]), and the event that is
//! published for it ([`integration`]). The matches are exhaustive: a new variant of an event does not compile until
//! both are decided. A new enum of events needs a line in [`DomainEvent::of`]; without it, its events are refused when
//! they are recorded.

pub mod integration;
mod pruning;
mod reactions;
pub mod tenant_export;
pub mod trace;

pub use self::pruning::Pruning;

use std::any::Any;
use std::sync::Arc;

use futures::future::BoxFuture;

use crate::accounts::api_keys::ApiKeyEvent;
use crate::accounts::principals::StoredPrincipals;
use crate::accounts::sessions::SessionEvent;
use crate::accounts::tenants::TenantEvent;
use crate::accounts::users::UserEvent;
use crate::application::TenantDatabase;
use crate::application::error::Error;
use crate::application::events::{Event, EventCatalogue, IntegrationEvent};
use crate::application::unit_of_work::{Executor, UnitOfWork};
use crate::commerce::categories::CategoryEvent;
use crate::commerce::customer_groups::CustomerGroupEvent;
use crate::commerce::customers::CustomerEvent;
use crate::commerce::documents::Documents;
use crate::commerce::inventory_counts::InventoryCountEvent;
use crate::commerce::invoices::InvoiceEvent;
use crate::commerce::locations::LocationEvent;
use crate::commerce::orders::OrderEvent;
use crate::commerce::payments::PaymentEvent;
use crate::commerce::prices::PriceListEvent;
use crate::commerce::products::ProductEvent;
use crate::commerce::purchase_orders::PurchaseOrderEvent;
use crate::commerce::returns::ReturnEvent;
use crate::commerce::shipments::ShipmentEvent;
use crate::commerce::stock::StockEvent;
use crate::commerce::stock_documents::StockDocumentEvent;
use crate::commerce::suppliers::SupplierEvent;
use crate::commerce::warehouses::WarehouseEvent;
use crate::mail::Policies;
use crate::outbox::Notifier;
use crate::platform::database::Database;

/// Returns the database of the tenants, which looks principals up in the stored accounts.
pub fn tenant_database(database: Database) -> TenantDatabase {
    TenantDatabase::new(database, Arc::new(StoredPrincipals))
}

/// Returns the executor of commands, with this catalogue of events. `mail` is which e-mails follow from them, `documents` what makes the documents of invoices.
pub fn executor(
    database: TenantDatabase,
    notifier: Notifier,
    mail: Policies,
    documents: Arc<dyn Documents>,
) -> Executor {
    reactions::describe_metrics();
    Executor::new(database, notifier, Arc::new(Catalogue { mail, documents }))
}

/// A domain event of any aggregate.
#[derive(Debug, Clone, Copy)]
enum DomainEvent<'a> {
    Customer(&'a CustomerEvent),
    CustomerGroup(&'a CustomerGroupEvent),
    Supplier(&'a SupplierEvent),
    Category(&'a CategoryEvent),
    Product(&'a ProductEvent),
    PriceList(&'a PriceListEvent),
    Warehouse(&'a WarehouseEvent),
    Location(&'a LocationEvent),
    Order(&'a OrderEvent),
    Shipment(&'a ShipmentEvent),
    Return(&'a ReturnEvent),
    Stock(&'a StockEvent),
    StockDocument(&'a StockDocumentEvent),
    PurchaseOrder(&'a PurchaseOrderEvent),
    InventoryCount(&'a InventoryCountEvent),
    Invoice(&'a InvoiceEvent),
    Payment(&'a PaymentEvent),
    Tenant(&'a TenantEvent),
    User(&'a UserEvent),
    Session(&'a SessionEvent),
    ApiKey(&'a ApiKeyEvent),
}

impl<'a> DomainEvent<'a> {
    fn of(event: &'a dyn Event) -> Result<Self, Error> {
        let any: &dyn Any = event;
        None.or_else(|| any.downcast_ref().map(Self::Customer))
            .or_else(|| any.downcast_ref().map(Self::CustomerGroup))
            .or_else(|| any.downcast_ref().map(Self::Supplier))
            .or_else(|| any.downcast_ref().map(Self::Category))
            .or_else(|| any.downcast_ref().map(Self::Product))
            .or_else(|| any.downcast_ref().map(Self::PriceList))
            .or_else(|| any.downcast_ref().map(Self::Warehouse))
            .or_else(|| any.downcast_ref().map(Self::Location))
            .or_else(|| any.downcast_ref().map(Self::Order))
            .or_else(|| any.downcast_ref().map(Self::Shipment))
            .or_else(|| any.downcast_ref().map(Self::Return))
            .or_else(|| any.downcast_ref().map(Self::Stock))
            .or_else(|| any.downcast_ref().map(Self::StockDocument))
            .or_else(|| any.downcast_ref().map(Self::PurchaseOrder))
            .or_else(|| any.downcast_ref().map(Self::InventoryCount))
            .or_else(|| any.downcast_ref().map(Self::Invoice))
            .or_else(|| any.downcast_ref().map(Self::Payment))
            .or_else(|| any.downcast_ref().map(Self::Tenant))
            .or_else(|| any.downcast_ref().map(Self::User))
            .or_else(|| any.downcast_ref().map(Self::Session))
            .or_else(|| any.downcast_ref().map(Self::ApiKey))
            .ok_or_else(|| Error::UnknownEvent(event.type_name()))
    }
}

#[derive(Debug, Clone)]
struct Catalogue {
    mail: Policies,
    documents: Arc<dyn Documents>,
}

impl EventCatalogue for Catalogue {
    fn translate(&self, event: &dyn Event) -> Result<Option<IntegrationEvent>, Error> {
        integration::translate(DomainEvent::of(event)?)
    }

    fn react<'a>(
        &'a self,
        work: &'a mut UnitOfWork<'_>,
        event: &'a dyn Event,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(
            async move { reactions::react(work, DomainEvent::of(event)?, &self.mail, &self.documents).await },
        )
    }
}
