//! `/api/v1/price-lists`, their entries, and `/api/v1/prices`: which price applies

mod dto;
mod handlers;

use comptoir_core::application::Permission::{PricesRead, PricesWrite};

use crate::access::Access::Needs;
use crate::endpoints::Endpoints;

pub(crate) use dto::{
    CreatePriceListRequest, PRICE_COLUMNS, PriceListFilters, PriceListRequest, PriceRow, SetPricesRequest,
};
pub(crate) use handlers::{export, export_entries};

pub(super) fn endpoints() -> Endpoints {
    Endpoints::default()
        .with(Needs(PricesRead), handlers::__path_quote, handlers::quote)
        .problems(&["product_not_found", "customer_not_found"])
        .with(Needs(PricesRead), handlers::__path_list, handlers::list)
        .with(Needs(PricesRead), handlers::__path_export, handlers::export)
        .with(Needs(PricesWrite), handlers::__path_create, handlers::create)
        .problems(&["invalid_price_list", "price_list_code_taken"])
        .with(Needs(PricesRead), handlers::__path_get, handlers::get)
        .problems(&["price_list_not_found"])
        .with(Needs(PricesWrite), handlers::__path_replace, handlers::replace)
        .problems(&["price_list_not_found", "price_list_code_taken", "price_period_overlaps"])
        .with(Needs(PricesWrite), handlers::__path_update, handlers::update)
        .problems(&["price_list_not_found", "price_list_code_taken", "price_period_overlaps"])
        .with(Needs(PricesWrite), handlers::__path_delete, handlers::delete)
        .problems(&["price_list_not_found"])
        .with(Needs(PricesRead), handlers::__path_entries, handlers::entries)
        .problems(&["price_list_not_found"])
        .with(Needs(PricesRead), handlers::__path_export_entries, handlers::export_entries)
        .problems(&["price_list_not_found"])
        .with(Needs(PricesWrite), handlers::__path_set_prices, handlers::set_prices)
        .problems(&["price_list_not_found", "invalid_price_list", "price_period_overlaps", "price_list_full"])
}
