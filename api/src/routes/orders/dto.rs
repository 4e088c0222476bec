//! Orders as JSON.

use comptoir_core::application::listing::Selection;
use comptoir_core::commerce::orders::{
    AmendedLine, CancellationReason, OrderAmendment, OrderFilter, OrderLine, OrderReference, OrderStatus,
    OrderSummary, OrderView, PlaceOrder, PlaceOrderLine, TrackingNumber, VatSubtotal,
};
use comptoir_core::commerce::prices::PriceSource;
use comptoir_core::values::business_date::BusinessDate;
use comptoir_core::values::external_id::ExternalId;
use comptoir_core::values::ids::{CustomerId, PriceListId, ProductId, WarehouseId};
use comptoir_core::values::invalid::FieldError;
use comptoir_core::values::money::{Money, Quantity, UnitPrice};
use deserr::Deserr;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::export::Exported;
use crate::extract::{Editable, Faults, Flag, SearchFilters, Several, Text, one_of, read_from_text};
use crate::routes::address::PostalAddressDto;

read_from_text!(CancellationReason, OrderReference, TrackingNumber);
read_from_text!(OrderStatus => |text| one_of(text, &OrderStatus::ALL, OrderStatus::as_str));

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct PlaceOrderRequest {
    #[schema(value_type = Uuid)]
    customer_id: CustomerId,
    /// What your own system calls it; unique among your orders.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "ERP-2026-88", min_length = 1, max_length = 100)]
    external_id: Option<ExternalId>,
    /// The order's number in your books; unique where given.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "WEB-2026-00017", min_length = 1, max_length = 100)]
    reference: Option<OrderReference>,
    /// Where the goods come from. If it is left out: your default warehouse if a product is kept in stock, otherwise none.
    #[deserr(default)]
    #[schema(value_type = Option<Uuid>)]
    warehouse_id: Option<WarehouseId>,
    /// Whether the order waits for goods of which there are too few; otherwise it is refused.
    #[deserr(default)]
    #[schema(required = false)]
    back_order: bool,
    /// When the customer ordered; today, in your company's time zone, if it is left out. At most ten years back, and a day ahead.
    #[deserr(default)]
    #[schema(value_type = Option<NaiveDate>)]
    ordered_on: Option<BusinessDate>,
    /// Where it goes; left out or null for the customer's own address.
    #[deserr(default)]
    delivery_address: Option<PostalAddressDto>,
    /// By when the customer was promised the goods; not before `ordered_on`. Left out or null if nothing was promised.
    #[deserr(default)]
    #[schema(value_type = Option<NaiveDate>, example = "2026-12-04")]
    promised_on: Option<BusinessDate>,
    #[schema(min_items = 1, max_items = 5000)]
    lines: Vec<PlaceOrderLineRequest>,
}

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct PlaceOrderLineRequest {
    #[schema(value_type = Uuid)]
    product_id: ProductId,
    /// More than zero; at most nine digits before and six after the point.
    #[schema(value_type = String, example = "2.5", pattern = r"^\d{1,9}(\.\d{1,6})?$")]
    quantity: Quantity,
    /// Net price of one unit. If it is left out: that of a price list on the day of the order, or else the product's own.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "12.50", pattern = r"^\d{1,9}(\.\d{1,6})?$")]
    unit_price: Option<UnitPrice>,
}

impl From<PlaceOrderRequest> for PlaceOrder {
    fn from(request: PlaceOrderRequest) -> Self {
        let PlaceOrderRequest {
            customer_id,
            external_id,
            reference,
            warehouse_id,
            back_order,
            ordered_on,
            delivery_address,
            promised_on,
            lines,
        } = request;
        Self {
            customer_id,
            external_id,
            reference,
            warehouse_id,
            back_order,
            ordered_on,
            delivery_address: delivery_address.map(Into::into),
            promised_on,
            lines: lines.into_iter().map(PlaceOrderLine::from).collect(),
        }
    }
}

impl From<PlaceOrderLineRequest> for PlaceOrderLine {
    fn from(PlaceOrderLineRequest { product_id, quantity, unit_price }: PlaceOrderLineRequest) -> Self {
        Self { product_id, quantity, unit_price }
    }
}

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct UpdateOrderRequest {
    /// The order's number in your books; unique where given.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "WEB-2026-00017", min_length = 1, max_length = 100)]
    reference: Option<OrderReference>,
    /// Where it goes; null for the customer's own address.
    #[deserr(default)]
    delivery_address: Option<PostalAddressDto>,
    /// By when the customer was promised the goods; not before `ordered_on`. Null if nothing was promised.
    #[deserr(default)]
    #[schema(value_type = Option<NaiveDate>, example = "2026-12-04")]
    promised_on: Option<BusinessDate>,
    /// All lines, in their new order: a present line that is not named goes. Needs `If-Match`.
    #[schema(min_items = 1, max_items = 5000)]
    lines: Vec<UpdateOrderLineRequest>,
}

