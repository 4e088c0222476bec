//! Reactions: the further changes that a domain event causes in the same transaction. They are synchronous and
//! in-process, and commit or roll back with it. The matches are exhaustive, so that a new variant cannot be forgotten
//! here.

use std::sync::Arc;
use std::time::Instant;

use super::DomainEvent;
use crate::accounts::api_keys::ApiKeyEvent;
use crate::accounts::sessions::{self, EndReason, SessionEvent};
use crate::accounts::tenants::TenantEvent;
use crate::accounts::users::UserEvent;
use crate::application::aggregate::Aggregate;
use crate::application::error::Error;
use crate::application::unit_of_work::UnitOfWork;
use crate::commerce::categories::CategoryEvent;
use crate::commerce::customer_groups::CustomerGroupEvent;
use crate::commerce::customers::CustomerEvent;
use crate::commerce::documents::{self, Documents};
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
use crate::commerce::stock::{self, StockEvent};
use crate::commerce::stock_documents::StockDocumentEvent;
use crate::commerce::suppliers::SupplierEvent;
use crate::commerce::warehouses::{self, WarehouseEvent};
use crate::mail::Policies;

const POLICY: &str = "comptoir_policy_duration_seconds";

pub(super) fn describe_metrics() {
    metrics::describe_histogram!(
        POLICY,
        metrics::Unit::Seconds,
        "How long policies took, in the transaction of their cause"
    );
}

/// Notes how long a policy took, with the id that everything which follows from one request has in common.
fn measured(policy: &'static str, work: &UnitOfWork<'_>, began: Instant) {
    let took = began.elapsed();
    metrics::histogram!(POLICY, "policy" => policy).record(took.as_secs_f64());
    let correlation_id = &work.context().correlation_id;
    tracing::debug!(policy, correlation_id, duration_us = took.as_micros(), "a policy was applied");
}

pub(super) async fn react(
    work: &mut UnitOfWork<'_>,
    event: DomainEvent<'_>,
    mail: &Policies,
    documents: &Arc<dyn Documents>,
) -> Result<(), Error> {
    match event {
        DomainEvent::Product(event) => on_product(work, event).await,
        DomainEvent::Warehouse(WarehouseEvent::Archived(warehouse)) => {
            let began = Instant::now();
            stock::repository::end_reordering(work, warehouse.id()).await?;
            measured("end_reordering", work, began);
            Ok(())
        }
        DomainEvent::Tenant(event) => on_tenant(work, event).await,
        DomainEvent::Invoice(event) => on_invoice(work, event, documents).await,
        DomainEvent::User(event) => {
            let began = Instant::now();
            mail.on_user(work, event).await?;
            measured("queue_mail", work, began);
            on_user(work, event).await
        }
        DomainEvent::Customer(
            CustomerEvent::Created(_)
            | CustomerEvent::Updated(_)
            | CustomerEvent::Deleted(_)
            | CustomerEvent::Anonymised(_),
        )
        | DomainEvent::CustomerGroup(
            CustomerGroupEvent::Created(_) | CustomerGroupEvent::Updated(_) | CustomerGroupEvent::Deleted(_),
        )
        | DomainEvent::PriceList(
            PriceListEvent::Created(_) | PriceListEvent::Changed { .. } | PriceListEvent::Deleted(_),
        )
        | DomainEvent::Supplier(
            SupplierEvent::Created(_) | SupplierEvent::Updated(_) | SupplierEvent::Deleted(_),
        )
        | DomainEvent::Order(
            OrderEvent::Placed(_)
            | OrderEvent::Amended(_)
            | OrderEvent::Approved(_)
            | OrderEvent::Reserved(_)
            | OrderEvent::BackOrdered(_)
            | OrderEvent::Confirmed(_)
            | OrderEvent::PartlyShipped(_)
            | OrderEvent::Shipped(_)
            | OrderEvent::Returned(_)
            | OrderEvent::Delivered(_)
            | OrderEvent::Cancelled { .. },
        )
        | DomainEvent::Shipment(ShipmentEvent::Dispatched(_) | ShipmentEvent::Delivered(_))
        | DomainEvent::Return(ReturnEvent::Received(_))
        | DomainEvent::Category(
            CategoryEvent::Created(_) | CategoryEvent::Updated(_) | CategoryEvent::Deleted(_),
        )
        | DomainEvent::Stock(StockEvent::LevelChanged(_) | StockEvent::LevelLow(_))
        | DomainEvent::StockDocument(StockDocumentEvent::Posted(_))
        | DomainEvent::PurchaseOrder(
            PurchaseOrderEvent::Ordered(_)
            | PurchaseOrderEvent::Changed(_)
            | PurchaseOrderEvent::Received { .. }
            | PurchaseOrderEvent::Cancelled(_),
        )
        | DomainEvent::InventoryCount(
            InventoryCountEvent::Created(_)
            | InventoryCountEvent::Started { .. }
            | InventoryCountEvent::SentToReview(_)
            | InventoryCountEvent::RecountAsked(_)
            | InventoryCountEvent::Closed { .. }
            | InventoryCountEvent::Cancelled { .. },
        )
        | DomainEvent::Payment(PaymentEvent::Received(_) | PaymentEvent::Reversed(_))
        | DomainEvent::Warehouse(WarehouseEvent::Created(_) | WarehouseEvent::Updated(_))
        | DomainEvent::Location(
            LocationEvent::Created(_) | LocationEvent::Updated(_) | LocationEvent::Archived(_),
        )
        | DomainEvent::Session(SessionEvent::Created(_) | SessionEvent::Ended(_))
        | DomainEvent::ApiKey(ApiKeyEvent::Created(_) | ApiKeyEvent::Revoked(_)) => Ok(()),
    }
}

