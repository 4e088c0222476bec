//! The integration events of shipments.

use serde::Serialize;

use super::{IntegrationEvent, integration_event, payload};
use crate::application::aggregate::Aggregate;
use crate::application::error::Error;
use crate::commerce::shipments::{Parcel, Shipment, ShipmentEvent, ShippedLine};

/// A part of an order has left, or all of it. Nothing in it says what it costs.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ShipmentDispatchedV1 {
    shipment_id: String,
    order_id: String,
    /// Counts from 1 within the order.
    number: i16,
    tracking_number: Option<String>,
    /// What the carrier counts; none if nobody said.
    parcels: Vec<ParcelV1>,
    /// What left, in the order's own sequence.
    lines: Vec<ShipmentLineV1>,
    /// When it left, as the business counts: RFC 3339, full-date.
    shipped_on: String,
    /// RFC 3339, UTC.
    dispatched_at: String,
}
payload!(ShipmentDispatchedV1, "shipment", "shipment.dispatched", 1);

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct ParcelV1 {
    tracking_number: Option<String>,
    /// Kilograms, a decimal string.
    weight_kg: Option<String>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct ShipmentLineV1 {
    /// Of the order's line; counts from 1.
    position: i16,
    product_id: String,
    sku: String,
    name: String,
    quantity: String,
}

/// A shipment has arrived.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ShipmentDeliveredV1 {
    shipment_id: String,
    order_id: String,
    /// Counts from 1 within the order.
    number: i16,
    tracking_number: Option<String>,
    /// When it arrived, as the business counts: RFC 3339, full-date.
    delivered_on: Option<String>,
    /// RFC 3339, UTC.
    delivered_at: String,
}
payload!(ShipmentDeliveredV1, "shipment", "shipment.delivered", 1);

pub(super) fn translate(event: &ShipmentEvent) -> Result<IntegrationEvent, Error> {
    match event {
        ShipmentEvent::Dispatched(shipment) => {
            integration_event::<Shipment, _>(shipment, &dispatched(shipment))
        }
        ShipmentEvent::Delivered(shipment) => {
            integration_event::<Shipment, _>(shipment, &delivered(shipment))
        }
    }
}

fn dispatched(shipment: &Shipment) -> ShipmentDispatchedV1 {
    let parcel = |parcel: &Parcel| ParcelV1 {
        tracking_number: parcel.tracking_number.as_ref().map(ToString::to_string),
        weight_kg: parcel.weight_kg.as_ref().map(ToString::to_string),
    };
    let line = |line: &ShippedLine| ShipmentLineV1 {
        position: line.position,
        product_id: line.product_id.to_string(),
        sku: line.sku.clone(),
        name: line.name.clone(),
        quantity: line.quantity.to_string(),
    };
    ShipmentDispatchedV1 {
        shipment_id: shipment.id().to_string(),
        order_id: shipment.order_id().to_string(),
        number: shipment.number(),
        tracking_number: shipment.tracking_number().map(ToString::to_string),
        parcels: shipment.parcels().iter().map(parcel).collect(),
        lines: shipment.lines().iter().map(line).collect(),
        shipped_on: shipment.shipped_on().to_string(),
        dispatched_at: super::time(shipment.updated_at()),
    }
}

fn delivered(shipment: &Shipment) -> ShipmentDeliveredV1 {
    ShipmentDeliveredV1 {
        shipment_id: shipment.id().to_string(),
        order_id: shipment.order_id().to_string(),
        number: shipment.number(),
        tracking_number: shipment.tracking_number().map(ToString::to_string),
        delivered_on: shipment.delivered_on().map(|date| date.to_string()),
        delivered_at: super::time(shipment.updated_at()),
    }
}
