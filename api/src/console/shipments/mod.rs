//! Shipments: the list, one of them, its delivery note, and the picking list of an order. What leaves is typed in
//! [`super::orders`].

mod list;
mod one;
mod print;
pub(super) mod state;

use comptoir_core::application::Permission::{OrdersRead, OrdersShip, TenantRead};

use super::pages::Pages;
use crate::access::Access::Needs;

pub(super) fn pages() -> Pages {
    Pages::default()
        .get(Needs(OrdersRead), "/console/shipments", list::show)
        .get(Needs(OrdersRead), "/console/shipments.csv", list::export)
        .get(Needs(OrdersRead), "/console/shipments/{id}", one::show)
        .post(Needs(OrdersShip), "/console/shipments/{id}/deliver", one::deliver)
        .get(Needs(OrdersRead), "/console/shipments/{id}/delivery-note", print::delivery_note)
        .get(Needs(OrdersShip), "/console/orders/{id}/picking-list", print::picking_list)
        .get(Needs(TenantRead), "/console/print/logo.png", print::logo)
}
