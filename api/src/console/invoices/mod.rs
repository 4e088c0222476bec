//! Invoices: the list, one of them with its document, drafts, credit notes, and what is done with each.

mod actions;
mod credit;
mod documents;
mod draft;
mod gather;
mod list;
mod one;
pub(super) mod state;
mod typed;

use comptoir_core::application::Permission::{InvoicesRead, InvoicesValidate, InvoicesWrite};

use super::pages::Pages;
use crate::access::Access::Needs;
use crate::routes::invoices as api;

pub(super) fn pages() -> Pages {
    Pages::default()
        .get(Needs(InvoicesRead), "/console/invoices", list::show)
        .get(Needs(InvoicesRead), "/console/invoices.csv", api::export)
        // Before the others: their paths could be taken for ids.
        .get(Needs(InvoicesWrite), "/console/invoices/new", draft::show_new)
        .post(Needs(InvoicesWrite), "/console/invoices/new", draft::create)
        .get(Needs(InvoicesWrite), "/console/invoices/from", gather::show)
        .post(Needs(InvoicesWrite), "/console/invoices/from", gather::gather)
        .get(Needs(InvoicesRead), "/console/invoices/{id}", one::show)
        .get(Needs(InvoicesRead), "/console/invoices/{id}/pdf", documents::pdf)
        .get(Needs(InvoicesRead), "/console/invoices/{id}/xml", api::xml)
        .get(Needs(InvoicesWrite), "/console/invoices/{id}/edit", draft::show)
        .post(Needs(InvoicesWrite), "/console/invoices/{id}/edit", draft::save)
        .get(Needs(InvoicesValidate), "/console/invoices/{id}/validate", actions::show_validate)
        .post(Needs(InvoicesValidate), "/console/invoices/{id}/validate", actions::validate)
        .post(Needs(InvoicesWrite), "/console/invoices/{id}/send", actions::send)
        .post(Needs(InvoicesWrite), "/console/invoices/{id}/sent", actions::mark_sent)
        .post(Needs(InvoicesWrite), "/console/invoices/{id}/end-dispute", actions::end_dispute)
        .get(Needs(InvoicesWrite), "/console/invoices/{id}/dispute", actions::show_dispute)
        .post(Needs(InvoicesWrite), "/console/invoices/{id}/dispute", actions::dispute)
        .get(Needs(InvoicesWrite), "/console/invoices/{id}/delete", actions::show_delete)
        .post(Needs(InvoicesWrite), "/console/invoices/{id}/delete", actions::delete)
        .get(Needs(InvoicesWrite), "/console/invoices/{id}/credit", credit::show)
        .post(Needs(InvoicesWrite), "/console/invoices/{id}/credit", credit::credit)
}
