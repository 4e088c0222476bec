//! `/api/v1/stock-documents`, and the documents that are posted: `/api/v1/stock-receipts`, `/api/v1/stock-adjustments`,
//! `/api/v1/stock-write-offs`, `/api/v1/stock-transfers`, `/api/v1/stock-relocations`

mod dto;
mod handlers;

use comptoir_core::application::Permission::{StockAdjust, StockRead, StockWrite};

use crate::access::Access::Needs;
use crate::endpoints::Endpoints;

pub(crate) use dto::{
    AdjustStockRequest, ReceiveGoodsRequest, RelocateStockRequest, StockDocumentFilters,
    TransferStockRequest, WriteOffStockRequest,
};

pub(super) fn endpoints() -> Endpoints {
    Endpoints::default()
        .with(Needs(StockWrite), handlers::__path_receive, handlers::receive)
        .problems(&[
            "invalid_stock_document",
            "stock_document_reference_taken",
            "no_default_warehouse",
            "purchase_order_state_conflict",
            "stock_frozen",
            "stock_too_large",
            "too_many_places",
        ])
        .with(Needs(StockAdjust), handlers::__path_adjust, handlers::adjust)
        .problems(&[
            "invalid_stock_document",
            "stock_document_reference_taken",
            "no_default_warehouse",
            "stock_frozen",
            "insufficient_stock",
            "cost_beyond_value",
            "too_many_reservations",
            "stock_too_large",
            "too_many_places",
        ])
        .with(Needs(StockAdjust), handlers::__path_write_off, handlers::write_off)
        .problems(&[
            "invalid_stock_document",
            "stock_document_reference_taken",
            "no_default_warehouse",
            "stock_frozen",
            "insufficient_stock",
            "too_many_reservations",
        ])
        .with(Needs(StockWrite), handlers::__path_transfer, handlers::transfer)
        .problems(&[
            "invalid_stock_document",
            "stock_document_reference_taken",
            "no_default_warehouse",
            "stock_frozen",
            "insufficient_stock",
            "stock_reserved",
            "stock_too_large",
            "too_many_places",
        ])
        .with(Needs(StockWrite), handlers::__path_relocate, handlers::relocate)
        .problems(&[
            "invalid_stock_document",
            "stock_document_reference_taken",
            "no_default_warehouse",
            "stock_frozen",
            "insufficient_stock",
            "too_many_places",
        ])
        .with(Needs(StockRead), handlers::__path_list, handlers::list)
        .with(Needs(StockRead), handlers::__path_export, handlers::export)
        .with(Needs(StockRead), handlers::__path_get, handlers::get)
        .problems(&["stock_document_not_found"])
}
