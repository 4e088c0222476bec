//! Where a user is logged in. To end what is over already is no error.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use comptoir_core::accounts::sessions::{EndReason, EndSession, EndSessions};
use comptoir_core::accounts::users;
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::error::Error;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::values::ids::{SessionId, UserId};

use super::one::{Shown, written};
use crate::console::forms::Form;
use crate::console::layout::go;
use crate::console::undone::Undone;
use crate::console::visitor::Visitor;
use crate::error::ApiError;
use crate::extract::part;

pub(super) async fn end(
    request: HttpRequest,
    visitor: Visitor,
    _form: Form,
    executor: Data<Executor>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let (user_id, session_id): (UserId, SessionId) = (part(&request, "id")?, part(&request, "session_id")?);
    let command = EndSession { user_id, session_id, reason: EndReason::EndedByAdministrator };
    match executor.run(visitor.context.clone(), command).await {
        Ok(_) => Ok(go(format!("/console/users/{user_id}?done=session"))),
        Err(error) => undone(error, &visitor, &database, user_id).await,
    }
}

pub(super) async fn end_all(
    request: HttpRequest,
    visitor: Visitor,
    _form: Form,
    executor: Data<Executor>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let user_id: UserId = part(&request, "id")?;
    let command = EndSessions { user_id, reason: EndReason::EndedByAdministrator };
    match executor.run(visitor.context.clone(), command).await {
        Ok(_) => Ok(go(format!("/console/users/{user_id}?done=sessions"))),
        Err(error) => undone(error, &visitor, &database, user_id).await,
    }
}

async fn undone(
    error: Error,
    visitor: &Visitor,
    database: &TenantDatabase,
    id: UserId,
) -> Result<HttpResponse, ApiError> {
    let undone = Some(Undone::of(error.into(), visitor.language)?);
    let user = users::get(database, &visitor.context, id).await?;
    written(visitor, database, user, Shown { undone, ..Shown::default() }).await
}
