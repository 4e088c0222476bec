//! The handlers, one function per operation.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use comptoir_core::accounts::identity::passwords::Passwords;
use comptoir_core::accounts::users::{
    self, ChangePermissions, ChangeRole, DisableUser, EnableUser, RegisterUser, UpdateUser, UserView,
};
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::error::Error;
use comptoir_core::application::idempotency::StoredResponse;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::values::ids::UserId;

use super::dto::{
    ChangePermissionsRequest, ChangeRoleRequest, DisableUserRequest, RegisterUserRequest, UpdateUserRequest,
    UserQuery, UserResponse,
};
use crate::error::ApiError;
use crate::extract::{Context, Empty, Id, IfMatch, JsonBody, Posted, Query, RequiredIfMatch};
use crate::openapi::{
    CommandProblems, IdParam, IdempotencyHeader, IfMatchHeader, QueryProblems, RequiredIfMatchHeader,
};
use crate::respond::{self, List};

/// Register a user of your company
///
/// They can log in once their e-mail address is verified and a password is set. Nobody gives a permission that they do not
/// have themselves. The password does not count for whether two requests under one Idempotency-Key are the same.
#[utoipa::path(post, path = "/api/v1/users", tag = "users", request_body = RegisterUserRequest,
    params(IdempotencyHeader),
    responses((status = 201, body = UserResponse, headers(("Location" = String), ("ETag" = String))), CommandProblems))]
pub(crate) async fn register(
    context: Context,
    posted: Posted<RegisterUserRequest>,
    executor: Data<Executor>,
    passwords: Data<Passwords>,
) -> Result<HttpResponse, ApiError> {
    let content = posted.body.without_password();
    let (mut user, password) = posted.body.parse().map_err(ApiError::invalid)?;
    let key = posted.key.map(|key| key.without_secret(content));
    if let Some(password) = password {
        user.password = Some(passwords.hash(password).await.map_err(Error::from)?);
    }
    let answer = executor.execute(context.0, key, RegisterUser { user }, |view: UserView| {
        let location = format!("/api/v1/users/{}", view.id);
        respond::created(location, view.version, &UserResponse::from(view))
    });
    respond::answer(answer.await?)
}

/// Replace what is known of a user: the name
///
/// About somebody else decides only who has every permission that they have, or could be given back.
#[utoipa::path(put, path = "/api/v1/users/{id}", tag = "users", request_body = UpdateUserRequest,
    params(IdParam, RequiredIfMatchHeader),
    responses((status = 200, body = UserResponse, headers(("ETag" = String))), CommandProblems))]
pub(crate) async fn update(
    context: Context,
    id: Id<UserId>,
    expected: RequiredIfMatch,
    body: JsonBody<UpdateUserRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let name = body.0.parse().map_err(ApiError::invalid)?;
    let command = UpdateUser { id: id.0, expected_version: expected.0, name };
    respond::answer(executor.execute(context.0, None, command, changed).await?)
}

/// Give a user another role
///
/// It counts at once, in every session of theirs. Nobody changes their own role, nobody decides about somebody who can do more
/// than they, before or after, and the last administrator who can log in and do everything stays one.
#[utoipa::path(post, path = "/api/v1/users/{id}/change-role", tag = "users", request_body = ChangeRoleRequest,
    params(IdParam, IfMatchHeader, IdempotencyHeader),
    responses((status = 200, body = UserResponse, headers(("ETag" = String))), CommandProblems))]
pub(crate) async fn change_role(
    context: Context,
    id: Id<UserId>,
    expected: IfMatch,
    posted: Posted<ChangeRoleRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = ChangeRole { id: id.0, expected_version: expected.0, role: posted.body.role() };
    respond::answer(executor.execute(context.0, posted.key, command, changed).await?)
}

/// Grant a user permissions beside those of the role, or revoke some of those
///
/// Both lists are replaced. It counts at once, in every session of theirs; the rules are those of change-role.
#[utoipa::path(post, path = "/api/v1/users/{id}/change-permissions", tag = "users",
    request_body = ChangePermissionsRequest,
    params(IdParam, IfMatchHeader, IdempotencyHeader),
    responses((status = 200, body = UserResponse, headers(("ETag" = String))), CommandProblems))]
pub(crate) async fn change_permissions(
    context: Context,
    id: Id<UserId>,
    expected: IfMatch,
    posted: Posted<ChangePermissionsRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let adjustments = posted.body.parse().map_err(ApiError::invalid)?;
    let command = ChangePermissions { id: id.0, expected_version: expected.0, adjustments };
    respond::answer(executor.execute(context.0, posted.key, command, changed).await?)
}

/// Disable a user: their sessions end, and they cannot log in
///
/// The API keys for which they answer are revoked unless `keep_api_keys` says otherwise; what is kept decides about nobody any
/// more. Nobody disables themselves, somebody who can do more than they, or the last administrator.
#[utoipa::path(post, path = "/api/v1/users/{id}/disable", tag = "users",
    request_body = Option<DisableUserRequest>,
    params(IdParam, IfMatchHeader, IdempotencyHeader),
    responses((status = 200, body = UserResponse, headers(("ETag" = String))), CommandProblems))]
pub(crate) async fn disable(
    context: Context,
    id: Id<UserId>,
    expected: IfMatch,
    posted: Posted<DisableUserRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let keep_api_keys = posted.body.keep_api_keys;
    let command = DisableUser { id: id.0, expected_version: expected.0, keep_api_keys };
    respond::answer(executor.execute(context.0, posted.key, command, changed).await?)
}

/// Enable a disabled user again
///
/// Sessions and API keys that ended stay so.
#[utoipa::path(post, path = "/api/v1/users/{id}/enable", tag = "users", request_body = Option<Empty>,
    params(IdParam, IfMatchHeader, IdempotencyHeader),
    responses((status = 200, body = UserResponse, headers(("ETag" = String))), CommandProblems))]
pub(crate) async fn enable(
    context: Context,
    id: Id<UserId>,
    expected: IfMatch,
    posted: Posted<Empty>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = EnableUser { id: id.0, expected_version: expected.0 };
    respond::answer(executor.execute(context.0, posted.key, command, changed).await?)
}

/// One user
#[utoipa::path(get, path = "/api/v1/users/{id}", tag = "users", params(IdParam),
    responses((status = 200, body = UserResponse, headers(("ETag" = String))), (status = 304), QueryProblems))]
pub(crate) async fn get(
    request: HttpRequest,
    context: Context,
    id: Id<UserId>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let view = users::get(&database, &context.0, id.0).await?;
    Ok(respond::found(&request, view.version, &UserResponse::from(view)))
}

/// Users of your company, a page at a time
#[utoipa::path(get, path = "/api/v1/users", tag = "users", params(UserQuery),
    responses((status = 200, body = List<UserResponse>), QueryProblems))]
pub(crate) async fn list(
    context: Context,
    query: Query<UserQuery>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let (filter, page) = query.0.parse().map_err(ApiError::invalid)?;
    let users = users::list(&database, &context.0, &filter, &page).await?;
    Ok(respond::listed(users.map(UserResponse::from)))
}

fn changed(view: UserView) -> Result<StoredResponse, Error> {
    respond::changed(view.version, &UserResponse::from(view))
}
