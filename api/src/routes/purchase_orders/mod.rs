//! `/api/v1/purchase-orders`

mod dto;
mod handlers;

use comptoir_core::application::Permission::{PurchasesRead, PurchasesWrite};

use crate::access::Access::Needs;
use crate::endpoints::Endpoints;

pub(crate) use dto::{PurchaseOrderFilters, PurchaseOrderRequest};

pub(super) fn endpoints() -> Endpoints {
    Endpoints::default()
        .with(Needs(PurchasesRead), handlers::__path_list, handlers::list)
        .with(Needs(PurchasesRead), handlers::__path_export, handlers::export)
        .with(Needs(PurchasesWrite), handlers::__path_create, handlers::create)
        .problems(&["invalid_purchase_order", "purchase_order_reference_taken", "no_default_warehouse"])
        .with(Needs(PurchasesRead), handlers::__path_get, handlers::get)
        .problems(&["purchase_order_not_found"])
        .with(Needs(PurchasesWrite), handlers::__path_replace, handlers::replace)
        .problems(&[
            "purchase_order_not_found",
            "purchase_order_state_conflict",
            "invalid_purchase_order",
            "purchase_order_reference_taken",
            "no_default_warehouse",
        ])
        .with(Needs(PurchasesWrite), handlers::__path_update, handlers::update)
        .problems(&[
            "purchase_order_not_found",
            "purchase_order_state_conflict",
            "invalid_purchase_order",
            "purchase_order_reference_taken",
            "no_default_warehouse",
        ])
        .with(Needs(PurchasesWrite), handlers::__path_cancel, handlers::cancel)
        .problems(&["purchase_order_not_found", "purchase_order_state_conflict"])
}
