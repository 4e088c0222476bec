//! Returns: the list, one of them, and a new one from an order.

mod list;
mod one;
mod take_back;

use comptoir_core::application::Permission::{OrdersRead, OrdersShip};

use super::pages::Pages;
use crate::access::Access::Needs;

pub(super) fn pages() -> Pages {
    Pages::default()
        .get(Needs(OrdersRead), "/console/returns", list::show)
        .get(Needs(OrdersRead), "/console/returns.csv", list::export)
        .get(Needs(OrdersRead), "/console/returns/{id}", one::show)
        .get(Needs(OrdersShip), "/console/orders/{id}/return", take_back::show)
        .post(Needs(OrdersShip), "/console/orders/{id}/return", take_back::take_back)
}
