//! The handlers, one function per operation. Ending a session that is over already is no error.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use comptoir_core::accounts::sessions::{
    self, EndReason, EndSession, EndSessions, SessionError, SessionSort,
};
use comptoir_core::accounts::users;
use comptoir_core::application::Actor;
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::error::Error;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::platform::paging::PageRequest;
use comptoir_core::values::ids::{SessionId, UserId};
use utoipa::IntoParams;
use uuid::Uuid;

use super::dto::SessionResponse;
use crate::error::ApiError;
use crate::export;
use crate::extract::{Context, Id, ListQuery, NoFilters, NoQuery, SessionOfUser, part};
use crate::openapi::IdParam;
use crate::respond::{self, List};

type Sessions = ListQuery<NoFilters, SessionSort>;

/// `{session_id}` of a path.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "documentation")]
pub(crate) struct SessionIdParam {
    session_id: Uuid,
}

/// Your own open sessions, a page at a time
#[utoipa::path(get, path = "/api/v1/sessions", tag = "sessions", operation_id = "listSessions", params(Sessions),
    responses((status = 200, body = List<SessionResponse>)))]
pub(crate) async fn list(
    context: Context,
    query: Sessions,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let user = own_user(&context)?;
    let sessions = sessions::list(&database, &context.0, user, &query.page).await?;
    Ok(respond::listed(sessions.map(|view| SessionResponse::of(view, &context.0.principal))))
}

/// The same as CSV
#[utoipa::path(description = export::DESCRIPTION, get, path = "/api/v1/sessions.csv", tag = "sessions", operation_id = "exportSessions",
    responses((status = 200, content_type = "text/csv", body = String)))]
pub(crate) async fn export(
    context: Context,
    _: NoQuery,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let user = own_user(&context)?;
    Ok(exported(context, user, database))
}

fn exported(context: Context, user: UserId, database: Data<TenantDatabase>) -> HttpResponse {
    export::csv("sessions", move |page: PageRequest<SessionSort>| {
        let (database, context) = (database.clone(), context.0.clone());
        async move {
            let sessions = sessions::list(&database, &context, user, &page).await?;
            Ok(sessions.map(|view| SessionResponse::of(view, &context.principal)))
        }
    })
}

/// End a session of your own
///
/// It ends at once, and so do its access tokens.
#[utoipa::path(delete, path = "/api/v1/sessions/{id}", tag = "sessions", operation_id = "endSession", params(IdParam),
    responses((status = 204)))]
pub(crate) async fn end(
    context: Context,
    id: Id<SessionId>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let user_id = own_user(&context)?;
    let command = EndSession { user_id, session_id: id.0, reason: EndReason::EndedByUser };
    executor.run(context.0, command).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// A user's open sessions, a page at a time
#[utoipa::path(get, path = "/api/v1/users/{id}/sessions", tag = "sessions", operation_id = "listUserSessions", params(IdParam, Sessions),
    responses((status = 200, body = List<SessionResponse>)))]
pub(crate) async fn list_of_user(
    request: HttpRequest,
    context: Context,
    query: Sessions,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let user: UserId = part(&request, "id")?;
    // 404 if there is no such user.
    users::get(&database, &context.0, user).await?;
    let sessions = sessions::list(&database, &context.0, user, &query.page).await?;
    Ok(respond::listed(sessions.map(|view| SessionResponse::of(view, &context.0.principal))))
}

/// The same as CSV
#[utoipa::path(description = export::DESCRIPTION, get, path = "/api/v1/users/{id}/sessions.csv", tag = "sessions", operation_id = "exportUserSessions", params(IdParam),
    responses((status = 200, content_type = "text/csv", body = String)))]
pub(crate) async fn export_of_user(
    request: HttpRequest,
    context: Context,
    _: NoQuery,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let user: UserId = part(&request, "id")?;
    // 404 if there is no such user.
    users::get(&database, &context.0, user).await?;
    Ok(exported(context, user, database))
}

/// End all sessions of a user
#[utoipa::path(delete, path = "/api/v1/users/{id}/sessions", tag = "sessions", operation_id = "endUserSessions", params(IdParam),
    responses((status = 204)))]
pub(crate) async fn end_all_of_user(
    context: Context,
    id: Id<UserId>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = EndSessions { user_id: id.0, reason: EndReason::EndedByAdministrator };
    executor.run(context.0, command).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// End one session of a user
#[utoipa::path(delete, path = "/api/v1/users/{id}/sessions/{session_id}", tag = "sessions", operation_id = "endUserSession",
    params(IdParam, SessionIdParam), responses((status = 204)))]
pub(crate) async fn end_of_user(
    context: Context,
    ids: SessionOfUser,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let SessionOfUser(user_id, session_id) = ids;
    let command = EndSession { user_id, session_id, reason: EndReason::EndedByAdministrator };
    executor.run(context.0, command).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn own_user(context: &Context) -> Result<UserId, ApiError> {
    match context.0.principal.actor {
        Actor::User { user_id, .. } => Ok(user_id),
        Actor::ApiKey(_) | Actor::Operator | Actor::OperatorAccount { .. } => {
            Err(Error::from(SessionError::NotASession).into())
        }
    }
}
