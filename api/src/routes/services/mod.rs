//! `/api/v1/services` and `/api/v1/service-commands`: what runs beside the requests, in all processes of both programs. For operator
//! accounts alone: services work for all companies.

mod dto;
mod handlers;

pub(crate) use handlers::{accept, refused, wish_of};

use crate::access::Access::Operator;
use crate::endpoints::Endpoints;

/// What asking for an action can be refused with.
const REFUSALS: &[&str] = &["service_not_found", "service_action_not_found", "service_off"];

pub(super) fn endpoints() -> Endpoints {
    Endpoints::default()
        .with(Operator, handlers::__path_list, handlers::list)
        .with(Operator, handlers::__path_status, handlers::status)
        .problems(&["service_not_found"])
        .with(Operator, handlers::__path_trigger, handlers::trigger)
        .problems(REFUSALS)
        .with(Operator, handlers::__path_check_queue, handlers::check_queue)
        .problems(REFUSALS)
        .with(Operator, handlers::__path_process_batch, handlers::process_batch)
        .problems(REFUSALS)
        .with(Operator, handlers::__path_restart, handlers::restart)
        .problems(REFUSALS)
        .with(Operator, handlers::__path_act, handlers::act)
        .problems(REFUSALS)
        .with(Operator, handlers::__path_commands, handlers::commands)
        .with(Operator, handlers::__path_command, handlers::command)
        .problems(&["service_command_not_found"])
}
