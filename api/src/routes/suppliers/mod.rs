//! `/api/v1/suppliers`

mod dto;
mod handlers;

use comptoir_core::application::Permission::{SuppliersRead, SuppliersWrite};

use crate::access::Access::Needs;
use crate::endpoints::Endpoints;

pub(super) fn endpoints() -> Endpoints {
    Endpoints::default()
        .with(Needs(SuppliersRead), handlers::__path_list, handlers::list)
        .with(Needs(SuppliersWrite), handlers::__path_create, handlers::create)
        .with(Needs(SuppliersRead), handlers::__path_get, handlers::get)
        .with(Needs(SuppliersWrite), handlers::__path_update, handlers::update)
        .with(Needs(SuppliersWrite), handlers::__path_delete, handlers::delete)
}
