//! `/api/v1/products`

mod dto;
mod handlers;

use comptoir_core::application::Permission::{ProductsRead, ProductsWrite};

use crate::access::Access::Needs;
use crate::endpoints::Endpoints;

pub(crate) use dto::{ProductFilters, ProductRequest};
pub(crate) use handlers::export;

pub(super) fn endpoints() -> Endpoints {
    Endpoints::default()
        .with(Needs(ProductsRead), handlers::__path_list, handlers::list)
        .with(Needs(ProductsRead), handlers::__path_export, handlers::export)
        .with(Needs(ProductsWrite), handlers::__path_create, handlers::create)
        .problems(&["product_sku_taken", "product_external_id_taken", "product_barcode_taken"])
        .with(Needs(ProductsRead), handlers::__path_get, handlers::get)
        .problems(&["product_not_found"])
        .with(Needs(ProductsWrite), handlers::__path_replace, handlers::replace)
        .problems(&[
            "product_not_found",
            "product_sku_taken",
            "product_external_id_taken",
            "product_barcode_taken",
            "product_archived",
            "product_in_stock",
        ])
        .with(Needs(ProductsWrite), handlers::__path_update, handlers::update)
        .problems(&[
            "product_not_found",
            "product_sku_taken",
            "product_external_id_taken",
            "product_barcode_taken",
            "product_archived",
            "product_in_stock",
        ])
        .with(Needs(ProductsWrite), handlers::__path_remove, handlers::remove)
        .problems(&["product_not_found", "product_archived"])
        .with(Needs(ProductsWrite), handlers::__path_archive, handlers::archive)
        .problems(&["product_not_found", "product_archived"])
}
