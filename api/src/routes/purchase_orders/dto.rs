//! Purchase orders as JSON.

use comptoir_core::application::listing::Selection;
use comptoir_core::commerce::purchase_orders::{
    DraftPurchaseLine, PurchaseOrderDetails, PurchaseOrderFilter, PurchaseOrderReference, PurchaseOrderState,
    PurchaseOrderSummary, PurchaseOrderView,
};
use comptoir_core::values::business_date::BusinessDate;
use comptoir_core::values::ids::{ProductId, SupplierId, WarehouseId};
use comptoir_core::values::invalid::FieldError;
use comptoir_core::values::money::{Quantity, UnitPrice};
use deserr::Deserr;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::export::Exported;
use crate::extract::{Editable, Faults, SearchFilters, Several, Text, one_of, read_from_text};

read_from_text!(PurchaseOrderReference);
read_from_text!(PurchaseOrderState => |text| one_of(text, &PurchaseOrderState::ALL, PurchaseOrderState::as_str));

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct PurchaseOrderRequest {
    /// The purchase order's number in your books; unique where given.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "CF-2026-0118", min_length = 1, max_length = 100)]
    reference: Option<PurchaseOrderReference>,
    /// Who is to deliver.
    #[schema(value_type = Uuid)]
    supplier_id: SupplierId,
    /// Where the goods are to come; your default warehouse if it is left out.
    #[deserr(default)]
    #[schema(value_type = Option<Uuid>)]
    warehouse_id: Option<WarehouseId>,
    /// When it was ordered; today (UTC) if it is left out. At most ten years back, and a day ahead.
    #[deserr(default)]
    #[schema(value_type = Option<NaiveDate>)]
    ordered_on: Option<BusinessDate>,
    /// When it is expected; left out or null if nobody knows.
    #[deserr(default)]
    #[schema(value_type = Option<NaiveDate>)]
    expected_on: Option<BusinessDate>,
    #[schema(min_items = 1, max_items = 1000)]
    lines: Vec<PurchaseOrderLineRequest>,
}

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct PurchaseOrderLineRequest {
    /// A product that is kept in stock.
    #[schema(value_type = Uuid)]
    product_id: ProductId,
    /// More than zero; at most nine digits before and six after the point.
    #[schema(value_type = String, example = "24", pattern = r"^\d{1,9}(\.\d{1,6})?$")]
    quantity: Quantity,
    /// Net cost of one unit; left out or null if nothing was agreed.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "7.25", pattern = r"^\d{1,9}(\.\d{1,6})?$")]
    unit_cost: Option<UnitPrice>,
    /// When the line is expected, if not with the order.
    #[deserr(default)]
    #[schema(value_type = Option<NaiveDate>)]
    expected_on: Option<BusinessDate>,
    /// As GET gives it; passed over.
    #[deserr(default)]
    #[schema(value_type = Option<String>, read_only)]
    #[expect(dead_code, reason = "only read")]
    sku: Option<Text>,
    /// As GET gives it; passed over.
    #[deserr(default)]
    #[schema(value_type = Option<String>, read_only)]
    #[expect(dead_code, reason = "only read")]
    name: Option<Text>,
    /// As GET gives it; passed over: what has come, receipts say.
    #[deserr(default)]
    #[schema(value_type = Option<String>, read_only)]
    #[expect(dead_code, reason = "only read")]
    received: Option<Text>,
}

impl From<PurchaseOrderLineRequest> for DraftPurchaseLine {
    fn from(line: PurchaseOrderLineRequest) -> Self {
        let PurchaseOrderLineRequest { product_id, quantity, unit_cost, expected_on, .. } = line;
        Self { product_id, quantity, unit_cost, expected_on }
    }
}

impl Editable for PurchaseOrderRequest {
    type View = PurchaseOrderView;
    type Details = PurchaseOrderDetails;
    const READ_ONLY: &'static [&'static str] = &["id", "version", "state", "created_at", "updated_at"];

    fn into_details(self) -> Result<PurchaseOrderDetails, Vec<FieldError>> {
        let Self { reference, supplier_id, warehouse_id, ordered_on, expected_on, lines } = self;
        let lines = lines.into_iter().map(DraftPurchaseLine::from).collect();
        Ok(PurchaseOrderDetails { reference, supplier_id, warehouse_id, ordered_on, expected_on, lines })
    }

    fn shown(view: &PurchaseOrderView) -> impl Serialize {
        view
    }
}

#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PurchaseOrderFilters {
    /// Only purchase orders in this state, or in one of these: repeated, or separated by commas.
    #[deserr(default)]
    #[param(value_type = Option<Vec<PurchaseOrderState>>, min_items = 1, max_items = 4, example = json!(["ordered", "partly_received"]))]
    state: Option<Several<PurchaseOrderState, 4>>,
    /// Only what was ordered from this supplier.
    #[deserr(default)]
    #[param(value_type = Option<Uuid>)]
    supplier_id: Option<SupplierId>,
    /// Only what is expected before this day, as the order says it, whatever its lines say.
    #[deserr(default)]
    #[param(value_type = Option<NaiveDate>)]
    expected_before: Option<BusinessDate>,
}

impl SearchFilters for PurchaseOrderFilters {
    type Filter = PurchaseOrderFilter;
    const WITHOUT: &'static [&'static str] = &["external_id"];

    fn with(self, selection: Selection) -> PurchaseOrderFilter {
        let Self { state, supplier_id, expected_before } = self;
        let states = state.map_or_else(Vec::new, |Several(states)| states);
        PurchaseOrderFilter { states, supplier_id, expected_before, selection }
    }
}

impl Exported for PurchaseOrderSummary {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "version",
        "reference",
        "supplier_id",
        "warehouse_id",
        "state",
        "ordered_on",
        "expected_on",
        "created_at",
        "updated_at",
    ];
}