/// A line of the order, by its position, or a new one, by its product.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct UpdateOrderLineRequest {
    /// Of a present line; counts from 1. The line keeps its product, name and VAT rate.
    #[deserr(default)]
    #[schema(minimum = 1, maximum = 5000, example = 1)]
    position: Option<i16>,
    /// Of a new line, which has the product's present name and VAT rate.
    #[deserr(default)]
    #[schema(value_type = Option<Uuid>)]
    product_id: Option<ProductId>,
    /// More than zero; at most nine digits before and six after the point. A present line keeps its own if it is left out.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "2.5", pattern = r"^\d{1,9}(\.\d{1,6})?$")]
    quantity: Option<Quantity>,
    /// Net price of one unit. If it is left out, a present line keeps its own, whatever its quantity is, and a new one has that of a price list today, or else the product's.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "12.50", pattern = r"^\d{1,9}(\.\d{1,6})?$")]
    unit_price: Option<UnitPrice>,
}

impl From<UpdateOrderLineRequest> for AmendedLine {
    fn from(line: UpdateOrderLineRequest) -> Self {
        let UpdateOrderLineRequest { position, product_id, quantity, unit_price } = line;
        Self { position, product_id, quantity, unit_price }
    }
}

/// An order as a PATCH finds it: as GET gives it, but that its lines are named by their positions. So a PATCH that has no lines keeps
/// them all.
#[derive(Debug, Serialize)]
struct EditedOrder<'a> {
    #[serde(flatten)]
    summary: &'a OrderSummary,
    vat: Vec<VatSubtotalResponse>,
    lines: Vec<KeptLine>,
}

#[derive(Debug, Serialize)]
struct KeptLine {
    /// Counts from 1.
    position: usize,
}

impl Editable for UpdateOrderRequest {
    type View = OrderView;
    type Details = OrderAmendment;
    const READ_ONLY: &'static [&'static str] = &[
        "id",
        "version",
        "external_id",
        "customer_id",
        "status",
        "currency",
        "net_total",
        "vat_total",
        "gross_total",
        "tracking_number",
        "cancellation_reason",
        "placed_at",
        "confirmed_at",
        "shipped_at",
        "delivered_at",
        "cancelled_at",
        "updated_at",
        "warehouse_id",
        "back_order",
        "ordered_on",
        "held_for_approval",
        "vat",
    ];

    fn into_details(self) -> Result<OrderAmendment, Vec<FieldError>> {
        let Self { reference, delivery_address, promised_on, lines } = self;
        let lines = lines.into_iter().map(AmendedLine::from).collect();
        let delivery_address = delivery_address.map(Into::into);
        Ok(OrderAmendment { reference, delivery_address, promised_on, lines })
    }

    fn shown(view: &OrderView) -> impl Serialize {
        EditedOrder {
            summary: &view.summary,
            vat: VatSubtotalResponse::all(view),
            lines: (1..=view.lines.len()).map(|position| KeptLine { position }).collect(),
        }
    }
}

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct ShipOrderRequest {
    /// Left out if you deliver it yourself.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "1Z999AA10123456784", min_length = 1, max_length = 100)]
    pub(super) tracking_number: Option<TrackingNumber>,
    /// When it left; today, in your company's time zone, if it is left out. Not before `ordered_on` of the order, and at most a day ahead.
    #[deserr(default)]
    #[schema(value_type = Option<NaiveDate>)]
    pub(super) shipped_on: Option<BusinessDate>,
}

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct CancelOrderRequest {
    #[schema(value_type = String, example = "the customer changed their mind", min_length = 1, max_length = 500)]
    pub(super) reason: CancellationReason,
}

/// An order with everything that was sold.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Order)]
pub(crate) struct OrderResponse {
    #[serde(flatten)]
    summary: OrderSummary,
    lines: Vec<OrderLineResponse>,
    /// VAT, once per rate (EN 16931).
    vat: Vec<VatSubtotalResponse>,
}

/// An order in a list: with what was sold, if `include=lines` asks for it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ListedOrder)]
pub(crate) struct ListedOrder {
    #[serde(flatten)]
    summary: OrderSummary,
    /// Null unless `include` asked for them.
    lines: Option<Vec<OrderLineResponse>>,
    /// VAT, once per rate (EN 16931); with the lines.
    vat: Option<Vec<VatSubtotalResponse>>,
}

impl From<OrderSummary> for ListedOrder {
    fn from(summary: OrderSummary) -> Self {
        Self { summary, lines: None, vat: None }
    }
}

