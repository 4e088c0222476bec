//! Customers: the list, one of them with its orders, invoices and account, and the forms.

mod anonymise;
mod edit;
mod list;
mod one;
mod tabs;

use comptoir_core::application::Permission::{CustomersAnonymise, CustomersRead, CustomersWrite};

use self::edit::Customer;
use super::pages::Pages;
use super::parts::editing;
use crate::access::Access::Needs;
use crate::routes::customers::export;

const PATH: &str = "/console/customers";

pub(super) fn pages() -> Pages {
    Pages::default()
        .get(Needs(CustomersRead), PATH, list::show)
        // The API's own: the parameters of the list are its filters.
        .get(Needs(CustomersRead), "/console/customers.csv", export)
        // Before the others: its path could be taken for an id.
        .get(Needs(CustomersWrite), "/console/customers/new", editing::show_new::<Customer>)
        .post(Needs(CustomersWrite), "/console/customers/new", editing::create::<Customer>)
        .get(Needs(CustomersRead), "/console/customers/{id}", one::show)
        .get(Needs(CustomersWrite), "/console/customers/{id}/edit", editing::show::<Customer>)
        .post(Needs(CustomersWrite), "/console/customers/{id}/edit", editing::update::<Customer>)
        .get(Needs(CustomersWrite), "/console/customers/{id}/delete", editing::show_delete::<Customer>)
        .post(Needs(CustomersWrite), "/console/customers/{id}/delete", editing::delete::<Customer>)
        .get(Needs(CustomersAnonymise), "/console/customers/{id}/anonymise", anonymise::show)
        .post(Needs(CustomersAnonymise), "/console/customers/{id}/anonymise", anonymise::anonymise)
}
