//! Every route, in one visible place.

pub(crate) mod accounting;
mod address;
pub(crate) mod api_keys;
pub(crate) mod audit;
pub(crate) mod auth;
pub(crate) mod categories;
pub(crate) mod customer_groups;
pub(crate) mod customers;
mod docs;
pub(crate) mod document_style;
pub(crate) mod emails;
mod events;
pub(crate) mod fulfilment;
pub(crate) mod imports;
pub(crate) mod inventory_counts;
pub(crate) mod invoices;
pub(crate) mod locations;
pub(crate) mod notifications;
pub(crate) mod operations;
mod operators;
pub(crate) mod orders;
mod party;
pub(crate) mod payments;
pub(crate) mod price_lists;
pub(crate) mod products;
pub(crate) mod projections;
pub(crate) mod purchase_orders;
pub(crate) mod receivables;
pub(crate) mod reports;
pub(crate) mod returns;
mod roles;
mod secret;
pub(crate) mod sending;
pub(crate) mod services;
mod sessions;
pub(crate) mod shipments;
pub(crate) mod stock;
pub(crate) mod stock_documents;
pub(crate) mod suppliers;
pub(crate) mod tenant;
pub(crate) mod users;
pub(crate) mod warehouses;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};

use crate::console;
use crate::endpoints::Endpoints;
use crate::error::ApiError;
use crate::openapi;

/// The route that files are sent to, which takes longer than others.
pub(crate) const IMPORTS: &str = "/api/v1/imports";

/// Every endpoint of the API.
pub(crate) fn endpoints() -> Endpoints {
    auth::endpoints()
        .and(sessions::endpoints())
        .and(api_keys::endpoints())
        .and(customers::endpoints())
        .and(customer_groups::endpoints())
        .and(suppliers::endpoints())
        .and(categories::endpoints())
        .and(products::endpoints())
        .and(price_lists::endpoints())
        .and(warehouses::endpoints())
        .and(locations::endpoints())
        // Before the others of orders and of stock: its paths could be taken for ids.
        .and(fulfilment::endpoints())
        .and(orders::endpoints())
        .and(shipments::endpoints())
        .and(returns::endpoints())
        .and(stock::endpoints())
        .and(stock_documents::endpoints())
        .and(purchase_orders::endpoints())
        .and(inventory_counts::endpoints())
        // Before the others of invoices: its path could be taken for an id.
        .and(receivables::endpoints())
        .and(invoices::endpoints())
        .and(sending::endpoints())
        .and(payments::endpoints())
        .and(accounting::endpoints())
        .and(imports::endpoints())
        .and(notifications::endpoints())
        .and(reports::endpoints())
        .and(projections::endpoints())
        .and(emails::endpoints())
        .and(roles::endpoints())
        .and(audit::endpoints())
        .and(tenant::endpoints())
        .and(document_style::endpoints())
        .and(users::endpoints())
        .and(operators::endpoints())
        .and(services::endpoints())
        .and(operations::endpoints())
        .and(events::endpoints())
}

pub(crate) fn configure(services: &mut web::ServiceConfig) {
    endpoints().register(services);
    docs::configure(services);
    console::configure(services);
    services.default_service(web::to(unknown_path));
}

/// The routes of the listener for operations.
pub(crate) fn operate(services: &mut web::ServiceConfig) {
    operations::operator_endpoints().register(services);
}

async fn unknown_path() -> Result<HttpResponse, ApiError> {
    let detail = format!("there is nothing at this address; {} lists what there is", openapi::PATH);
    Err(ApiError::new(StatusCode::NOT_FOUND, "not_found", detail))
}
