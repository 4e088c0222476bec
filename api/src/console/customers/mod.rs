//! Customers: the list, one of them with its orders, invoices and account, and the forms.

mod edit;
mod end;
mod list;
mod one;
mod tabs;

use comptoir_core::application::Permission::{CustomersAnonymise, CustomersRead, CustomersWrite};

use super::pages::Pages;
use crate::access::Access::Needs;
use crate::routes::customers::export;

const PATH: &str = "/console/customers";

pub(super) fn pages() -> Pages {
    Pages::default()
        .get(Needs(CustomersRead), PATH, list::show)
        // The API's own: the parameters of the list are its filters.
        .get(Needs(CustomersRead), "/console/customers.csv", export)
        // Before the others: its path could be taken for an id.
        .get(Needs(CustomersWrite), "/console/customers/new", edit::show_new)
        .post(Needs(CustomersWrite), "/console/customers/new", edit::create)
        .get(Needs(CustomersRead), "/console/customers/{id}", one::show)
        .get(Needs(CustomersWrite), "/console/customers/{id}/edit", edit::show)
        .post(Needs(CustomersWrite), "/console/customers/{id}/edit", edit::update)
        .get(Needs(CustomersWrite), "/console/customers/{id}/delete", end::show_delete)
        .post(Needs(CustomersWrite), "/console/customers/{id}/delete", end::delete)
        .get(Needs(CustomersAnonymise), "/console/customers/{id}/anonymise", end::show_anonymise)
        .post(Needs(CustomersAnonymise), "/console/customers/{id}/anonymise", end::anonymise)
}
