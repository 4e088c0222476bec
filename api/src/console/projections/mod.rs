//! Events that arrived for the reports, and what is decided about those that could not be applied.

mod handlers;

use comptoir_core::application::Permission::{ProjectionsRead, ProjectionsWrite};

use super::pages::Pages;
use crate::access::Access::Needs;
use crate::routes::projections::export;

pub(super) fn pages() -> Pages {
    Pages::default()
        .get(Needs(ProjectionsRead), "/console/projections", handlers::show)
        .get(Needs(ProjectionsRead), "/console/projections.csv", export)
        .post(Needs(ProjectionsWrite), "/console/projections/chosen", handlers::chosen)
}
