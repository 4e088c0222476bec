//! The parameters of what a warehouse reads, and its columns as CSV.

use comptoir_core::commerce::orders::{OpenOrder, OpenOrderFilter, OpenOrderWithLines};
use comptoir_core::commerce::stock::ProductValue;
use comptoir_core::values::business_date::BusinessDate;
use comptoir_core::values::ids::{CustomerId, WarehouseId};
use comptoir_core::values::invalid::Invalid;
use deserr::Deserr;
use utoipa::IntoParams;

use crate::export::Exported;
use crate::extract::{Faults, Words, read_from_text};

/// How many days an order may be old, if the client does not say.
const DEFAULT_DAYS: u16 = 3;
const MAX_DAYS: u16 = 3_650;

#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct OpenOrderFilters {
    /// Only orders whose goods come from this warehouse.
    #[deserr(default)]
    #[param(value_type = Option<Uuid>)]
    warehouse_id: Option<WarehouseId>,
    #[deserr(default)]
    #[param(value_type = Option<Uuid>)]
    customer_id: Option<CustomerId>,
    /// Words, all of which must be there: in the order's reference, external id or tracking number. Accents and case do not matter; the
    /// beginning of a word is enough.
    #[deserr(default)]
    #[param(value_type = Option<String>, min_length = 1, max_length = 100, example = "BC-2026-17")]
    q: Option<Words>,
}

impl From<OpenOrderFilters> for OpenOrderFilter {
    fn from(filters: OpenOrderFilters) -> Self {
        let OpenOrderFilters { warehouse_id, customer_id, q } = filters;
        Self { warehouse_id, customer_id, words: q.map(Into::into) }
    }
}

#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct LateFilters {
    /// Of orders for which no day was promised: only those that customers made more than so many days ago (`ordered_on`, by today in UTC).
    #[deserr(default)]
    #[param(value_type = Option<u16>, minimum = 0, maximum = 3650, default = 3, example = 3)]
    days: Option<Age>,
    /// Only orders whose goods come from this warehouse.
    #[deserr(default)]
    #[param(value_type = Option<Uuid>)]
    warehouse_id: Option<WarehouseId>,
    #[deserr(default)]
    #[param(value_type = Option<Uuid>)]
    customer_id: Option<CustomerId>,
    /// Words, all of which must be there: in the order's reference, external id or tracking number. Accents and case do not matter; the
    /// beginning of a word is enough.
    #[deserr(default)]
    #[param(value_type = Option<String>, min_length = 1, max_length = 100, example = "BC-2026-17")]
    q: Option<Words>,
}

impl LateFilters {
    /// After how many days an order is late, and which of these orders are wanted.
    pub(crate) fn parts(self) -> (u16, OpenOrderFilter) {
        let Self { days, warehouse_id, customer_id, q } = self;
        let days = days.map_or(DEFAULT_DAYS, |Age(days)| days);
        (days, OpenOrderFilter { warehouse_id, customer_id, words: q.map(Into::into) })
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
