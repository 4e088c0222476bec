//! `/api/v1/operators`: how people with an operator account prove who they are. Nothing here belongs to a company.

mod dto;
mod handlers;

use crate::access::Access::{Operator, Public};
use crate::endpoints::Endpoints;

pub(super) fn endpoints() -> Endpoints {
    Endpoints::default()
        .with(Public, handlers::__path_login, handlers::login)
        .problems(&["invalid_credentials", "too_many_attempts"])
        .with(Public, handlers::__path_refresh, handlers::refresh)
        .problems(&["invalid_refresh_token"])
        .with(Operator, handlers::__path_logout, handlers::logout)
        .with(Operator, handlers::__path_change_password, handlers::change_password)
        .problems(&["too_many_attempts"])
        .with(Operator, handlers::__path_me, handlers::me)
}
