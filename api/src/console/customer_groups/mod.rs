//! Groups of customers who have the same prices: the list, one of them, and the forms.

mod edit;
mod list;

use comptoir_core::application::Permission::{PricesRead, PricesWrite};

use self::edit::Group;
use super::pages::Pages;
use super::parts::editing;
use crate::access::Access::Needs;
use crate::routes::customer_groups::export;

const PATH: &str = "/console/customer-groups";

pub(super) fn pages() -> Pages {
    Pages::default()
        .get(Needs(PricesRead), PATH, list::show)
        .get(Needs(PricesRead), "/console/customer-groups.csv", export)
        // Before the others: its path could be taken for an id.
        .get(Needs(PricesWrite), "/console/customer-groups/new", editing::show_new::<Group>)
        .post(Needs(PricesWrite), "/console/customer-groups/new", editing::create::<Group>)
        .get(Needs(PricesRead), "/console/customer-groups/{id}", list::one)
        .get(Needs(PricesWrite), "/console/customer-groups/{id}/edit", editing::show::<Group>)
        .post(Needs(PricesWrite), "/console/customer-groups/{id}/edit", editing::update::<Group>)
        .get(Needs(PricesWrite), "/console/customer-groups/{id}/delete", editing::show_delete::<Group>)
        .post(Needs(PricesWrite), "/console/customer-groups/{id}/delete", editing::delete::<Group>)
}