impl From<OrderView> for ListedOrder {
    fn from(view: OrderView) -> Self {
        let OrderResponse { summary, lines, vat } = view.into();
        Self { summary, lines: Some(lines), vat: Some(vat) }
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrderLine)]
struct OrderLineResponse {
    /// Counts from 1.
    position: usize,
    product_id: Uuid,
    #[schema(example = "TEA-EG-250")]
    sku: String,
    #[schema(example = "Earl Grey, 250 g")]
    name: String,
    #[schema(example = "2.5")]
    quantity: String,
    /// Null for whoever may not see prices, as `net_amount`.
    #[schema(example = "10.00")]
    unit_price: Option<String>,
    #[schema(example = "20")]
    vat_rate: String,
    #[schema(example = "25.00")]
    net_amount: Option<String>,
    /// What has left.
    #[schema(example = "2.5")]
    shipped: String,
    /// What will not leave.
    #[schema(example = "0")]
    cancelled: String,
    /// What of the shipped goods has come back.
    #[schema(example = "0")]
    returned: String,
    /// Whether the product was kept in stock when the order was placed: then goods are reserved for the line.
    stocked: bool,
    /// What is reserved for it; nothing any more once the order is shipped or cancelled.
    #[schema(example = "2.5")]
    reserved: String,
    /// What it waits for.
    #[schema(example = "0")]
    waiting: String,
    /// Which price it has; null of lines that are older than this member.
    price_source: Option<PriceSource>,
    /// The price list, if the price is from one; it may have been deleted since.
    price_list_id: Option<Uuid>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = VatSubtotal)]
struct VatSubtotalResponse {
    #[schema(example = "20")]
    rate: String,
    /// Null for whoever may not see prices, as `amount`.
    #[schema(example = "25.00")]
    base: Option<String>,
    #[schema(example = "5.00")]
    amount: Option<String>,
}

impl VatSubtotalResponse {
    fn all(view: &OrderView) -> Vec<Self> {
        let shown = |amount: &Money| view.shows_prices.then(|| amount.to_string());
        let subtotal = |vat: &VatSubtotal| Self {
            rate: vat.rate.to_string(),
            base: shown(&vat.base),
            amount: shown(&vat.amount),
        };
        view.vat.iter().map(subtotal).collect()
    }
}

impl From<OrderView> for OrderResponse {
    fn from(view: OrderView) -> Self {
        let (shows_prices, vat) = (view.shows_prices, VatSubtotalResponse::all(&view));
        let line = |(position, line): (usize, OrderLine)| OrderLineResponse {
            position,
            product_id: line.product_id.uuid(),
            sku: line.sku,
            name: line.name,
            quantity: line.quantity.to_string(),
            unit_price: shows_prices.then(|| line.unit_price.to_string()),
            vat_rate: line.vat_rate.to_string(),
            net_amount: shows_prices.then(|| line.net_amount.to_string()),
            shipped: line.shipped.to_string(),
            cancelled: line.cancelled.to_string(),
            returned: line.returned.to_string(),
            stocked: line.stocked,
            reserved: line.reserved.to_string(),
            waiting: line.waiting.to_string(),
            price_source: line.price.map(|price| price.price_source),
            price_list_id: line.price.and_then(|price| price.price_list_id).map(PriceListId::uuid),
        };
        Self { summary: view.summary, lines: (1..).zip(view.lines).map(line).collect(), vat }
    }
}

#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct OrderFilters {
    /// Only orders in this state, or in one of these: repeated, or separated by commas.
    #[deserr(default)]
    #[param(value_type = Option<Vec<OrderStatus>>, min_items = 1, max_items = 5, example = json!(["pending", "confirmed"]))]
    status: Option<Several<OrderStatus, 5>>,
    /// Only orders of this customer.
    #[deserr(default)]
    #[param(value_type = Option<Uuid>)]
    customer_id: Option<CustomerId>,
    /// Only the order with this reference.
    #[deserr(default)]
    #[param(value_type = Option<String>)]
    reference: Option<Text>,
    /// With `true`: only orders that wait for approval. `false` leaves nothing out.
    #[deserr(default)]
    #[param(value_type = Option<bool>)]
    held: Option<Flag>,
}

impl SearchFilters for OrderFilters {
    type Filter = OrderFilter;
    const MADE: &'static str = "placed";
    const INCLUDES: &'static [&'static str] = &["lines"];

    fn with(self, selection: Selection) -> OrderFilter {
        let Self { status, customer_id, reference, held } = self;
        let statuses = status.map_or_else(Vec::new, |Several(statuses)| statuses);
        let held = held.is_some_and(|Flag(held)| held);
        OrderFilter { statuses, customer_id, reference: reference.map(Into::into), held, selection }
    }
}

impl Exported for OrderSummary {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "version",
        "external_id",
        "reference",
        "customer_id",
        "status",
        "currency",
        "net_total",
        "vat_total",
        "gross_total",
        "tracking_number",
        "cancellation_reason",
        "placed_at",
        "confirmed_at",
        "shipped_at",
        "delivered_at",
        "cancelled_at",
        "updated_at",
        "warehouse_id",
        "back_order",
        "ordered_on",
        "delivery_address",
        "promised_on",
        "held_for_approval",
    ];
}
