//! `/api/v1/orders`

mod dto;
mod handlers;

use comptoir_core::application::Permission::{OrdersRead, OrdersShip, OrdersWrite};

use crate::access::Access::Needs;
use crate::endpoints::Endpoints;

pub(super) fn endpoints() -> Endpoints {
    Endpoints::default()
        .with(Needs(OrdersRead), handlers::__path_list, handlers::list)
        .with(Needs(OrdersWrite), handlers::__path_place, handlers::place)
        .with(Needs(OrdersRead), handlers::__path_get, handlers::get)
        .with(Needs(OrdersWrite), handlers::__path_confirm, handlers::confirm)
        .with(Needs(OrdersWrite), handlers::__path_cancel, handlers::cancel)
        .with(Needs(OrdersShip), handlers::__path_ship, handlers::ship)
        .with(Needs(OrdersShip), handlers::__path_deliver, handlers::deliver)
}
