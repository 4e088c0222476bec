//! `/api/v1/orders`

mod dto;
mod handlers;

use comptoir_core::application::Permission::{OrdersApprove, OrdersRead, OrdersShip, OrdersWrite};

use crate::access::Access::Needs;
use crate::endpoints::Endpoints;

pub(crate) use dto::{OrderFilters, PlaceOrderRequest, UpdateOrderRequest};

pub(super) fn endpoints() -> Endpoints {
    Endpoints::default()
        .with(Needs(OrdersRead), handlers::__path_list, handlers::list)
        .with(Needs(OrdersRead), handlers::__path_export, handlers::export)
        .with(Needs(OrdersWrite), handlers::__path_place, handlers::place)
        .problems(&[
            "invalid_order",
            "order_reference_taken",
            "order_external_id_taken",
            "insufficient_stock",
            "stock_too_large",
            "no_default_warehouse",
            "credit_limit_exceeded",
        ])
        .with(Needs(OrdersRead), handlers::__path_get, handlers::get)
        .problems(&["order_not_found"])
        .with(Needs(OrdersWrite), handlers::__path_update, handlers::update)
        .problems(&[
            "order_not_found",
            "order_state_conflict",
            "order_partly_shipped",
            "invalid_order",
            "invalid_lines",
            "order_reference_taken",
            "insufficient_stock",
            "stock_too_large",
            "no_default_warehouse",
            "credit_limit_exceeded",
            "precondition_required",
        ])
        .with(Needs(OrdersApprove), handlers::__path_approve, handlers::approve)
        .problems(&["order_not_found", "order_not_held"])
        .with(Needs(OrdersWrite), handlers::__path_confirm, handlers::confirm)
        .problems(&["order_not_found", "order_state_conflict", "order_held"])
        .with(Needs(OrdersWrite), handlers::__path_cancel, handlers::cancel)
        .problems(&["order_not_found", "order_state_conflict", "order_partly_shipped"])
        .with(Needs(OrdersWrite), handlers::__path_cancel_rest, handlers::cancel_rest)
        .problems(&["order_not_found", "order_state_conflict"])
        .with(Needs(OrdersShip), handlers::__path_ship, handlers::ship)
        .problems(&[
            "order_not_found",
            "order_state_conflict",
            "order_held",
            "order_waits_for_goods",
            "too_many_shipments",
            "stock_not_reserved",
            "stock_frozen",
            "invalid_order",
        ])
        .with(Needs(OrdersShip), handlers::__path_deliver, handlers::deliver)
        .problems(&["order_not_found", "order_state_conflict"])
}
