//! `/api/v1/returns`, and those of an order

mod dto;
mod handlers;

use comptoir_core::application::Permission::{OrdersRead, OrdersShip};

use crate::access::Access::Needs;
use crate::endpoints::Endpoints;

pub(crate) use dto::{ReceiveReturnRequest, ReturnFilters};

pub(super) fn endpoints() -> Endpoints {
    Endpoints::default()
        .with(Needs(OrdersShip), handlers::__path_receive, handlers::receive)
        .problems(&[
            "order_not_found",
            "return_exceeds_shipment",
            "stock_frozen",
            "stock_too_large",
            "too_many_places",
            "return_reference_taken",
            "invalid_lines",
            "invalid_return",
        ])
        .with(Needs(OrdersRead), handlers::__path_list, handlers::list)
        .with(Needs(OrdersRead), handlers::__path_export, handlers::export)
        .with(Needs(OrdersRead), handlers::__path_get, handlers::get)
        .problems(&["return_not_found"])
}
