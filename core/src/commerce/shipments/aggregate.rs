//! The shipment and its rules.
//!
//! ```text
//! dispatched ──deliver──► delivered
//! ```

use std::fmt;

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::events::ShipmentEvent;
use crate::application::aggregate::Aggregate;
use crate::application::error::{Category, DomainError};
use crate::commerce::orders::{LinePart, Order, TrackingNumber};
use crate::values::business_date::BusinessDate;
use crate::values::goods::Units;
use crate::values::ids::{OrderId, ProductId, ShipmentId};
use crate::values::invalid::{FieldError, Invalid};
use crate::values::money::Quantity;

/// The maximum number of parcels of one shipment.
pub const MAX_PARCELS: usize = 100;
/// The maximum number of shipments of one order.
pub const MAX_SHIPMENTS: i16 = 1_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ShipmentStatus {
    Dispatched,
    Delivered,
}

impl ShipmentStatus {
    pub const ALL: [Self; 2] = [Self::Dispatched, Self::Delivered];

    /// Returns the name that is stored and published.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dispatched => "dispatched",
            Self::Delivered => "delivered",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }
}

impl fmt::Display for ShipmentStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A box, a pallet: what the carrier counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel {
    /// `None` if it has none of its own.
    pub tracking_number: Option<TrackingNumber>,
    pub weight_kg: Option<Quantity>,
}

/// What left of a line of the order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShippedLine {
    /// Of the order's line; counts from 1.
    pub position: i16,
    pub product_id: ProductId,
    pub sku: String,
    pub name: String,
    pub quantity: Units,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shipment {
    pub(super) id: ShipmentId,
    pub(super) version: i64,
    pub(super) order_id: OrderId,
    pub(super) number: i16,
    pub(super) status: ShipmentStatus,
    pub(super) tracking_number: Option<TrackingNumber>,
    pub(super) parcels: Vec<Parcel>,
    pub(super) shipped_on: BusinessDate,
    pub(super) delivered_on: Option<BusinessDate>,
    pub(super) created_by: String,
    pub(super) dispatched_at: DateTime<Utc>,
    pub(super) delivered_at: Option<DateTime<Utc>>,
    pub(super) updated_at: DateTime<Utc>,
    pub(super) lines: Vec<ShippedLine>,
}

/// What is said of a shipment that leaves.
#[derive(Debug, Clone)]
pub struct Dispatch {
    /// Counts from 1 within the order.
    pub number: i16,
    pub tracking_number: Option<TrackingNumber>,
    pub parcels: Vec<Parcel>,
    pub shipped_on: BusinessDate,
    pub created_by: String,
}

impl Shipment {
    /// Notes what has left of an order, which [`Order::dispatch`] has permitted.
    pub(crate) fn dispatch(
        id: ShipmentId,
        order: &Order,
        parts: &[LinePart],
        new: Dispatch,
        now: DateTime<Utc>,
    ) -> (Self, ShipmentEvent) {
        let line = |part: &LinePart| {
            let line = order.line(part.position)?;
            Some(ShippedLine {
                position: part.position,
                product_id: line.product_id,
                sku: line.sku.clone(),
                name: line.name.clone(),
                quantity: part.units.clone(),
            })
        };
        let mut lines: Vec<_> = parts.iter().filter_map(line).collect();
        lines.sort_by_key(|line| line.position);
        let shipment = Self {
            id,
            version: 1,
            order_id: order.id(),
            number: new.number,
            status: ShipmentStatus::Dispatched,
            tracking_number: new.tracking_number,
            parcels: new.parcels,
            shipped_on: new.shipped_on,
            delivered_on: None,
            created_by: new.created_by,
            dispatched_at: now,
            delivered_at: None,
            updated_at: now,
            lines,
        };
        let event = ShipmentEvent::Dispatched(Box::new(shipment.clone()));
        (shipment, event)
    }

    /// Notes that it has arrived, today if nothing else is said.
    ///
    /// # Errors
    /// Fails if it has arrived already, or if it would have arrived before it left.
    pub fn deliver(
        &mut self,
        on: Option<BusinessDate>,
        now: DateTime<Utc>,
    ) -> Result<ShipmentEvent, ShipmentError> {
        if self.status != ShipmentStatus::Dispatched {
            return Err(ShipmentError::Delivered(self.id));
        }
        if let Some(on) = on {
            on.check(now).map_err(ShipmentError::DeliveredOn)?;
            if on < self.shipped_on {
                let message = format!("it left on {}, and cannot have arrived before", self.shipped_on);
                return Err(ShipmentError::DeliveredOn(Invalid::new("out_of_range", message)));
            }
        }
        // What leaves tomorrow may arrive as soon as it has left.
        self.delivered_on = Some(on.unwrap_or_else(|| BusinessDate::of(now).max(self.shipped_on)));
        self.status = ShipmentStatus::Delivered;
        self.delivered_at = Some(now);
        self.version += 1;
        self.updated_at = now;
        Ok(ShipmentEvent::Delivered(Box::new(self.clone())))
    }

