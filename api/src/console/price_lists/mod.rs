//! Price lists: the lists, one with its prices, the forms, and the setting of a price.

mod edit;
mod price;
mod show;

use comptoir_core::application::Permission::{PricesRead, PricesWrite};

use self::edit::List;
use super::pages::Pages;
use super::parts::editing;
use crate::access::Access::Needs;
use crate::routes::price_lists::{export, export_entries};

const PATH: &str = "/console/price-lists";

pub(super) fn pages() -> Pages {
    Pages::default()
        .get(Needs(PricesRead), PATH, show::list)
        .get(Needs(PricesRead), "/console/price-lists.csv", export)
        // Before the others: its path could be taken for an id.
        .get(Needs(PricesWrite), "/console/price-lists/new", editing::show_new::<List>)
        .post(Needs(PricesWrite), "/console/price-lists/new", editing::create::<List>)
        .get(Needs(PricesRead), "/console/price-lists/{id}", show::one)
        .get(Needs(PricesRead), "/console/price-lists/{id}/entries.csv", export_entries)
        .get(Needs(PricesWrite), "/console/price-lists/{id}/price", price::show)
        .post(Needs(PricesWrite), "/console/price-lists/{id}/price", price::set)
        .get(Needs(PricesWrite), "/console/price-lists/{id}/edit", editing::show::<List>)
        .post(Needs(PricesWrite), "/console/price-lists/{id}/edit", editing::update::<List>)
        .get(Needs(PricesWrite), "/console/price-lists/{id}/delete", editing::show_delete::<List>)
        .post(Needs(PricesWrite), "/console/price-lists/{id}/delete", editing::delete::<List>)
}
