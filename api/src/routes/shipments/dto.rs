//! Shipments as JSON.

use comptoir_core::commerce::orders::TrackingNumber;
use comptoir_core::commerce::shipments::{
    DeliveryNote, DispatchShipment, Parcel, ParcelView, ShipmentFilter, ShipmentLine, ShipmentStatus,
    ShipmentSummary, check_parcel_count,
};
use comptoir_core::values::business_date::BusinessDate;
use comptoir_core::values::ids::OrderId;
use comptoir_core::values::invalid::Invalid;
use comptoir_core::values::money::Quantity;
use deserr::Deserr;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::export::Exported;
use crate::extract::{Faults, one_of, read_from_text};
use crate::routes::address::PostalAddressDto;

read_from_text!(ShipmentStatus => |text| one_of(text, &ShipmentStatus::ALL, ShipmentStatus::as_str));

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct DispatchShipmentRequest {
    /// What leaves; left out for all that is there: what is reserved, and what needs no goods from stock.
    #[deserr(default)]
    #[schema(min_items = 1, max_items = 5000)]
    lines: Option<Vec<DispatchLineRequest>>,
    /// Left out if you deliver it yourself.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "1Z999AA10123456784", min_length = 1, max_length = 100)]
    tracking_number: Option<TrackingNumber>,
    /// What the carrier counts.
    #[deserr(default, try_from(Vec<ParcelRequest>) = parse_parcels -> Invalid)]
    #[schema(value_type = Vec<ParcelRequest>, max_items = 100, required = false)]
    parcels: Vec<Parcel>,
    /// When it left; today, in your company's time zone, if it is left out. Not before `ordered_on` of the order, and at most a day ahead.
    #[deserr(default)]
    #[schema(value_type = Option<NaiveDate>, example = "2026-11-30")]
    shipped_on: Option<BusinessDate>,
}

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct DispatchLineRequest {
    /// Of the order's line; counts from 1.
    #[schema(minimum = 1, maximum = 5000)]
    position: i16,
    /// At most what is outstanding, and there.
    #[schema(value_type = String, example = "2", pattern = r"^\d{1,9}(\.\d{1,6})?$")]
    quantity: Quantity,
}

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
#[schema(as = Parcel)]
pub(crate) struct ParcelRequest {
    /// Left out if it has none of its own.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "1Z999AA10123456784", min_length = 1, max_length = 100)]
    tracking_number: Option<TrackingNumber>,
    /// In kilograms; more than zero, at most nine digits before and six after the point.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "2.5", pattern = r"^\d{1,9}(\.\d{1,6})?$")]
    weight_kg: Option<Quantity>,
}

fn parse_parcels(parcels: Vec<ParcelRequest>) -> Result<Vec<Parcel>, Invalid> {
    check_parcel_count(parcels.len())?;
    let parcel =
        |ParcelRequest { tracking_number, weight_kg }: ParcelRequest| Parcel { tracking_number, weight_kg };
    Ok(parcels.into_iter().map(parcel).collect())
}

impl DispatchShipmentRequest {
    pub(crate) fn into_command(self, order_id: OrderId, expected_version: Option<i64>) -> DispatchShipment {
        let line = |line: DispatchLineRequest| (line.position, line.quantity);
        DispatchShipment {
            order_id,
            expected_version,
            lines: self.lines.map(|lines| lines.into_iter().map(line).collect()),
            tracking_number: self.tracking_number,
            parcels: self.parcels,
            shipped_on: self.shipped_on,
        }
    }
}

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct DeliverShipmentRequest {
    /// When it arrived; today (UTC) if it is left out. At most ten years back, and a day ahead; not before it left.
    #[deserr(default)]
    #[schema(value_type = Option<NaiveDate>, example = "2026-12-02")]
    pub(crate) delivered_on: Option<BusinessDate>,
}

/// What goes with the goods. Nothing in it says what they cost.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeliveryNote)]
pub(crate) struct DeliveryNoteResponse {
    shipment_id: Uuid,
    order_id: Uuid,
    order_reference: Option<String>,
    order_external_id: Option<String>,
    /// When the customer ordered, as the business counts.
    #[schema(value_type = Option<NaiveDate>)]
    ordered_on: Option<BusinessDate>,
    /// Of the shipment, within the order.
    number: i16,
    customer_id: Uuid,
    #[schema(example = "Librairie des Carmes")]
    customer_name: String,
    /// Where the order goes, or else the customer's first shipping address, or the first billing address; null if there is none.
    address: Option<PostalAddressDto>,
    tracking_number: Option<String>,
    /// When it left, as the business counts.
    #[schema(value_type = NaiveDate)]
    shipped_on: BusinessDate,
    parcels: Vec<ParcelView>,
    lines: Vec<ShipmentLine>,
}

impl From<DeliveryNote> for DeliveryNoteResponse {
    fn from(note: DeliveryNote) -> Self {
        let summary = note.shipment.summary;
        Self {
            shipment_id: summary.id.uuid(),
            order_id: summary.order_id.uuid(),
            order_reference: note.order_reference,
            order_external_id: note.order_external_id,
            ordered_on: note.ordered_on,
            number: summary.number,
            customer_id: note.customer_id.uuid(),
            customer_name: note.customer_name,
            address: note.address.map(PostalAddressDto::from),
            tracking_number: summary.tracking_number,
            shipped_on: summary.shipped_on,
            parcels: note.shipment.parcels,
            lines: note.shipment.lines,
        }
    }
}

#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ShipmentFilters {
    /// Only shipments of this order.
    #[deserr(default)]
    #[param(value_type = Option<Uuid>)]
    order_id: Option<OrderId>,
    /// Only shipments in this state.
    #[deserr(default)]
    status: Option<ShipmentStatus>,
}

impl From<ShipmentFilters> for ShipmentFilter {
    fn from(ShipmentFilters { order_id, status }: ShipmentFilters) -> Self {
        Self { order_id, status }
    }
}

impl Exported for ShipmentSummary {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "version",
        "order_id",
        "number",
        "status",
        "tracking_number",
        "shipped_on",
        "delivered_on",
        "created_by",
        "dispatched_at",
        "delivered_at",
        "updated_at",
    ];
}
