//! Orders: the list, one of them, what can be done with it, and a new one. What comes back is in [`super::returns`].

mod actions;
mod amend;
mod deposit;
mod late;
mod list;
mod one;
mod place;
pub(super) mod related;
mod ship;
pub(super) mod state;

use comptoir_core::application::Permission::{
    InvoicesWrite, OrdersApprove, OrdersRead, OrdersShip, OrdersWrite,
};

use super::pages::Pages;
use crate::access::Access::Needs;
use crate::routes::fulfilment::export_late;

pub(super) fn pages() -> Pages {
    Pages::default()
        .get(Needs(OrdersRead), "/console/orders", list::show)
        .get(Needs(OrdersRead), "/console/orders.csv", list::export)
        // Before the others: their paths could be taken for ids.
        .get(Needs(OrdersRead), late::PATH, late::show)
        .get(Needs(OrdersRead), "/console/orders/late.csv", export_late)
        .get(Needs(OrdersWrite), "/console/orders/new", place::show)
        .post(Needs(OrdersWrite), "/console/orders/new", place::place)
        .get(Needs(OrdersRead), "/console/orders/{id}", one::show)
        .get(Needs(OrdersWrite), "/console/orders/{id}/edit", amend::show)
        .post(Needs(OrdersWrite), "/console/orders/{id}/edit", amend::amend)
        .get(Needs(OrdersShip), "/console/orders/{id}/ship", ship::show)
        .post(Needs(OrdersShip), "/console/orders/{id}/ship", ship::ship)
        .get(Needs(InvoicesWrite), "/console/orders/{id}/deposit", deposit::show)
        .post(Needs(InvoicesWrite), "/console/orders/{id}/deposit", deposit::draft)
        .post(Needs(OrdersWrite), "/console/orders/{id}/confirm", actions::confirm)
        .post(Needs(OrdersApprove), "/console/orders/{id}/approve", actions::approve)
        .get(Needs(OrdersWrite), "/console/orders/{id}/cancel", actions::show_cancel)
        .post(Needs(OrdersWrite), "/console/orders/{id}/cancel", actions::cancel)
        .get(Needs(OrdersWrite), "/console/orders/{id}/cancel-rest", actions::show_cancel_rest)
        .post(Needs(OrdersWrite), "/console/orders/{id}/cancel-rest", actions::cancel_rest)
}
