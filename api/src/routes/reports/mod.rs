//! `/api/v1/reports`: what is kept from the events.

mod dto;
mod handlers;

use comptoir_core::application::Permission::ReportsRead;

use crate::access::Access::Needs;
use crate::endpoints::Endpoints;

pub(crate) use handlers::{export_customer_activity, export_sales_by_day, export_sales_by_product};

pub(super) fn endpoints() -> Endpoints {
    Endpoints::default()
        .with(Needs(ReportsRead), handlers::__path_order_timelines, handlers::order_timelines)
        .with(Needs(ReportsRead), handlers::__path_export_order_timelines, handlers::export_order_timelines)
        .with(Needs(ReportsRead), handlers::__path_sales_by_day, handlers::sales_by_day)
        .with(Needs(ReportsRead), handlers::__path_export_sales_by_day, handlers::export_sales_by_day)
        .with(Needs(ReportsRead), handlers::__path_sales_by_product, handlers::sales_by_product)
        .with(Needs(ReportsRead), handlers::__path_export_sales_by_product, handlers::export_sales_by_product)
        .with(Needs(ReportsRead), handlers::__path_sales_by_month, handlers::sales_by_month)
        .with(Needs(ReportsRead), handlers::__path_export_sales_by_month, handlers::export_sales_by_month)
        .with(Needs(ReportsRead), handlers::__path_receivables, handlers::receivables)
        .with(Needs(ReportsRead), handlers::__path_export_receivables, handlers::export_receivables)
        .with(Needs(ReportsRead), handlers::__path_customer_activity, handlers::customer_activity)
        .with(
            Needs(ReportsRead),
            handlers::__path_export_customer_activity,
            handlers::export_customer_activity,
        )
}
