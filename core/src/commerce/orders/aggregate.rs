//! The order and its rules.
//!
//! ```text
//! pending ──confirm──► confirmed ──the last part leaves──► shipped ──deliver──► delivered
//!    └──────cancel──────────┴──► cancelled
//! ```
//!
//! It leaves in one shipment or in several. While a part is still here, it is confirmed.

use std::fmt;

use bigdecimal::BigDecimal;
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::error::OrderError;
use super::events::OrderEvent;
use super::lines::{DraftLine, OrderLine, positions, too_precise};
use super::totals::Totals;
use crate::commerce::stock::Levels;
use crate::values::business_date::BusinessDate;
use crate::values::contact::PostalAddress;
use crate::values::external_id::ExternalId;
use crate::values::ids::{CustomerId, OrderId, WarehouseId};
use crate::values::money::Currency;
use crate::values::text::text;

text!(
    /// The order's number in the client's own books; unique in a tenant where it is given.
    OrderReference, "an order reference", 100
);
text!(TrackingNumber, "a tracking number", 100);
text!(CancellationReason, "a cancellation reason", 500);

/// The gross total of one order stays below this, in units of its currency.
pub(super) const TOTAL_LIMIT: u64 = 1_000_000_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum OrderStatus {
    Pending,
    Confirmed,
    Shipped,
    Delivered,
    Cancelled,
}

impl OrderStatus {
    pub const ALL: [Self; 5] =
        [Self::Pending, Self::Confirmed, Self::Shipped, Self::Delivered, Self::Cancelled];

    /// Returns the name that is stored and published.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Confirmed => "confirmed",
            Self::Shipped => "shipped",
            Self::Delivered => "delivered",
            Self::Cancelled => "cancelled",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }
}

impl fmt::Display for OrderStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A requested order.
#[derive(Debug, Clone)]
pub struct NewOrder<'a> {
    pub external_id: Option<ExternalId>,
    pub reference: Option<OrderReference>,
    pub customer_id: CustomerId,
    pub currency: Currency,
    /// Where the goods come from; `None` if no line needs any.
    pub warehouse_id: Option<WarehouseId>,
    /// Whether it waits for what is short, instead of being refused.
    pub back_order: bool,
    /// When the customer ordered.
    pub ordered_on: BusinessDate,
    /// Where it goes; `None` for the customer's own address.
    pub delivery_address: Option<PostalAddress>,
    /// By when the customer was promised the goods.
    pub promised_on: Option<BusinessDate>,
    pub lines: Vec<DraftLine<'a>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    pub(super) id: OrderId,
    pub(super) version: i64,
    pub(super) external_id: Option<ExternalId>,
    pub(super) reference: Option<OrderReference>,
    pub(super) customer_id: CustomerId,
    pub(super) status: OrderStatus,
    pub(super) currency: Currency,
    pub(super) lines: Vec<OrderLine>,
    pub(super) totals: Totals,
    pub(super) tracking_number: Option<TrackingNumber>,
    pub(super) cancellation_reason: Option<CancellationReason>,
    pub(super) placed_at: DateTime<Utc>,
    pub(super) confirmed_at: Option<DateTime<Utc>>,
    pub(super) shipped_at: Option<DateTime<Utc>>,
    pub(super) delivered_at: Option<DateTime<Utc>>,
    pub(super) cancelled_at: Option<DateTime<Utc>>,
    pub(super) updated_at: DateTime<Utc>,
    pub(super) warehouse_id: Option<WarehouseId>,
    pub(super) back_order: bool,
    /// Not known of orders that are older than this column.
    pub(super) ordered_on: Option<BusinessDate>,
    pub(super) delivery_address: Option<PostalAddress>,
    pub(super) promised_on: Option<BusinessDate>,
    /// Whether it passes its customer's credit limit, and nobody has approved of that yet.
    pub(super) held_for_approval: bool,
}

