//! Integration events: the facts that other systems may build on.
//!
//! Each is a literal name, a version and a payload struct whose JSON is a contract, with a JSON Schema in `schema/events`.
//! Members may be added to a published version; any other change gets a new version beside it. The matches are exhaustive: a new domain
//! event does not compile until its integration event is decided here.

mod addresses;
mod api_keys;
mod categories;
mod customer_groups;
mod customers;
mod inventory_counts;
mod invoices;
mod locations;
mod orders;
mod parties;
mod payments;
mod price_lists;
mod products;
mod purchase_orders;
mod returns;
mod sessions;
mod shipments;
mod stock;
mod stock_documents;
mod suppliers;
mod tenants;
mod users;
mod warehouses;

#[cfg(test)]
mod asyncapi;
#[cfg(test)]
mod contracts;

use serde::Serialize;

use super::DomainEvent;
use crate::application::aggregate::Aggregate;
use crate::application::error::Error;
use crate::application::events::IntegrationEvent;

/// The published name and version of a payload struct.
trait Payload: Serialize {
    const AGGREGATE_TYPE: &'static str;
    const EVENT_TYPE: &'static str;
    const VERSION: i16;
}

/// Translates a domain event to its integration event; `None` if nothing is published.
pub(super) fn translate(event: DomainEvent<'_>) -> Result<Option<IntegrationEvent>, Error> {
    match event {
        DomainEvent::Customer(event) => customers::translate(event).map(Some),
        DomainEvent::CustomerGroup(event) => customer_groups::translate(event).map(Some),
        DomainEvent::Supplier(event) => suppliers::translate(event).map(Some),
        DomainEvent::Category(event) => categories::translate(event).map(Some),
        DomainEvent::Product(event) => products::translate(event).map(Some),
        DomainEvent::PriceList(event) => price_lists::translate(event).map(Some),
        DomainEvent::Warehouse(event) => warehouses::translate(event).map(Some),
        DomainEvent::Location(event) => locations::translate(event).map(Some),
        DomainEvent::Order(event) => orders::translate(event).map(Some),
        DomainEvent::Shipment(event) => shipments::translate(event).map(Some),
        DomainEvent::Return(event) => returns::translate(event).map(Some),
        DomainEvent::Stock(event) => stock::translate(event).map(Some),
        DomainEvent::StockDocument(event) => stock_documents::translate(event),
        DomainEvent::PurchaseOrder(event) => purchase_orders::translate(event).map(Some),
        DomainEvent::InventoryCount(event) => inventory_counts::translate(event),
        DomainEvent::Invoice(event) => invoices::translate(event),
        DomainEvent::Payment(event) => payments::translate(event).map(Some),
        DomainEvent::Tenant(event) => tenants::translate(event).map(Some),
        DomainEvent::User(event) => users::translate(event),
        DomainEvent::Session(event) => sessions::translate(event).map(Some),
        DomainEvent::ApiKey(event) => api_keys::translate(event).map(Some),
    }
}

fn integration_event<A: Aggregate, P: Payload>(
    aggregate: &A,
    payload: &P,
) -> Result<IntegrationEvent, Error> {
    event_of(aggregate.id().to_string(), aggregate.version(), payload)
}

fn event_of<P: Payload>(
    aggregate_id: String,
    aggregate_version: i64,
    payload: &P,
) -> Result<IntegrationEvent, Error> {
    Ok(IntegrationEvent {
        aggregate_type: P::AGGREGATE_TYPE,
        aggregate_id,
        aggregate_version,
        event_type: P::EVENT_TYPE,
        schema_version: P::VERSION,
        payload: serde_json::to_string(payload)
            .map_err(|cause| Error::Serialize { what: "an event's payload", cause })?,
    })
}

/// Declares the published name and version of a payload struct: `payload!(OrderPlacedV1, "order", "order.placed", 1)`.
macro_rules! payload {
    ($name:ident, $aggregate_type:literal, $event_type:literal, $version:literal) => {
        impl crate::catalogue::integration::Payload for $name {
            const AGGREGATE_TYPE: &'static str = $aggregate_type;
            const EVENT_TYPE: &'static str = $event_type;
            const VERSION: i16 = $version;
        }
    };
}
use payload;

fn external_id(id: Option<&crate::values::external_id::ExternalId>) -> Option<String> {
    id.map(ToString::to_string)
}

/// Formats a time by RFC 3339, in UTC, with the microseconds that the database keeps.
fn time(at: chrono::DateTime<chrono::Utc>) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
}