async fn on_product(work: &mut UnitOfWork<'_>, event: &ProductEvent) -> Result<(), Error> {
    let began = Instant::now();
    match event {
        // The levels of its stock are listed and searched by its name, and say when to order more of it.
        ProductEvent::Updated(product) | ProductEvent::Archived(product) if product.is_ordered() => {
            stock::repository::follow(work, product).await?;
            measured("follow_product", work, began);
            Ok(())
        }
        ProductEvent::Created(_)
        | ProductEvent::Updated(_)
        | ProductEvent::Archived(_)
        | ProductEvent::Deleted(_) => Ok(()),
    }
}

async fn on_invoice(
    work: &mut UnitOfWork<'_>,
    event: &InvoiceEvent,
    documents: &Arc<dyn Documents>,
) -> Result<(), Error> {
    let began = Instant::now();
    match event {
        // What has a number becomes a document: what cannot gets none.
        InvoiceEvent::Composed(content) => {
            documents::check(documents, content).await?;
            measured("check_document", work, began);
            Ok(())
        }
        InvoiceEvent::Validated { invoice, .. } => {
            documents::repository::queue(work, invoice.id()).await?;
            measured("queue_document", work, began);
            Ok(())
        }
        InvoiceEvent::Drafted(_)
        | InvoiceEvent::DraftChanged(_)
        | InvoiceEvent::DraftDeleted(_)
        | InvoiceEvent::Settled(_)
        | InvoiceEvent::Sent { .. }
        | InvoiceEvent::Overdue(_)
        | InvoiceEvent::DisputeChanged(_)
        | InvoiceEvent::DocumentReady(_) => Ok(()),
    }
}

async fn on_tenant(work: &mut UnitOfWork<'_>, event: &TenantEvent) -> Result<(), Error> {
    let began = Instant::now();
    match event {
        // Every company has a place for its goods from its beginning.
        TenantEvent::Created(tenant) => {
            warehouses::open_main(work, tenant.details().language).await?;
            measured("open_main_warehouse", work, began);
            Ok(())
        }
        TenantEvent::Updated(_) => Ok(()),
    }
}

async fn on_user(work: &mut UnitOfWork<'_>, event: &UserEvent) -> Result<(), Error> {
    let began = Instant::now();
    match event {
        // The user's permissions change at once, in every session, on every replica.
        UserEvent::RoleChanged { user, .. } | UserEvent::PermissionChanged(user) => {
            sessions::restamp(work, user.id()).await?;
            measured("restamp_sessions", work, began);
            Ok(())
        }
        UserEvent::Disabled(user) => {
            sessions::end_all(work, user.id(), None, EndReason::UserDisabled).await?;
            measured("end_sessions", work, began);
            Ok(())
        }
        UserEvent::Registered(_)
        | UserEvent::Updated(_)
        | UserEvent::EmailVerified(_)
        // The command decides which sessions continue.
        | UserEvent::PasswordChanged(_)
        | UserEvent::PasswordResetRequested { .. }
        | UserEvent::LoggedIn { .. }
        | UserEvent::LoggedOut { .. }
        | UserEvent::Enabled(_) => Ok(()),
    }
}
