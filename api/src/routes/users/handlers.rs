//! The handlers, one function per operation.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use comptoir_core::accounts::identity::passwords::Passwords;
use comptoir_core::accounts::users::{
    self, ChangePermissions, ChangeRole, DisableUser, EnableUser, RegisterUser, UpdateUser, UserFilter,
    UserSort, UserView,
};
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::error::Error;
use comptoir_core::application::idempotency::StoredResponse;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::platform::paging::PageRequest;
use comptoir_core::values::ids::UserId;

use super::dto::{
    ChangePermissionsRequest, ChangeRoleRequest, DisableUserRequest, RegisterUserRequest, UpdateUserRequest,
    UserFilters, UserResponse,
};
use crate::error::ApiError;
use crate::export;
use crate::extract::{
    Context, Empty, Id, IfMatch, ListQuery, MergePatch, Posted, Query, Replacement, RequiredIfMatch,
};
use crate::openapi::{IdParam, IdempotencyHeader, IfMatchHeader, RequiredIfMatchHeader};
use crate::respond::{self, List};

/// Register a user of your company
///
/// They can log in once their e-mail address is verified and a password is set. Nobody gives a permission that they do not
/// have themselves. The password does not count for whether two requests under one Idempotency-Key are the same.
#[utoipa::path(post, path = "/api/v1/users", tag = "users", operation_id = "registerUser", request_body = RegisterUserRequest,
    params(IdempotencyHeader),
    responses((status = 201, body = UserResponse, headers(("Location" = String), ("ETag" = String)))))]
pub(crate) async fn register(
    context: Context,
    posted: Posted<RegisterUserRequest>,
    executor: Data<Executor>,
    passwords: Data<Passwords>,
) -> Result<HttpResponse, ApiError> {
    let content = posted.body.without_password();
    let (mut user, password) =
        posted.body.into_user().map_err(|invalid| ApiError::invalid(vec![invalid.at("")]))?;
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
/// The body is what GET gave, with your changes. About somebody else decides only who has every permission that they have, or
/// could be given back.
#[utoipa::path(put, path = "/api/v1/users/{id}", tag = "users", operation_id = "replaceUser",
    request_body = UpdateUserRequest, params(IdParam, RequiredIfMatchHeader),
    responses((status = 200, body = UserResponse, headers(("ETag" = String)))))]
pub(crate) async fn replace(
    context: Context,
    id: Id<UserId>,
    expected: RequiredIfMatch,
    body: Replacement<UpdateUserRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = UpdateUser { id: id.0, expected_version: expected.0, edit: body.edit() };
    respond::answer(executor.execute(context.0, None, command, changed).await?)
}

/// Change a part of what is known of a user: the name
///
/// A merge patch (RFC 7396). About somebody else decides only who has every permission that they have, or could be given back.
#[utoipa::path(patch, path = "/api/v1/users/{id}", tag = "users", operation_id = "updateUser",
    request_body = UpdateUserRequest, params(IdParam, IfMatchHeader),
    responses((status = 200, body = UserResponse, headers(("ETag" = String)))))]
pub(crate) async fn update(
    context: Context,
    id: Id<UserId>,
    expected: IfMatch,
    body: MergePatch<UpdateUserRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = UpdateUser { id: id.0, expected_version: expected.0, edit: body.edit() };
    respond::answer(executor.execute(context.0, None, command, changed).await?)
}

/// Give a user another role
///
/// It counts at once, in every session of theirs. Nobody changes their own role, nobody decides about somebody who can do more
/// than they, before or after, and the last administrator who can log in and do everything stays one.
#[utoipa::path(post, path = "/api/v1/users/{id}/change-role", tag = "users", operation_id = "changeUserRole", request_body = ChangeRoleRequest,
    params(IdParam, IfMatchHeader, IdempotencyHeader),
    responses((status = 200, body = UserResponse, headers(("ETag" = String)))))]
pub(crate) async fn change_role(
    context: Context,
    id: Id<UserId>,
    expected: IfMatch,
    posted: Posted<ChangeRoleRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = ChangeRole { id: id.0, expected_version: expected.0, role: posted.body.role };
    respond::answer(executor.execute(context.0, posted.key, command, changed).await?)
}

/// Grant a user permissions beside those of the role, or revoke some of those
///
/// Both lists are replaced. It counts at once, in every session of theirs; the rules are those of change-role.
#[utoipa::path(post, path = "/api/v1/users/{id}/change-permissions", tag = "users", operation_id = "changeUserPermissions",
    request_body = ChangePermissionsRequest,
    params(IdParam, IfMatchHeader, IdempotencyHeader),
    responses((status = 200, body = UserResponse, headers(("ETag" = String)))))]
pub(crate) async fn change_permissions(
    context: Context,
    id: Id<UserId>,
    expected: IfMatch,
    posted: Posted<ChangePermissionsRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let adjustments =
        posted.body.adjustments().map_err(|invalid| ApiError::invalid(vec![invalid.at("/granted")]))?;
    let command = ChangePermissions { id: id.0, expected_version: expected.0, adjustments };
    respond::answer(executor.execute(context.0, posted.key, command, changed).await?)
}

/// Disable a user: their sessions end, and they cannot log in
///
/// The API keys for which they answer are revoked unless `keep_api_keys` says otherwise; what is kept decides about nobody any
/// more. Nobody disables themselves, somebody who can do more than they, or the last administrator.
#[utoipa::path(post, path = "/api/v1/users/{id}/disable", tag = "users", operation_id = "disableUser",
    request_body = Option<DisableUserRequest>,
    params(IdParam, IfMatchHeader, IdempotencyHeader),
    responses((status = 200, body = UserResponse, headers(("ETag" = String)))))]
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
#[utoipa::path(post, path = "/api/v1/users/{id}/enable", tag = "users", operation_id = "enableUser", request_body = Option<Empty>,
    params(IdParam, IfMatchHeader, IdempotencyHeader),
    responses((status = 200, body = UserResponse, headers(("ETag" = String)))))]
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
#[utoipa::path(get, path = "/api/v1/users/{id}", tag = "users", operation_id = "getUser", params(IdParam),
    responses((status = 200, body = UserResponse, headers(("ETag" = String))), (status = 304)))]
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
#[utoipa::path(get, path = "/api/v1/users", tag = "users", operation_id = "listUsers", params(UserFilters, ListQuery<UserFilters, UserSort>),
    responses((status = 200, body = List<UserResponse>)))]
pub(crate) async fn list(
    context: Context,
    query: ListQuery<UserFilters, UserSort>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let users = users::list(&database, &context.0, &query.filter.into(), &query.page).await?;
    Ok(respond::listed(users.map(UserResponse::from)))
}

/// The same as CSV, in the list's own order
#[utoipa::path(description = export::DESCRIPTION, get, path = "/api/v1/users.csv", tag = "users", operation_id = "exportUsers", params(UserFilters),
    responses((status = 200, content_type = "text/csv", body = String)))]
pub(crate) async fn export(
    context: Context,
    query: Query<UserFilters>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let filter = UserFilter::from(query.0);
    Ok(export::csv("users", move |page: PageRequest<UserSort>| {
        let (database, context, filter) = (database.clone(), context.0.clone(), filter.clone());
        async move { Ok(users::list(&database, &context, &filter, &page).await?.map(UserResponse::from)) }
    }))
}

fn changed(view: UserView) -> Result<StoredResponse, Error> {
    respond::changed(view.version, &UserResponse::from(view))
}
