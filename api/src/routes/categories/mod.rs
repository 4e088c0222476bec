//! `/api/v1/categories`

mod dto;
mod handlers;

use comptoir_core::application::Permission::{ProductsRead, ProductsWrite};

use crate::access::Access::Needs;
use crate::endpoints::Endpoints;

pub(crate) use dto::{CategoryFilters, CategoryRequest};
pub(crate) use handlers::export;

pub(super) fn endpoints() -> Endpoints {
    Endpoints::default()
        .with(Needs(ProductsRead), handlers::__path_list, handlers::list)
        .with(Needs(ProductsRead), handlers::__path_export, handlers::export)
        .with(Needs(ProductsWrite), handlers::__path_create, handlers::create)
        .problems(&["category_code_taken", "category_external_id_taken"])
        .with(Needs(ProductsRead), handlers::__path_get, handlers::get)
        .problems(&["category_not_found"])
        .with(Needs(ProductsWrite), handlers::__path_replace, handlers::replace)
        .problems(&["category_not_found", "category_code_taken", "category_external_id_taken"])
        .with(Needs(ProductsWrite), handlers::__path_update, handlers::update)
        .problems(&["category_not_found", "category_code_taken", "category_external_id_taken"])
        .with(Needs(ProductsWrite), handlers::__path_delete, handlers::delete)
        .problems(&["category_not_found", "category_in_use"])
}