impl Order {
    /// # Errors
    /// Fails if there are no lines or too many, if it was promised before it was ordered, if a product is archived, if a quantity
    /// has more decimals than its product allows, or if the total reaches the limit.
    pub fn place(id: OrderId, new: NewOrder<'_>, now: DateTime<Utc>) -> Result<Self, OrderError> {
        Self::check_line_count(new.lines.len())?;
        new.ordered_on.check(now).map_err(OrderError::OrderedOn)?;
        check_promise(new.promised_on, new.ordered_on)?;
        let archived: Vec<_> = positions(&new.lines, |line| line.product.is_archived());
        if !archived.is_empty() {
            return Err(OrderError::ProductsArchived(archived));
        }
        let lines = new.lines.iter().enumerate();
        let too_precise: Vec<_> =
            lines.filter_map(|(index, line)| too_precise(index, &line.quantity, line.product)).collect();
        if !too_precise.is_empty() {
            return Err(OrderError::QuantitiesTooPrecise(too_precise));
        }
        let lines: Vec<_> = new.lines.into_iter().map(OrderLine::priced).collect();
        let totals = Totals::of(&lines);
        check_total(&totals)?;
        Ok(Self {
            id,
            version: 1,
            external_id: new.external_id,
            reference: new.reference,
            customer_id: new.customer_id,
            status: OrderStatus::Pending,
            currency: new.currency,
            lines,
            totals,
            tracking_number: None,
            cancellation_reason: None,
            placed_at: now,
            confirmed_at: None,
            shipped_at: None,
            delivered_at: None,
            cancelled_at: None,
            updated_at: now,
            warehouse_id: new.warehouse_id,
            back_order: new.back_order,
            ordered_on: Some(new.ordered_on),
            delivery_address: new.delivery_address,
            promised_on: new.promised_on,
            held_for_approval: false,
        })
    }

    /// Has it wait for approval: its goods are reserved, but it is neither confirmed nor shipped from now on. It is a part of what makes
    /// the order pass its customer's credit limit, and no step of its own.
    pub(crate) fn hold(&mut self) {
        self.held_for_approval = true;
    }

    /// Lets it go on, beyond the credit limit.
    ///
    /// # Errors
    /// Fails if it does not wait for approval.
    pub fn approve(&mut self, now: DateTime<Utc>) -> Result<OrderEvent, OrderError> {
        if !self.held_for_approval {
            return Err(OrderError::NotHeld(self.id));
        }
        self.held_for_approval = false;
        self.raise(now);
        Ok(OrderEvent::Approved(Box::new(self.clone())))
    }

    pub(super) fn check_not_held(&self) -> Result<(), OrderError> {
        if self.held_for_approval { Err(OrderError::Held(self.id)) } else { Ok(()) }
    }

    /// Whether its goods are still here.
    pub fn is_open(&self) -> bool {
        matches!(self.status, OrderStatus::Pending | OrderStatus::Confirmed)
    }

    /// # Errors
    /// Fails if the order is not pending, or waits for approval.
    pub fn confirm(&mut self, now: DateTime<Utc>) -> Result<OrderEvent, OrderError> {
        self.check_not_held()?;
        self.advance("confirmed", &[OrderStatus::Pending], OrderStatus::Confirmed, now)?;
        self.confirmed_at = Some(now);
        Ok(OrderEvent::Confirmed(Box::new(self.clone())))
    }

    /// # Errors
    /// Fails if the order is not shipped.
    pub fn deliver(&mut self, now: DateTime<Utc>) -> Result<OrderEvent, OrderError> {
        self.advance("delivered", &[OrderStatus::Shipped], OrderStatus::Delivered, now)?;
        self.delivered_at = Some(now);
        Ok(OrderEvent::Delivered(Box::new(self.clone())))
    }

