//! Stock and its ledger as JSON, and the parameters of their queries.

use comptoir_core::application::listing::Selection;
use comptoir_core::commerce::stock::{
    LocationMovementFilter, LocationMovementView, MovementFilter, MovementKind, MovementView, ReorderRule,
    StockFilter, StockView,
};
use comptoir_core::platform::paging::Period;
use comptoir_core::values::goods::Units;
use comptoir_core::values::ids::{CategoryId, LocationId, ProductId, WarehouseId};
use comptoir_core::values::money::Quantity;
use deserr::Deserr;
use utoipa::{IntoParams, ToSchema};

use crate::export::Exported;
use crate::extract::{AnyId, Faults, Flag, SearchFilters, Time, Words, one_of, read_from_text};

read_from_text!(MovementKind => |text| one_of(text, &MovementKind::ALL, MovementKind::as_str));

/// When to order more of a product for a warehouse, and how much.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct ReorderRuleRequest {
    /// Once no more than this is available, the stock is low. Zero or more; at most nine digits before and six after the point.
    #[schema(value_type = String, example = "30", pattern = r"^\d{1,9}(\.\d{1,6})?$")]
    point: Units,
    /// How much should be ordered then; more than zero.
    #[schema(value_type = String, example = "100", pattern = r"^\d{1,9}(\.\d{1,6})?$")]
    quantity: Quantity,
}

impl From<ReorderRuleRequest> for ReorderRule {
    fn from(ReorderRuleRequest { point, quantity }: ReorderRuleRequest) -> Self {
        Self { point, quantity: Units::from(&quantity) }
    }
}

#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct StockFilters {
    /// Only what is in this warehouse.
    #[deserr(default)]
    #[param(value_type = Option<Uuid>)]
    warehouse_id: Option<WarehouseId>,
    /// Only the stock of this product.
    #[deserr(default)]
    #[param(value_type = Option<Uuid>)]
    product_id: Option<ProductId>,
    /// With `true`: only what is at its reorder point or below it. `false` leaves nothing out.
    #[deserr(default)]
    #[param(value_type = Option<bool>)]
    low: Option<Flag>,
    /// Only that of which something lies in this location. What lies there of each: `places` of `GET /stock/{id}`.
    #[deserr(default)]
    #[param(value_type = Option<Uuid>)]
    location_id: Option<LocationId>,
    /// Only products of this category, and of those below it.
    #[deserr(default)]
    #[param(value_type = Option<Uuid>)]
    category_id: Option<CategoryId>,
}

impl SearchFilters for StockFilters {
    type Filter = StockFilter;
    const WITHOUT: &'static [&'static str] =
        &["external_id", "created_from", "created_before", "updated_from", "updated_before"];

    fn with(self, selection: Selection) -> StockFilter {
        let Self { warehouse_id, product_id, low, location_id, category_id } = self;
        let low = low.is_some_and(|Flag(low)| low);
        StockFilter { warehouse_id, product_id, low, location_id, category_id, selection }
    }
}

#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct MovementFilters {
    /// Only what was entered at this time or later; RFC 3339.
    #[deserr(default)]
    #[param(value_type = Option<DateTime<Utc>>)]
    recorded_from: Option<Time>,
    /// Only what was entered before this time; RFC 3339.
    #[deserr(default)]
    #[param(value_type = Option<DateTime<Utc>>)]
    recorded_before: Option<Time>,
    /// Only movements of this product.
    #[deserr(default)]
    #[param(value_type = Option<Uuid>)]
    product_id: Option<ProductId>,
    /// Only movements in this warehouse.
    #[deserr(default)]
    #[param(value_type = Option<Uuid>)]
    warehouse_id: Option<WarehouseId>,
    /// Only what this document moved: an order (what was reserved), a shipment, a return, a stock document or an inventory count.
    #[deserr(default)]
    #[param(value_type = Option<Uuid>)]
    document_id: Option<AnyId>,
    /// Only movements of this kind.
    #[deserr(default)]
    #[param(value_type = Option<MovementKind>)]
    kind: Option<MovementKind>,
    /// Words, all of which must be there: in the product's SKU or name, as in the list of stock.
    #[deserr(default)]
    #[param(value_type = Option<String>, min_length = 1, max_length = 100, example = "earl grey")]
    q: Option<Words>,
}

impl From<MovementFilters> for MovementFilter {
    fn from(filters: MovementFilters) -> Self {
        let MovementFilters {
            recorded_from,
            recorded_before,
            product_id,
            warehouse_id,
            document_id,
            kind,
            q,
        } = filters;
        Self {
            recorded: Period {
                from: recorded_from.map(|Time(time)| time),
                before: recorded_before.map(|Time(time)| time),
            },
            document_id: document_id.map(|AnyId(id)| id),
            product_id,
            warehouse_id,
            kind,
            words: q.map(Into::into),
        }
    }
}

#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct LocationMovementFilters {
    /// Only what was entered at this time or later; RFC 3339.
    #[deserr(default)]
    #[param(value_type = Option<DateTime<Utc>>)]
    recorded_from: Option<Time>,
    /// Only what was entered before this time; RFC 3339.
    #[deserr(default)]
    #[param(value_type = Option<DateTime<Utc>>)]
    recorded_before: Option<Time>,
    /// Only movements of this location.
    #[deserr(default)]
    #[param(value_type = Option<Uuid>)]
    location_id: Option<LocationId>,
    /// Only movements of this product.
    #[deserr(default)]
    #[param(value_type = Option<Uuid>)]
    product_id: Option<ProductId>,
    /// Only what this document moved: a shipment, a stock document, an inventory count.
    #[deserr(default)]
    #[param(value_type = Option<Uuid>)]
    document_id: Option<AnyId>,
}

impl From<LocationMovementFilters> for LocationMovementFilter {
    fn from(filters: LocationMovementFilters) -> Self {
        let LocationMovementFilters { recorded_from, recorded_before, location_id, product_id, document_id } =
            filters;
        Self {
            recorded: Period {
                from: recorded_from.map(|Time(time)| time),
                before: recorded_before.map(|Time(time)| time),
            },
            location_id,
            product_id,
            document_id: document_id.map(|AnyId(id)| id),
        }
    }
}

impl Exported for StockView {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "version",
        "warehouse_id",
        "product_id",
        "sku",
        "name",
        "on_hand",
        "located",
        "reserved",
        "available",
        "waiting",
        "reorder_point",
        "reorder_quantity",
        "low",
        "average_cost",
        "value",
        "created_at",
        "updated_at",
    ];
}

impl Exported for MovementView {
    const COLUMNS: &'static [&'static str] = &[
        "recorded_at",
        "id",
        "stock_id",
        "position",
        "warehouse_id",
        "product_id",
        "kind",
        "on_hand_change",
        "reserved_change",
        "unit_cost",
        "on_hand",
        "reserved",
        "reason",
        "document_type",
        "document_id",
        "document_line",
        "actor_type",
        "actor_id",
        "actor_name",
        "correlation_id",
        "business_date",
    ];
    const SIGNED: &'static [&'static str] = &["on_hand_change", "reserved_change"];
}

impl Exported for LocationMovementView {
    const COLUMNS: &'static [&'static str] = &[
        "recorded_at",
        "id",
        "stock_id",
        "warehouse_id",
        "product_id",
        "location_id",
        "change",
        "on_hand",
        "reason",
        "document_type",
        "document_id",
        "document_line",
        "actor_type",
        "actor_id",
        "actor_name",
        "correlation_id",
        "business_date",
    ];
    const SIGNED: &'static [&'static str] = &["change"];
}
