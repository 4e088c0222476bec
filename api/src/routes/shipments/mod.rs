//! `/api/v1/shipments`, and those of an order

mod dto;
mod handlers;

use comptoir_core::application::Permission::{OrdersRead, OrdersShip};

use crate::access::Access::Needs;
use crate::endpoints::Endpoints;

pub(crate) use dto::{DeliverShipmentRequest, DispatchShipmentRequest, ShipmentFilters};

pub(super) fn endpoints() -> Endpoints {
    Endpoints::default()
        .with(Needs(OrdersShip), handlers::__path_dispatch, handlers::dispatch)
        .problems(&[
            "order_not_found",
            "order_state_conflict",
            "order_held",
            "order_waits_for_goods",
            "stock_frozen",
            "shipment_exceeds_order",
            "too_many_shipments",
            "invalid_order",
            "invalid_lines",
            "invalid_shipment",
        ])
        .with(Needs(OrdersShip), handlers::__path_picking_list, handlers::picking_list)
        .problems(&["order_not_found"])
        .with(Needs(OrdersRead), handlers::__path_list, handlers::list)
        .with(Needs(OrdersRead), handlers::__path_export, handlers::export)
        .with(Needs(OrdersRead), handlers::__path_get, handlers::get)
        .problems(&["shipment_not_found"])
        .with(Needs(OrdersRead), handlers::__path_delivery_note, handlers::delivery_note)
        .problems(&["shipment_not_found"])
        .with(Needs(OrdersShip), handlers::__path_deliver, handlers::deliver)
        .problems(&["shipment_not_found", "shipment_state_conflict", "invalid_shipment"])
}
