//! The filters of the reports, and their columns as CSV.

use comptoir_core::platform::paging::Period;
use comptoir_core::projections::{
    ActivityFilter, ActivityView, DayFilter, DayView, MonthFilter, MonthView, ProductFilter, ProductSales,
    ReceivableFilter, ReceivableView, TimelineFilter, TimelineView,
};
use comptoir_core::values::ids::{CustomerId, OrderId, ProductId};
use deserr::Deserr;
use utoipa::IntoParams;

use crate::export::Exported;
use crate::extract::{AnyId, Faults, Time};

fn period(from: Option<Time>, before: Option<Time>) -> Period {
    Period { from: from.map(|Time(time)| time), before: before.map(|Time(time)| time) }
}

#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct TimelineFilters {
    /// Only what happened to this order.
    #[deserr(default)]
    #[param(value_type = Option<Uuid>)]
    order_id: Option<AnyId>,
    /// Only what happened to orders of this customer.
    #[deserr(default)]
    #[param(value_type = Option<Uuid>)]
    customer_id: Option<AnyId>,
    /// Only what happened at this time or later; RFC 3339.
    #[deserr(default)]
    #[param(value_type = Option<DateTime<Utc>>)]
    occurred_from: Option<Time>,
    /// Only what happened before this time; RFC 3339.
    #[deserr(default)]
    #[param(value_type = Option<DateTime<Utc>>)]
    occurred_before: Option<Time>,
}

impl From<TimelineFilters> for TimelineFilter {
    fn from(filters: TimelineFilters) -> Self {
        Self {
            order_id: filters.order_id.map(|AnyId(id)| OrderId::from_uuid(id)),
            customer_id: filters.customer_id.map(|AnyId(id)| CustomerId::from_uuid(id)),
            occurred: period(filters.occurred_from, filters.occurred_before),
        }
    }
}

#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DayFilters {
    /// Only days that begin at this time or later; RFC 3339. A day begins at midnight, UTC.
    #[deserr(default)]
    #[param(value_type = Option<DateTime<Utc>>)]
    day_from: Option<Time>,
    /// Only days that begin before this time; RFC 3339.
    #[deserr(default)]
    #[param(value_type = Option<DateTime<Utc>>)]
    day_before: Option<Time>,
}

impl From<DayFilters> for DayFilter {
    fn from(filters: DayFilters) -> Self {
        Self { period: period(filters.day_from, filters.day_before) }
    }
}

#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ProductFilters {
    /// Only this product.
    #[deserr(default)]
    #[param(value_type = Option<Uuid>)]
    product_id: Option<AnyId>,
}

impl From<ProductFilters> for ProductFilter {
    fn from(filters: ProductFilters) -> Self {
        Self { product_id: filters.product_id.map(|AnyId(id)| ProductId::from_uuid(id)) }
    }
}

#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ActivityFilters {
    /// Only this customer.
    #[deserr(default)]
    #[param(value_type = Option<Uuid>)]
    customer_id: Option<AnyId>,
}

impl From<ActivityFilters> for ActivityFilter {
    fn from(filters: ActivityFilters) -> Self {
        Self { customer_id: filters.customer_id.map(|AnyId(id)| CustomerId::from_uuid(id)) }
    }
}

#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct MonthFilters {
    /// Only this customer.
    #[deserr(default)]
    #[param(value_type = Option<Uuid>)]
    customer_id: Option<AnyId>,
    /// Only months that begin at this time or later; RFC 3339. A month begins at midnight, UTC.
    #[deserr(default)]
    #[param(value_type = Option<DateTime<Utc>>)]
    month_from: Option<Time>,
    /// Only months that begin before this time; RFC 3339.
    #[deserr(default)]
    #[param(value_type = Option<DateTime<Utc>>)]
    month_before: Option<Time>,
}

impl From<MonthFilters> for MonthFilter {
    fn from(filters: MonthFilters) -> Self {
        Self {
            customer_id: filters.customer_id.map(|AnyId(id)| CustomerId::from_uuid(id)),
            period: period(filters.month_from, filters.month_before),
        }
    }
}

#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReceivableFilters {
    /// Only this customer.
    #[deserr(default)]
    #[param(value_type = Option<Uuid>)]
    customer_id: Option<AnyId>,
}

impl From<ReceivableFilters> for ReceivableFilter {
    fn from(filters: ReceivableFilters) -> Self {
        Self { customer_id: filters.customer_id.map(|AnyId(id)| CustomerId::from_uuid(id)) }
    }
}

impl Exported for TimelineView {
    const COLUMNS: &'static [&'static str] = &[
        "order_id",
        "version",
        "event",
        "occurred_at",
        "reference",
        "customer_id",
        "tracking_number",
        "reason",
        "request_id",
    ];
}

impl Exported for DayView {
    const COLUMNS: &'static [&'static str] = &[
        "day",
        "currency",
        "orders",
        "net_total",
        "vat_total",
        "gross_total",
        "cancelled_orders",
        "cancelled_gross_total",
    ];
}

impl Exported for ProductSales {
    const COLUMNS: &'static [&'static str] = &[
        "product_id",
        "sku",
        "name",
        "archived",
        "currency",
        "orders",
        "quantity",
        "net_total",
        "last_ordered_at",
    ];
}

impl Exported for ActivityView {
    const COLUMNS: &'static [&'static str] = &[
        "customer_id",
        "code",
        "name",
        "currency",
        "orders",
        "cancelled_orders",
        "gross_total",
        "first_order_at",
        "last_order_at",
        "last_activity_at",
    ];
}

impl Exported for MonthView {
    const COLUMNS: &'static [&'static str] =
        &["month", "customer_id", "currency", "documents", "net_total", "vat_total"];
    const SIGNED: &'static [&'static str] = &["net_total", "vat_total"];
}

impl Exported for ReceivableView {
    const COLUMNS: &'static [&'static str] =
        &["customer_id", "currency", "invoiced", "credited", "paid", "open"];
    const SIGNED: &'static [&'static str] = &["paid", "open"];
}
