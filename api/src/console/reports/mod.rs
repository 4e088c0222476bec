//! Reports that are kept from the events, as tables. Those for the accounts are beside ([`super::accounting`]).

mod handlers;
pub(super) mod rank;
pub(super) mod table;

use comptoir_core::application::Permission::ReportsRead;

use super::pages::Pages;
use crate::access::Access::Needs;
use crate::routes::reports as api;

pub(super) fn pages() -> Pages {
    Pages::default()
        .get(Needs(ReportsRead), "/console/reports", handlers::by_day)
        .get(Needs(ReportsRead), "/console/reports/days.csv", api::export_sales_by_day)
        .get(Needs(ReportsRead), "/console/reports/products", handlers::by_product)
        .get(Needs(ReportsRead), "/console/reports/products.csv", api::export_sales_by_product)
        .get(Needs(ReportsRead), "/console/reports/customers", handlers::by_customer)
        .get(Needs(ReportsRead), "/console/reports/customers.csv", api::export_customer_activity)
}
