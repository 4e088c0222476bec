//! `/api/v1/projection-events`: the events that arrived for the reports, and what is decided about those that could not be applied.

mod dto;
mod handlers;

use comptoir_core::application::Permission::{ProjectionsRead, ProjectionsWrite};

use crate::access::Access::Needs;
use crate::endpoints::Endpoints;

pub(crate) use dto::MessageFilters;
pub(crate) use handlers::export;

pub(super) fn endpoints() -> Endpoints {
    Endpoints::default()
        .with(Needs(ProjectionsRead), handlers::__path_list, handlers::list)
        .with(Needs(ProjectionsRead), handlers::__path_export, handlers::export)
        .with(Needs(ProjectionsRead), handlers::__path_get, handlers::get)
        .problems(&["projection_event_not_found"])
        .with(Needs(ProjectionsWrite), handlers::__path_requeue, handlers::requeue)
        .problems(&["projection_event_not_found", "projection_event_state_conflict"])
        .with(Needs(ProjectionsWrite), handlers::__path_discard, handlers::discard)
        .problems(&["projection_event_not_found", "projection_event_state_conflict"])
}
