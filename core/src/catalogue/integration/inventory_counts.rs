//! The integration events of inventory counts.

use serde::Serialize;

use super::{IntegrationEvent, integration_event, payload};
use crate::application::aggregate::Aggregate;
use crate::application::error::Error;
use crate::commerce::inventory_counts::{CountStatus, Deviation, InventoryCount, InventoryCountEvent};

/// The maximum number of lines in one event: some 200 KB.
const MAX_TOLD: usize = 1_000;

/// Goods are being counted: until the count is closed or cancelled, nothing on hand in its scope moves. Orders are placed and cancelled
/// meanwhile.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct InventoryCountStartedV1 {
    inventory_count_id: String,
    reference: Option<String>,
    warehouse_id: String,
    /// Only what is in these categories and below them is counted; null for the whole warehouse, and where locations are counted.
    category_ids: Option<Vec<String>>,
    /// Only what lies in these locations is counted; null for the other scopes.
    location_ids: Option<Vec<String>>,
    /// The number of products that are to be counted, each once in each location.
    lines: usize,
    started_at: String,
}
payload!(InventoryCountStartedV1, "inventory_count", "inventory_count.started", 1);

/// Goods were counted, and what differed was posted. Where less remained than was reserved, `order.back_ordered` tells of the orders.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct InventoryCountClosedV1 {
    inventory_count_id: String,
    reference: Option<String>,
    warehouse_id: String,
    /// When it was, as the business counts: RFC 3339, full-date.
    business_date: String,
    /// The number of lines that differed.
    differing: usize,
    /// The lines that differed, by SKU: the first 1,000. The API has all of them.
    lines: Vec<DifferingLineV1>,
    closed_at: String,
}
payload!(InventoryCountClosedV1, "inventory_count", "inventory_count.closed", 1);

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct DifferingLineV1 {
    product_id: String,
    /// Where it lies; null unless locations were counted.
    location_id: Option<String>,
    sku: String,
    name: String,
    /// What was on hand when it was counted.
    expected: String,
    /// What was counted, and is on hand now.
    counted: String,
    /// Counted less expected, a decimal string: less if it begins with a minus sign.
    difference: String,
}

/// A count ended without any consequence.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct InventoryCountCancelledV1 {
    inventory_count_id: String,
    reference: Option<String>,
    warehouse_id: String,
    reason: Option<String>,
    /// The state in which it was: `open` (nothing was counted yet), `counting` or `review`.
    cancelled_from: String,
    cancelled_at: String,
}
payload!(InventoryCountCancelledV1, "inventory_count", "inventory_count.cancelled", 1);

/// Returns `None` if nothing is published: what is planned and what is decided meanwhile concerns nobody else.
pub(super) fn translate(event: &InventoryCountEvent) -> Result<Option<IntegrationEvent>, Error> {
    match event {
        InventoryCountEvent::Created(_)
        | InventoryCountEvent::SentToReview(_)
        | InventoryCountEvent::RecountAsked(_) => Ok(None),
        InventoryCountEvent::Started { count, lines } => {
            integration_event(&**count, &started(count, *lines)).map(Some)
        }
        InventoryCountEvent::Closed { count, deviations } => {
            integration_event(&**count, &closed(count, deviations)).map(Some)
        }
        InventoryCountEvent::Cancelled { count, previous_status } => {
            integration_event(&**count, &cancelled(count, *previous_status)).map(Some)
        }
    }
}

fn reference(count: &InventoryCount) -> Option<String> {
    count.reference().map(ToString::to_string)
}

fn started(count: &InventoryCount, lines: usize) -> InventoryCountStartedV1 {
    InventoryCountStartedV1 {
        inventory_count_id: count.id().to_string(),
        reference: reference(count),
        warehouse_id: count.warehouse_id().to_string(),
        category_ids: count.categories().map(|ids| ids.iter().map(ToString::to_string).collect()),
        location_ids: count.locations().map(|ids| ids.iter().map(ToString::to_string).collect()),
        lines,
        started_at: super::time(count.updated_at()),
    }
}

fn closed(count: &InventoryCount, deviations: &[Deviation]) -> InventoryCountClosedV1 {
    let line = |line: &Deviation| DifferingLineV1 {
        product_id: line.product_id.to_string(),
        location_id: line.location.as_ref().map(|location| location.id.to_string()),
        sku: line.sku.clone(),
        name: line.name.clone(),
        expected: line.expected.to_string(),
        counted: line.counted.to_string(),
        difference: line.change().to_string(),
    };
    InventoryCountClosedV1 {
        inventory_count_id: count.id().to_string(),
        reference: reference(count),
        warehouse_id: count.warehouse_id().to_string(),
        business_date: count.totals().map(|totals| totals.business_date.to_string()).unwrap_or_default(),
        differing: deviations.len(),
        lines: deviations.iter().take(MAX_TOLD).map(line).collect(),
        closed_at: super::time(count.updated_at()),
    }
}

fn cancelled(count: &InventoryCount, previous: CountStatus) -> InventoryCountCancelledV1 {
    InventoryCountCancelledV1 {
        inventory_count_id: count.id().to_string(),
        reference: reference(count),
        warehouse_id: count.warehouse_id().to_string(),
        reason: count.cancellation_reason().map(ToString::to_string),
        cancelled_from: previous.to_string(),
        cancelled_at: super::time(count.updated_at()),
    }
}