    /// Cancels the order; its goods are free again.
    ///
    /// # Errors
    /// Fails if the order is shipped, delivered or cancelled already, or if a part of it has left.
    pub(crate) fn cancel(
        &mut self,
        reason: CancellationReason,
        levels: &mut Levels,
        now: DateTime<Utc>,
    ) -> Result<OrderEvent, OrderError> {
        let previous_status = self.status;
        if self.is_open() && self.has_left() {
            return Err(OrderError::PartlyShipped(self.id));
        }
        self.advance(
            "cancelled",
            &[OrderStatus::Pending, OrderStatus::Confirmed],
            OrderStatus::Cancelled,
            now,
        )?;
        self.release(levels, now);
        for line in &mut self.lines {
            line.cancelled = line.outstanding();
        }
        self.held_for_approval = false;
        self.cancellation_reason = Some(reason);
        self.cancelled_at = Some(now);
        Ok(OrderEvent::Cancelled { order: Box::new(self.clone()), previous_status })
    }

    fn advance(
        &mut self,
        action: &'static str,
        from: &'static [OrderStatus],
        to: OrderStatus,
        now: DateTime<Utc>,
    ) -> Result<(), OrderError> {
        self.check_state(action, from)?;
        self.status = to;
        self.raise(now);
        Ok(())
    }

    pub(super) fn check_state(
        &self,
        action: &'static str,
        from: &'static [OrderStatus],
    ) -> Result<(), OrderError> {
        if from.contains(&self.status) {
            return Ok(());
        }
        Err(OrderError::State { id: self.id, status: self.status, action, from })
    }

    pub(super) fn raise(&mut self, now: DateTime<Utc>) {
        self.version += 1;
        self.updated_at = now;
    }

    pub fn warehouse_id(&self) -> Option<WarehouseId> {
        self.warehouse_id
    }

    pub fn is_back_order(&self) -> bool {
        self.back_order
    }

    pub fn is_held_for_approval(&self) -> bool {
        self.held_for_approval
    }

    pub fn ordered_on(&self) -> Option<BusinessDate> {
        self.ordered_on
    }

    pub fn delivery_address(&self) -> Option<&PostalAddress> {
        self.delivery_address.as_ref()
    }

    pub fn promised_on(&self) -> Option<BusinessDate> {
        self.promised_on
    }

    pub fn external_id(&self) -> Option<&ExternalId> {
        self.external_id.as_ref()
    }

    pub fn reference(&self) -> Option<&OrderReference> {
        self.reference.as_ref()
    }

    pub fn customer_id(&self) -> CustomerId {
        self.customer_id
    }

    pub fn status(&self) -> OrderStatus {
        self.status
    }

    pub fn currency(&self) -> &Currency {
        &self.currency
    }

    pub fn lines(&self) -> &[OrderLine] {
        &self.lines
    }

    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    pub fn tracking_number(&self) -> Option<&TrackingNumber> {
        self.tracking_number.as_ref()
    }

    pub fn cancellation_reason(&self) -> Option<&CancellationReason> {
        self.cancellation_reason.as_ref()
    }

    pub fn placed_at(&self) -> DateTime<Utc> {
        self.placed_at
    }
}

/// # Errors
/// Fails if the goods were promised for a day before they were ordered.
pub(super) fn check_promise(
    promised_on: Option<BusinessDate>,
    ordered_on: BusinessDate,
) -> Result<(), OrderError> {
    match promised_on {
        Some(day) if day < ordered_on => Err(OrderError::PromisedBefore(ordered_on)),
        _ => Ok(()),
    }
}

/// # Errors
/// Fails if the total reaches the limit.
pub(super) fn check_total(totals: &Totals) -> Result<(), OrderError> {
    if totals.gross_total.value() < &BigDecimal::from(TOTAL_LIMIT) {
        Ok(())
    } else {
        Err(OrderError::TotalTooLarge)
    }
}

#[cfg(test)]
#[path = "aggregate_tests.rs"]
mod tests;
