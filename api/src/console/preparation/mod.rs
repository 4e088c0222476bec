//! "To prepare": the orders of which all is there, the oldest first, as a warehouse works through them. Without prices.

mod list;

use comptoir_core::application::Permission::OrdersShip;

use super::pages::Pages;
use crate::access::Access::Needs;
use crate::routes::fulfilment::export_to_prepare;

pub(super) fn pages() -> Pages {
    // The API lets everybody read it who may read orders; the page is for those who ship them.
    Pages::default().get(Needs(OrdersShip), "/console/preparation", list::show).get(
        Needs(OrdersShip),
        "/console/preparation.csv",
        export_to_prepare,
    )
}
