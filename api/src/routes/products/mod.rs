//! `/api/v1/products`

mod dto;
mod handlers;

use comptoir_core::application::Permission::{ProductsRead, ProductsWrite};

use crate::access::Access::Needs;
use crate::endpoints::Endpoints;

pub(super) fn endpoints() -> Endpoints {
    Endpoints::default()
        .with(Needs(ProductsRead), handlers::__path_list, handlers::list)
        .with(Needs(ProductsWrite), handlers::__path_create, handlers::create)
        .with(Needs(ProductsRead), handlers::__path_get, handlers::get)
        .with(Needs(ProductsWrite), handlers::__path_update, handlers::update)
        .with(Needs(ProductsWrite), handlers::__path_remove, handlers::remove)
        .with(Needs(ProductsWrite), handlers::__path_archive, handlers::archive)
}
