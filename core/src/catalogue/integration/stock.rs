//! The integration events of stock.

use serde::Serialize;

use super::{IntegrationEvent, Payload, payload};
use crate::application::error::Error;
use crate::commerce::stock::{StockEvent, StockLevel};

/// What is available of a product in a warehouse has changed, perhaps several times: of one level it is told once in five seconds at most.
/// For shops: take it if its version is higher than the one you have.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct StockLevelChangedV1 {
    stock_id: String,
    warehouse_id: String,
    product_id: String,
    sku: String,
    /// What lies there.
    on_hand: String,
    /// What of it is promised to orders.
    reserved: String,
    /// On hand and not reserved.
    available: String,
    /// What orders wait for.
    waiting: String,
    /// Rises with every change of the level.
    version: i64,
    /// RFC 3339, UTC.
    changed_at: String,
}
payload!(StockLevelChangedV1, "stock", "stock.level_changed", 1);

/// What is available of a product has come down to its reorder point. It is told once, until it has been above again.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct StockLevelLowV1 {
    stock_id: String,
    warehouse_id: String,
    product_id: String,
    sku: String,
    name: String,
    /// On hand and not reserved.
    available: String,
    reorder_point: Option<String>,
    /// How much should be ordered.
    reorder_quantity: Option<String>,
    /// RFC 3339, UTC.
    changed_at: String,
}
payload!(StockLevelLowV1, "stock", "stock.level_low", 1);

pub(super) fn translate(event: &StockEvent) -> Result<IntegrationEvent, Error> {
    match event {
        StockEvent::LevelChanged(level) => integration_event(level, &changed(level)),
        StockEvent::LevelLow(level) => integration_event(level, &low(level)),
    }
}

fn integration_event<P: Payload>(level: &StockLevel, payload: &P) -> Result<IntegrationEvent, Error> {
    super::event_of(level.id().to_string(), level.version(), payload)
}

fn changed(level: &StockLevel) -> StockLevelChangedV1 {
    StockLevelChangedV1 {
        stock_id: level.id().to_string(),
        warehouse_id: level.warehouse_id().to_string(),
        product_id: level.product_id().to_string(),
        sku: level.sku().to_owned(),
        on_hand: level.on_hand().to_string(),
        reserved: level.reserved().to_string(),
        available: level.available().to_string(),
        waiting: level.waiting().to_string(),
        version: level.version(),
        changed_at: super::time(level.updated_at()),
    }
}

fn low(level: &StockLevel) -> StockLevelLowV1 {
    StockLevelLowV1 {
        stock_id: level.id().to_string(),
        warehouse_id: level.warehouse_id().to_string(),
        product_id: level.product_id().to_string(),
        sku: level.sku().to_owned(),
        name: level.name().to_owned(),
        available: level.available().to_string(),
        reorder_point: level.reorder().map(|rule| rule.point.to_string()),
        reorder_quantity: level.reorder().map(|rule| rule.quantity.to_string()),
        changed_at: super::time(level.updated_at()),
    }
}
