//! `/api/v1/emails`

mod dto;
mod handlers;

use comptoir_core::application::Permission::{EmailsRead, EmailsWrite};

use crate::access::Access::Needs;
use crate::endpoints::Endpoints;

pub(crate) use dto::EmailFilters;

pub(super) fn endpoints() -> Endpoints {
    // What is about all that match stands in front of `{id}`.
    Endpoints::default()
        .with(Needs(EmailsRead), handlers::__path_list, handlers::list)
        .with(Needs(EmailsRead), handlers::__path_export, handlers::export)
        .with(Needs(EmailsWrite), handlers::__path_requeue_matching, handlers::requeue_matching)
        .with(Needs(EmailsWrite), handlers::__path_discard_matching, handlers::discard_matching)
        .with(Needs(EmailsRead), handlers::__path_get, handlers::get)
        .problems(&["email_not_found"])
        .with(Needs(EmailsWrite), handlers::__path_requeue, handlers::requeue)
        .problems(&["email_not_found", "email_state_conflict", "email_cause_over"])
        .with(Needs(EmailsWrite), handlers::__path_discard, handlers::discard)
        .problems(&["email_not_found", "email_state_conflict"])
}
