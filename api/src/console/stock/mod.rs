//! Stock: what lies where, what moved it, the documents that move it, and what it is worth.

mod document;
mod documents;
mod levels;
mod movements;
mod one;
mod post;
mod rule;
mod value;

use comptoir_core::application::Permission::{StockAdjust, StockCosts, StockRead, StockWrite};

use super::pages::Pages;
use crate::access::Access::Needs;

pub(super) fn pages() -> Pages {
    Pages::default()
        .get(Needs(StockRead), "/console/stock", levels::show)
        .get(Needs(StockRead), "/console/stock.csv", levels::export)
        // Before the others: their paths could be taken for ids.
        .get(Needs(StockCosts), "/console/stock/value", value::show)
        .get(Needs(StockCosts), "/console/stock/value.csv", value::export)
        .get(Needs(StockRead), "/console/stock/documents/{id}", document::show)
        .get(Needs(StockWrite), "/console/stock/transfers/new", post::show_transfer)
        .post(Needs(StockWrite), "/console/stock/transfers/new", post::transfer)
        .get(Needs(StockWrite), "/console/stock/relocations/new", post::show_relocation)
        .post(Needs(StockWrite), "/console/stock/relocations/new", post::relocate)
        .get(Needs(StockAdjust), "/console/stock/adjustments/new", post::show_adjustment)
        .post(Needs(StockAdjust), "/console/stock/adjustments/new", post::adjust)
        .get(Needs(StockAdjust), "/console/stock/write-offs/new", post::show_write_off)
        .post(Needs(StockAdjust), "/console/stock/write-offs/new", post::write_off)
        .get(Needs(StockRead), "/console/stock/{id}", one::show)
        .get(Needs(StockWrite), "/console/stock/{id}/rule", rule::show)
        .post(Needs(StockWrite), "/console/stock/{id}/rule", rule::set)
        .get(Needs(StockRead), "/console/receipts", documents::show)
        .get(Needs(StockRead), "/console/receipts.csv", documents::export)
        .get(Needs(StockWrite), "/console/receipts/new", post::show_receipt)
        .post(Needs(StockWrite), "/console/receipts/new", post::receive)
        .get(Needs(StockRead), "/console/movements", movements::show)
        .get(Needs(StockRead), "/console/movements.csv", movements::export)
}
