//! Inventory counts as JSON.

use comptoir_core::commerce::inventory_counts::{
    CountCancellation, CountEntry, CountEntryView, CountFilter, CountLineView, CountReference, CountStatus,
    CreateCount, EntryFilter, InventoryCountView, LineFilter, LineState, Uncounted,
};
use comptoir_core::values::business_date::BusinessDate;
use comptoir_core::values::goods::Units;
use comptoir_core::values::ids::{CategoryId, LocationId, ProductId, WarehouseId};
use deserr::Deserr;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::export::Exported;
use crate::extract::{Faults, Flag, one_of, read_from_text};

read_from_text!(CountCancellation, CountReference);
read_from_text!(CountStatus => |text| one_of(text, &CountStatus::ALL, CountStatus::as_str));
read_from_text!(LineState => |text| one_of(text, &LineState::ALL, LineState::as_str));
read_from_text!(Uncounted => |text| one_of(text, &Uncounted::ALL, Uncounted::as_str));

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct CreateInventoryCountRequest {
    /// The count's number in your books; unique where given.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "INV-2026-01", min_length = 1, max_length = 100)]
    reference: Option<CountReference>,
    #[schema(value_type = Uuid)]
    warehouse_id: WarehouseId,
    /// Count only what is in these categories and below them; the whole warehouse if it is left out.
    #[deserr(default)]
    #[schema(value_type = Option<Vec<Uuid>>, min_items = 1, max_items = 100)]
    category_ids: Option<Vec<CategoryId>>,
    /// Count only what lies in these locations of the warehouse, which are in use, each named once; the whole warehouse if it is left out.
    /// Not together with `category_ids`.
    #[deserr(default)]
    #[schema(value_type = Option<Vec<Uuid>>, min_items = 1, max_items = 1000)]
    location_ids: Option<Vec<LocationId>>,
    /// Whether those who count do not see what is expected. `true` if it is left out.
    #[deserr(default)]
    blind: Option<bool>,
}

impl From<CreateInventoryCountRequest> for CreateCount {
    fn from(request: CreateInventoryCountRequest) -> Self {
        let CreateInventoryCountRequest { reference, warehouse_id, category_ids, location_ids, blind } =
            request;
        Self {
            reference,
            warehouse_id,
            categories: category_ids,
            locations: location_ids,
            blind: blind.unwrap_or(true),
        }
    }
}

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct RecordCountsRequest {
    /// Each product once, in a count of locations once in each location.
    #[schema(min_items = 1, max_items = 1000)]
    pub(crate) entries: Vec<CountEntryRequest>,
}

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct CountEntryRequest {
    #[schema(value_type = Uuid)]
    product_id: ProductId,
    /// In a count of locations: one of these, in which it lies. Left out or null in the others.
    #[deserr(default)]
    #[schema(value_type = Option<Uuid>)]
    location_id: Option<LocationId>,
    /// All that lies there of it. Zero or more; at most nine digits before and six after the point.
    #[schema(value_type = String, example = "22", pattern = r"^\d{1,9}(\.\d{1,6})?$")]
    counted: Units,
}

impl From<CountEntryRequest> for CountEntry {
    fn from(CountEntryRequest { product_id, location_id, counted }: CountEntryRequest) -> Self {
        Self { product_id, location_id, counted }
    }
}

/// The lines that were counted, as they are now.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RecordedCounts)]
pub(crate) struct RecordedCountsResponse {
    pub(super) lines: Vec<CountLineView>,
}

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct ReviewInventoryCountRequest {
    /// What becomes of lines that nobody has counted: `zero` enters that nothing is there, `leave` leaves the books as they are. Without
    /// it, the count goes to review only if there are none. A line that was to be counted again keeps its last count.
    #[deserr(default)]
    #[schema(value_type = Option<Uncounted>)]
    pub(crate) uncounted: Option<Uncounted>,
}

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct RecountRequest {
    /// The products to count again.
    #[schema(value_type = Vec<Uuid>, min_items = 1, max_items = 1000)]
    pub(crate) product_ids: Vec<ProductId>,
    /// In a count of locations: only what lies there. In all of its locations if it is left out.
    #[deserr(default)]
    #[schema(value_type = Option<Uuid>)]
    pub(crate) location_id: Option<LocationId>,
}

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct CloseInventoryCountRequest {
    /// The date of what is posted; today (UTC) if it is left out. At most ten years back, and a day ahead.
    #[deserr(default)]
    #[schema(value_type = Option<NaiveDate>)]
    pub(crate) business_date: Option<BusinessDate>,
}

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct CancelInventoryCountRequest {
    #[schema(value_type = String, example = "a delivery came too early", min_length = 1, max_length = 500)]
    pub(crate) reason: CountCancellation,
}

#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct InventoryCountFilters {
    /// Only counts of this warehouse.
    #[deserr(default)]
    #[param(value_type = Option<Uuid>)]
    warehouse_id: Option<WarehouseId>,
    /// Only counts in this state.
    #[deserr(default)]
    #[param(value_type = Option<CountStatus>)]
    status: Option<CountStatus>,
}

impl From<InventoryCountFilters> for CountFilter {
    fn from(InventoryCountFilters { warehouse_id, status }: InventoryCountFilters) -> Self {
        Self { warehouse_id, status }
    }
}

#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CountLineFilters {
    /// Only lines in this state.
    #[deserr(default)]
    #[param(value_type = Option<LineState>)]
    state: Option<LineState>,
    /// With `true`: only lines that were counted otherwise than expected. `false` leaves nothing out.
    #[deserr(default)]
    #[param(value_type = Option<bool>)]
    differs: Option<Flag>,
    /// Only what lies in this location, in a count of locations.
    #[deserr(default)]
    #[param(value_type = Option<Uuid>)]
    location_id: Option<LocationId>,
}

impl From<CountLineFilters> for LineFilter {
    fn from(CountLineFilters { state, differs, location_id }: CountLineFilters) -> Self {
        Self { state, location_id, differs: differs.is_some_and(|Flag(differs)| differs) }
    }
}

#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CountEntryFilters {
    /// Only entries of this product.
    #[deserr(default)]
    #[param(value_type = Option<Uuid>)]
    product_id: Option<ProductId>,
}

impl From<CountEntryFilters> for EntryFilter {
    fn from(CountEntryFilters { product_id }: CountEntryFilters) -> Self {
        Self { product_id }
    }
}

impl Exported for InventoryCountView {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "version",
        "reference",
        "warehouse_id",
        "category_ids",
        "location_ids",
        "blind",
        "status",
        "created_by",
        "business_date",
        "differing",
        "value_gained",
        "value_lost",
        "cancellation_reason",
        "started_at",
        "closed_at",
        "cancelled_at",
        "created_at",
        "updated_at",
    ];
}

impl Exported for CountLineView {
    const COLUMNS: &'static [&'static str] = &[
        "product_id",
        "location_id",
        "location_code",
        "sku",
        "name",
        "state",
        "counted",
        "expected",
        "difference",
        "average_cost",
        "value",
        "entries",
        "counted_at",
    ];
    const SIGNED: &'static [&'static str] = &["difference", "value"];
}

impl Exported for CountEntryView {
    const COLUMNS: &'static [&'static str] = &[
        "recorded_at",
        "id",
        "product_id",
        "location_id",
        "counted",
        "expected",
        "actor_type",
        "actor_id",
        "actor_name",
        "correlation_id",
    ];
}
