//! Purchase orders: the list, one of them, a new one, what comes of it, and what is not expected any more.

mod cancel;
mod list;
mod one;
mod order;
mod receive;
mod state;

use comptoir_core::application::Permission::{PurchasesRead, PurchasesWrite, StockWrite};
use comptoir_core::application::idempotency::StoredResponse;

use super::answers::leads_there;
use super::pages::Pages;
use crate::access::Access::Needs;

pub(super) fn pages() -> Pages {
    Pages::default()
        .get(Needs(PurchasesRead), "/console/purchases", list::show)
        .get(Needs(PurchasesRead), "/console/purchases.csv", list::export)
        // Before the others: its path could be taken for an id.
        .get(Needs(PurchasesWrite), "/console/purchases/new", order::show)
        .post(Needs(PurchasesWrite), "/console/purchases/new", order::order)
        .get(Needs(PurchasesRead), "/console/purchases/{id}", one::show)
        .get(Needs(StockWrite), "/console/purchases/{id}/receive", receive::show)
        .post(Needs(StockWrite), "/console/purchases/{id}/receive", receive::receive)
        .get(Needs(PurchasesWrite), "/console/purchases/{id}/cancel", cancel::show)
        .post(Needs(PurchasesWrite), "/console/purchases/{id}/cancel", cancel::cancel)
}

/// What is stored under a form's key: the page of the purchase order, and what was done.
fn leads_to(id: impl std::fmt::Display, done: &str) -> StoredResponse {
    leads_there(format!("/console/purchases/{id}?done={done}"))
}
