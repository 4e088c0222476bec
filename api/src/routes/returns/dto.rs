//! Returns as JSON.

use comptoir_core::commerce::orders::{LinePart, ReturnedPart};
use comptoir_core::commerce::returns::{
    ReceiveReturn, ReceiveReturnLine, ReturnFilter, ReturnReason, ReturnReference, ReturnSummary,
};
use comptoir_core::commerce::stock::StockReason;
use comptoir_core::values::business_date::BusinessDate;
use comptoir_core::values::goods::Units;
use comptoir_core::values::ids::{LocationId, OrderId};
use comptoir_core::values::money::Quantity;
use deserr::Deserr;
use utoipa::{IntoParams, ToSchema};

use crate::export::Exported;
use crate::extract::{Faults, read_from_text};

read_from_text!(ReturnReason, ReturnReference);

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct ReceiveReturnRequest {
    /// The return's number in your books; unique where given.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "RET-2026-3", min_length = 1, max_length = 100)]
    reference: Option<ReturnReference>,
    #[schema(value_type = String, example = "wrong size", min_length = 1, max_length = 500)]
    reason: ReturnReason,
    /// When it came; today (UTC) if it is left out. Not before anything of the order left, at most ten years back, and a day ahead.
    #[deserr(default)]
    #[schema(value_type = Option<NaiveDate>, example = "2026-12-05")]
    received_on: Option<BusinessDate>,
    #[schema(min_items = 1, max_items = 5000)]
    lines: Vec<ReturnLineRequest>,
}

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct ReturnLineRequest {
    /// Of the order's line; counts from 1. One line comes back in several conditions: name it once for each.
    #[schema(minimum = 1, maximum = 5000)]
    position: i16,
    /// At most what has left and not come back.
    #[schema(value_type = String, example = "1", pattern = r"^\d{1,9}(\.\d{1,6})?$")]
    quantity: Quantity,
    /// Whether it can be sold again; otherwise it is written off.
    restock: bool,
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "the box is torn", min_length = 1, max_length = 500)]
    reason: Option<StockReason>,
    /// The location in which it is put, of the order's warehouse and in use. None if it is left out, and for what is written off.
    #[deserr(default)]
    #[schema(value_type = Option<Uuid>)]
    location_id: Option<LocationId>,
}

impl ReceiveReturnRequest {
    pub(crate) fn into_command(self, order_id: OrderId, expected_version: Option<i64>) -> ReceiveReturn {
        let line = |line: ReturnLineRequest| {
            let ReturnLineRequest { position, quantity, restock, reason, location_id } = line;
            let part = LinePart { position, units: Units::from(&quantity) };
            ReceiveReturnLine { returned: ReturnedPart { part, restocked: restock, reason }, location_id }
        };
        ReceiveReturn {
            order_id,
            expected_version,
            reference: self.reference,
            reason: self.reason,
            received_on: self.received_on,
            lines: self.lines.into_iter().map(line).collect(),
        }
    }
}

#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReturnFilters {
    /// Only returns of this order.
    #[deserr(default)]
    #[param(value_type = Option<Uuid>)]
    order_id: Option<OrderId>,
}

impl From<ReturnFilters> for ReturnFilter {
    fn from(ReturnFilters { order_id }: ReturnFilters) -> Self {
        Self { order_id }
    }
}

impl Exported for ReturnSummary {
    const COLUMNS: &'static [&'static str] =
        &["id", "order_id", "reference", "reason", "received_on", "created_by", "created_at"];
}
