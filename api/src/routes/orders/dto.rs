//! Orders as JSON.

use comptoir_core::commerce::orders::{
    CancellationReason, OrderFilter, OrderLine, OrderReference, OrderSort, OrderStatus, OrderSummary,
    OrderView, PlaceOrder, PlaceOrderLine, TrackingNumber, VatSubtotal,
};
use comptoir_core::platform::paging::PageRequest;
use comptoir_core::values::ids::{CustomerId, ProductId};
use comptoir_core::values::invalid::{FieldError, Fields, Invalid};
use comptoir_core::values::money::{Quantity, UnitPrice};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::extract;
use crate::routes::parse_limit;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlaceOrderRequest {
    customer_id: Uuid,
    /// The order's number in your books; unique where given, at most 100 characters.
    #[schema(example = "WEB-2026-00017", min_length = 1, max_length = 100)]
    reference: Option<String>,
    #[schema(min_items = 1, max_items = 5000)]
    lines: Vec<PlaceOrderLineRequest>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlaceOrderLineRequest {
    product_id: Uuid,
    /// More than zero; at most nine digits before and six after the point.
    #[schema(example = "2.5", pattern = r"^\d{1,9}(\.\d{1,6})?$")]
    quantity: String,
    /// Net price of one unit; the product's own where it is left out.
    #[schema(example = "12.50", pattern = r"^\d{1,9}(\.\d{1,6})?$")]
    unit_price: Option<String>,
}

impl PlaceOrderRequest {
    pub(super) fn into_command(self) -> Result<PlaceOrder, Vec<FieldError>> {
        let mut fields = Fields::default();
        let reference =
            fields.take("/reference", self.reference.as_deref().map(OrderReference::parse).transpose());
        // All lines are parsed before an error ends the parsing, so that every wrong line is named.
        let lines: Vec<_> =
            self.lines.into_iter().enumerate().map(|(at, line)| line.parse(at, &mut fields)).collect();
        let lines: Option<Vec<_>> = lines.into_iter().collect();
        let customer_id = CustomerId::from_uuid(self.customer_id);
        let command = (|| Some(PlaceOrder { reference: reference?, customer_id, lines: lines? }))();
        fields.finish(command)
    }
}

impl PlaceOrderLineRequest {
    fn parse(self, at: usize, fields: &mut Fields) -> Option<PlaceOrderLine> {
        let quantity = fields.take(format!("/lines/{at}/quantity"), Quantity::parse(&self.quantity));
        let unit_price = self.unit_price.as_deref().map(UnitPrice::parse).transpose();
        let unit_price = fields.take(format!("/lines/{at}/unit_price"), unit_price);
        let product_id = ProductId::from_uuid(self.product_id);
        Some(PlaceOrderLine { product_id, quantity: quantity?, unit_price: unit_price? })
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ShipOrderRequest {
    #[schema(example = "1Z999AA10123456784", min_length = 1, max_length = 100)]
    tracking_number: String,
}

impl ShipOrderRequest {
    pub(super) fn parse(&self) -> Result<TrackingNumber, Vec<FieldError>> {
        one("/tracking_number", TrackingNumber::parse(&self.tracking_number))
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CancelOrderRequest {
    #[schema(example = "the customer changed their mind", min_length = 1, max_length = 500)]
    reason: String,
}

impl CancelOrderRequest {
    pub(super) fn parse(&self) -> Result<CancellationReason, Vec<FieldError>> {
        one("/reason", CancellationReason::parse(&self.reason))
    }
}

fn one<T>(pointer: &str, value: Result<T, Invalid>) -> Result<T, Vec<FieldError>> {
    let mut fields = Fields::default();
    let value = fields.take(pointer, value);
    fields.finish(value)
}

/// An order with everything that was sold.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OrderResponse {
    #[serde(flatten)]
    summary: OrderSummary,
    lines: Vec<OrderLineResponse>,
    /// VAT, once per rate (EN 16931).
    vat: Vec<VatSubtotalResponse>,
}

#[derive(Debug, Serialize, ToSchema)]
struct OrderLineResponse {
    /// Counts from 1.
    position: usize,
    product_id: Uuid,
    sku: String,
    name: String,
    #[schema(example = "2.5")]
    quantity: String,
    #[schema(example = "10.00")]
    unit_price: String,
    #[schema(example = "20")]
    vat_rate: String,
    #[schema(example = "25.00")]
    net_amount: String,
}

#[derive(Debug, Serialize, ToSchema)]
struct VatSubtotalResponse {
    #[schema(example = "20")]
    rate: String,
    #[schema(example = "25.00")]
    base: String,
    #[schema(example = "5.00")]
    amount: String,
}

impl From<OrderView> for OrderResponse {
    fn from(view: OrderView) -> Self {
        let line = |(position, line): (usize, OrderLine)| OrderLineResponse {
            position,
            product_id: line.product_id.uuid(),
            sku: line.sku,
            name: line.name,
            quantity: line.quantity.to_string(),
            unit_price: line.unit_price.to_string(),
            vat_rate: line.vat_rate.to_string(),
            net_amount: line.net_amount.to_string(),
        };
        let subtotal = |vat: VatSubtotal| VatSubtotalResponse {
            rate: vat.rate.to_string(),
            base: vat.base.to_string(),
            amount: vat.amount.to_string(),
        };
        Self {
            summary: view.summary,
            lines: (1..).zip(view.lines).map(line).collect(),
            vat: view.vat.into_iter().map(subtotal).collect(),
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct OrderQuery {
    /// `pending`, `confirmed`, `shipped`, `delivered` or `cancelled`.
    status: Option<String>,
    #[param(value_type = Option<Uuid>)]
    customer_id: Option<String>,
    /// Only the order with this reference.
    reference: Option<String>,
    /// Placed then or later; RFC 3339.
    #[param(value_type = Option<DateTime<Utc>>)]
    placed_from: Option<String>,
    /// Placed earlier; RFC 3339.
    #[param(value_type = Option<DateTime<Utc>>)]
    placed_before: Option<String>,
    /// `placed_at`; `-placed_at`, the latest first, where nothing is said.
    #[param(example = "-placed_at")]
    sort: Option<String>,
    /// Rows of a page.
    #[param(value_type = Option<u8>, minimum = 1, maximum = 200, default = 50)]
    limit: Option<String>,
    /// The `next_cursor` of the page before.
    #[param(min_length = 1)]
    cursor: Option<String>,
}

impl OrderQuery {
    pub(super) fn parse(self) -> Result<(OrderFilter, PageRequest<OrderSort>), Vec<FieldError>> {
        let mut fields = Fields::default();
        let status = fields.take("/query/status", self.status.as_deref().map(parse_status).transpose());
        let customer_id =
            fields.take("/query/customer_id", self.customer_id.as_deref().map(parse_id).transpose());
        let reference = fields.take("/query/reference", extract::text(self.reference));
        let placed_from = fields.take("/query/placed_from", extract::time(self.placed_from.as_deref()));
        let placed_before = fields.take("/query/placed_before", extract::time(self.placed_before.as_deref()));
        let limit = fields.take("/query/limit", parse_limit(self.limit.as_deref()));
        let filter = (|| {
            let filter = OrderFilter {
                status: status?,
                customer_id: customer_id?,
                reference: reference?,
                placed_from: placed_from?,
                placed_before: placed_before?,
            };
            Some((filter, limit?))
        })();
        let (filter, limit) = fields.finish(filter)?;
        Ok((filter, PageRequest::parse(limit, self.sort.as_deref(), self.cursor.as_deref())?))
    }
}

fn parse_status(name: &str) -> Result<OrderStatus, Invalid> {
    OrderStatus::from_name(name).ok_or_else(|| {
        let names: Vec<_> = OrderStatus::ALL.iter().map(|status| status.as_str()).collect();
        Invalid::new("unknown_status", format!("status must be one of {}", names.join(", ")))
    })
}

fn parse_id(text: &str) -> Result<CustomerId, Invalid> {
    text.parse().map_err(|_| Invalid::new("not_a_uuid", "expected a customer's id, a UUID"))
}