    pub fn order_id(&self) -> OrderId {
        self.order_id
    }

    pub fn number(&self) -> i16 {
        self.number
    }

    pub fn tracking_number(&self) -> Option<&TrackingNumber> {
        self.tracking_number.as_ref()
    }

    pub fn parcels(&self) -> &[Parcel] {
        &self.parcels
    }

    pub fn shipped_on(&self) -> BusinessDate {
        self.shipped_on
    }

    pub fn delivered_on(&self) -> Option<BusinessDate> {
        self.delivered_on
    }

    pub fn lines(&self) -> &[ShippedLine] {
        &self.lines
    }
}

/// # Errors
/// `too_many` if there are more than [`MAX_PARCELS`].
pub fn check_parcel_count(count: usize) -> Result<(), Invalid> {
    if count > MAX_PARCELS {
        let message = format!("at most {MAX_PARCELS} parcels are possible, not {count}");
        return Err(Invalid::new("too_many", message));
    }
    Ok(())
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShipmentError {
    #[error("there is no shipment {0}")]
    NotFound(ShipmentId),
    #[error("shipment {0} has arrived already")]
    Delivered(ShipmentId),
    #[error("order {0} has {MAX_SHIPMENTS} shipments already, and cannot have more")]
    TooMany(OrderId),
    #[error("a shipment has 1 line at least; leave lines out to ship all that is there")]
    NoLines,
    #[error("{}", .0.message)]
    DeliveredOn(Invalid),
}

impl DomainError for ShipmentError {
    fn category(&self) -> Category {
        match self {
            Self::NotFound(_) => Category::NotFound,
            Self::Delivered(_) | Self::TooMany(_) => Category::Conflict,
            Self::NoLines | Self::DeliveredOn(_) => Category::Invalid,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "shipment_not_found",
            Self::Delivered(_) => "shipment_state_conflict",
            Self::TooMany(_) => "too_many_shipments",
            Self::NoLines | Self::DeliveredOn(_) => "invalid_shipment",
        }
    }

    fn fields(&self) -> Vec<FieldError> {
        match self {
            Self::NotFound(_) | Self::Delivered(_) | Self::TooMany(_) => Vec::new(),
            Self::NoLines => vec![Invalid::new("line_count", self.to_string()).at("/lines")],
            Self::DeliveredOn(invalid) => vec![invalid.clone().at("/delivered_on")],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + second, 0).expect("a valid time")
    }

    fn dispatched() -> Shipment {
        Shipment {
            id: ShipmentId::generate(),
            version: 1,
            order_id: OrderId::generate(),
            number: 1,
            status: ShipmentStatus::Dispatched,
            tracking_number: None,
            parcels: Vec::new(),
            shipped_on: BusinessDate::of(at(0)),
            delivered_on: None,
            created_by: "bob@docks.example".to_owned(),
            dispatched_at: at(0),
            delivered_at: None,
            updated_at: at(0),
            lines: Vec::new(),
        }
    }

    #[test]
    fn a_shipment_arrives_once() {
        let mut shipment = dispatched();
        let ShipmentEvent::Delivered(told) = shipment.deliver(None, at(60)).expect("allowed") else {
            panic!("not delivered")
        };
        assert_eq!((told.version, told.delivered_at), (2, Some(at(60))));
        assert_eq!(shipment.delivered_on(), Some(BusinessDate::of(at(60))));
        let before = shipment.clone();
        assert_eq!(shipment.deliver(None, at(70)).map(drop), Err(ShipmentError::Delivered(before.id)));
        assert_eq!(shipment, before);
    }

    #[test]
    fn a_shipment_does_not_arrive_before_it_left() {
        let mut shipment = dispatched();
        let day_before = BusinessDate::of(at(-86_400));
        let refused = shipment.deliver(Some(day_before), at(60)).expect_err("refused");
        assert_eq!(
            (refused.code(), refused.fields()[0].pointer.as_str()),
            ("invalid_shipment", "/delivered_on")
        );
        assert_eq!(shipment.status, ShipmentStatus::Dispatched);
    }

    #[test]
    fn a_shipment_has_a_hundred_parcels_at_most() {
        assert!(check_parcel_count(MAX_PARCELS).is_ok());
        assert_eq!(check_parcel_count(MAX_PARCELS + 1).expect_err("refused").code, "too_many");
    }
}
