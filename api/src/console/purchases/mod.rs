//! Purchase orders: the list, one of them, a new one, what comes of it, and what is not expected any more.

mod cancel;
mod list;
mod one;
mod order;
mod receive;
mod state;

use actix_web::HttpResponse;
use comptoir_core::application::Permission::{PurchasesRead, PurchasesWrite, StockWrite};
use comptoir_core::application::idempotency::{Answer, StoredResponse};

use super::layout::go;
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
    let location = Some(format!("/console/purchases/{id}?done={done}"));
    StoredResponse { status: 303, location, etag: None, body: String::new() }
}

/// Sends the browser where the answer says.
fn follow(answer: Answer) -> HttpResponse {
    go(answer.response.location.unwrap_or_else(|| "/console/purchases".to_owned()))
}
