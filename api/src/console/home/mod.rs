//! The home page: what needs somebody today, by what each may see.

mod handlers;
mod sales;
mod start;

use super::PREFIX;
use super::pages::Pages;
use crate::access::Access::LoggedIn;

pub(super) fn pages() -> Pages {
    Pages::default().get(LoggedIn, PREFIX, handlers::show)
}
