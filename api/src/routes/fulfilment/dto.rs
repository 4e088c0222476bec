//! The parameters of what a warehouse reads, and its columns as CSV.

use comptoir_core::commerce::orders::{OpenOrder, OpenOrderWithLines};
use comptoir_core::commerce::stock::ProductValue;
use comptoir_core::values::business_date::BusinessDate;
use comptoir_core::values::ids::WarehouseId;
use comptoir_core::values::invalid::Invalid;
use deserr::Deserr;
use utoipa::IntoParams;

use crate::export::Exported;
use crate::extract::{Faults, read_from_text};

/// How many days an order may be old, if the client does not say.
const DEFAULT_DAYS: u16 = 3;
const MAX_DAYS: u16 = 3_650;

#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ToPrepareFilters {
    /// Only orders whose goods come from this warehouse.
    #[deserr(default)]
    #[param(value_type = Option<Uuid>)]
    pub(crate) warehouse_id: Option<WarehouseId>,
}

#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct LateFilters {
    /// Of orders for which no day was promised: only those that customers made more than so many days ago (`ordered_on`, by today in UTC).
    #[deserr(default)]
    #[param(value_type = Option<u16>, minimum = 0, maximum = 3650, default = 3, example = 3)]
    days: Option<Age>,
}

impl LateFilters {
    pub(crate) fn days(&self) -> u16 {
        self.days.as_ref().map_or(DEFAULT_DAYS, |Age(days)| *days)
    }
}

/// A number of days.
#[derive(Debug)]
struct Age(u16);

read_from_text!(Age => |text| {
    let days = text.parse().ok().filter(|days| *days <= MAX_DAYS);
    days.map(Age).ok_or_else(|| Invalid::new("out_of_range", format!("days must be from 0 to {MAX_DAYS}")))
});

#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ValueFilters {
    /// At the end of this day, as the business counts; today (UTC) if it is left out.
    #[deserr(default)]
    #[param(value_type = Option<NaiveDate>, example = "2026-11-30")]
    pub(super) on: Option<BusinessDate>,
    /// Only of this warehouse.
    #[deserr(default)]
    #[param(value_type = Option<Uuid>)]
    pub(super) warehouse_id: Option<WarehouseId>,
}

impl Exported for OpenOrder {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "version",
        "external_id",
        "reference",
        "customer_id",
        "status",
        "warehouse_id",
        "back_order",
        "waits",
        "ordered_on",
        "promised_on",
        "placed_at",
        "confirmed_at",
    ];
}

impl Exported for OpenOrderWithLines {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "version",
        "external_id",
        "reference",
        "customer_id",
        "status",
        "warehouse_id",
        "back_order",
        "waits",
        "ordered_on",
        "promised_on",
        "placed_at",
        "confirmed_at",
        "lines",
    ];
}

impl Exported for ProductValue {
    const COLUMNS: &'static [&'static str] =
        &["stock_id", "warehouse_id", "product_id", "sku", "name", "on_hand", "average_cost", "value"];
    const SIGNED: &'static [&'static str] = &["on_hand", "value"];
}
