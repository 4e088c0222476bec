//! What a warehouse reads: `/api/v1/orders/to-prepare`, `/api/v1/orders/back-orders`, `/api/v1/orders/late`, `/api/v1/stock/value`
//!
//! Registered before the routes of orders and of stock: the router takes the first path that fits, and would take these for ids.

mod dto;
mod handlers;

use comptoir_core::application::Permission::{OrdersRead, StockCosts};

use crate::access::Access::Needs;
use crate::endpoints::Endpoints;

pub(crate) use dto::{LateFilters, OpenOrderFilters};
pub(crate) use handlers::{export_late, export_to_prepare};

pub(super) fn endpoints() -> Endpoints {
    Endpoints::default()
        .with(Needs(OrdersRead), handlers::__path_to_prepare, handlers::to_prepare)
        .with(Needs(OrdersRead), handlers::__path_export_to_prepare, handlers::export_to_prepare)
        .with(Needs(OrdersRead), handlers::__path_back_orders, handlers::back_orders)
        .with(Needs(OrdersRead), handlers::__path_export_back_orders, handlers::export_back_orders)
        .with(Needs(OrdersRead), handlers::__path_late, handlers::late)
        .with(Needs(OrdersRead), handlers::__path_export_late, handlers::export_late)
        .with(Needs(StockCosts), handlers::__path_value, handlers::value)
        .with(Needs(StockCosts), handlers::__path_value_by_product, handlers::value_by_product)
        .with(Needs(StockCosts), handlers::__path_export_value, handlers::export_value)
}
