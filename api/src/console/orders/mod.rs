//! Orders: the list, one of them, what can be done with it, and a new one.

mod actions;
mod list;
mod one;
mod place;
mod state;

use comptoir_core::application::Permission::{OrdersApprove, OrdersRead, OrdersWrite};

use super::pages::Pages;
use crate::access::Access::Needs;

pub(super) fn pages() -> Pages {
    Pages::default()
        .get(Needs(OrdersRead), "/console/orders", list::show)
        .get(Needs(OrdersRead), "/console/orders.csv", list::export)
        // Before the others: its path could be taken for an id.
        .get(Needs(OrdersWrite), "/console/orders/new", place::show)
        .post(Needs(OrdersWrite), "/console/orders/new", place::place)
        .get(Needs(OrdersRead), "/console/orders/{id}", one::show)
        .post(Needs(OrdersWrite), "/console/orders/{id}/confirm", actions::confirm)
        .post(Needs(OrdersApprove), "/console/orders/{id}/approve", actions::approve)
        .get(Needs(OrdersWrite), "/console/orders/{id}/cancel", actions::show_cancel)
        .post(Needs(OrdersWrite), "/console/orders/{id}/cancel", actions::cancel)
        .get(Needs(OrdersWrite), "/console/orders/{id}/cancel-rest", actions::show_cancel_rest)
        .post(Needs(OrdersWrite), "/console/orders/{id}/cancel-rest", actions::cancel_rest)
}
