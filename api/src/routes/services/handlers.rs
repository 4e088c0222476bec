//! The handlers, one function per operation.

use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use comptoir_core::accounts::operators::AskService;
use comptoir_core::application::OperatorContext;
use comptoir_core::application::error::Error;
use comptoir_core::application::idempotency::{Answer, IdempotencyKey, StoredResponse};
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::services::{AskError, CommandView, Handle, ServiceView, Wish, grouped};
use serde_json::Value;
use uuid::Uuid;

use super::dto::{
    AcceptedCommand, ActRequest, AskRequest, CommandsQuery, ProcessBatchRequest, ServiceCommands, Services,
};
use crate::error::ApiError;
use crate::extract::{AnyId, Id, NoQuery, Operator, Posted, Query, part};
use crate::openapi::{IdParam, IdempotencyHeader};
use crate::respond;

/// Where the parameters of an action stand in a request.
const PARAMETERS: &str = "/parameters";

/// Services of all processes, of both programs
///
/// What runs beside the requests and beside the drain loop: its state, its last and next run, its last error, in each process that lives.
#[utoipa::path(get, path = "/api/v1/services", tag = "services", operation_id = "listServices",
    responses((status = 200, body = Services)))]
pub(crate) async fn list(_: Operator, _: NoQuery, services: Data<Handle>) -> Result<HttpResponse, ApiError> {
    let data = grouped(services.list().await.map_err(refused)?);
    Ok(HttpResponse::Ok().json(Services { data }))
}

/// One service, in all processes that have it
#[utoipa::path(get, path = "/api/v1/services/{name}/status", tag = "services", operation_id = "getServiceStatus",
    params(("name" = String, Path, example = "pruning")), responses((status = 200, body = ServiceView)))]
pub(crate) async fn status(
    request: HttpRequest,
    _: Operator,
    _: NoQuery,
    services: Data<Handle>,
) -> Result<HttpResponse, ApiError> {
    let name: String = part(&request, "name")?;
    let found = grouped(services.list().await.map_err(refused)?).into_iter().find(|one| one.name == name);
    let found = found.ok_or_else(|| refused(AskError::NoSuchService(name)))?;
    Ok(HttpResponse::Ok().json(found))
}

/// Run a service now
///
/// The answer of the command has the figures of the run. A service that runs in one of all processes is run there.
#[utoipa::path(post, path = "/api/v1/services/{name}/trigger", tag = "services", operation_id = "triggerService",
    params(("name" = String, Path, example = "pruning"), IdempotencyHeader), request_body = Option<AskRequest>,
    responses((status = 202, body = AcceptedCommand, headers(("Location" = String)))))]
pub(crate) async fn trigger(
    request: HttpRequest,
    operator: Operator,
    posted: Posted<AskRequest>,
    services: Data<Handle>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let wish = posted.body.apply(wish(&request, &operator, "trigger")?);
    ask(operator, posted.key, wish, &services, &executor, PARAMETERS).await
}

/// Have a service look at its queue now
#[utoipa::path(post, path = "/api/v1/services/{name}/check-queue", tag = "services", operation_id = "checkQueueOfService",
    params(("name" = String, Path, example = "imports"), IdempotencyHeader), request_body = Option<AskRequest>,
    responses((status = 202, body = AcceptedCommand, headers(("Location" = String)))))]
pub(crate) async fn check_queue(
    request: HttpRequest,
    operator: Operator,
    posted: Posted<AskRequest>,
    services: Data<Handle>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let wish = posted.body.apply(wish(&request, &operator, "check-queue")?);
    ask(operator, posted.key, wish, &services, &executor, PARAMETERS).await
}

/// Have a service work off one batch now
#[utoipa::path(post, path = "/api/v1/services/{name}/process-batch", tag = "services", operation_id = "processBatchOfService",
    params(("name" = String, Path, example = "imports"), IdempotencyHeader), request_body = Option<ProcessBatchRequest>,
    responses((status = 202, body = AcceptedCommand, headers(("Location" = String)))))]
pub(crate) async fn process_batch(
    request: HttpRequest,
    operator: Operator,
    posted: Posted<ProcessBatchRequest>,
    services: Data<Handle>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let wish = posted.body.apply(wish(&request, &operator, "process-batch")?);
    ask(operator, posted.key, wish, &services, &executor, "").await
}

/// End what a service is doing, and begin anew
#[utoipa::path(post, path = "/api/v1/services/{name}/restart", tag = "services", operation_id = "restartService",
    params(("name" = String, Path, example = "pruning"), IdempotencyHeader), request_body = Option<AskRequest>,
    responses((status = 202, body = AcceptedCommand, headers(("Location" = String)))))]
pub(crate) async fn restart(
    request: HttpRequest,
    operator: Operator,
    posted: Posted<AskRequest>,
    services: Data<Handle>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let wish = posted.body.apply(wish(&request, &operator, "restart")?);
    ask(operator, posted.key, wish, &services, &executor, PARAMETERS).await
}

/// Ask a service for one of its actions
///
/// Its status lists the actions, with the JSON Schema of their parameters. Parameters that are not as the schema says are refused.
#[utoipa::path(post, path = "/api/v1/services/{name}/actions/{action}", tag = "services", operation_id = "askService",
    params(("name" = String, Path, example = "health"), ("action" = String, Path, example = "force-probe"), IdempotencyHeader),
    request_body = Option<ActRequest>,
    responses((status = 202, body = AcceptedCommand, headers(("Location" = String)))))]
pub(crate) async fn act(
    request: HttpRequest,
    operator: Operator,
    posted: Posted<ActRequest>,
    services: Data<Handle>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let action: String = part(&request, "action")?;
    let wish = posted.body.apply(wish(&request, &operator, &action)?);
    ask(operator, posted.key, wish, &services, &executor, PARAMETERS).await
}

/// What was asked of services last, the newest first
///
/// Open ones and those that ended. Commands that ended are kept for 30 days.
#[utoipa::path(get, path = "/api/v1/service-commands", tag = "services", operation_id = "listServiceCommands", params(CommandsQuery),
    responses((status = 200, body = ServiceCommands)))]
pub(crate) async fn commands(
    _: Operator,
    query: Query<CommandsQuery>,
    services: Data<Handle>,
) -> Result<HttpResponse, ApiError> {
    let commands = services.commands(query.0.most()).await.map_err(refused)?;
    let data = commands.into_iter().map(CommandView::of).collect();
    Ok(HttpResponse::Ok().json(ServiceCommands { data }))
}

/// What was asked of a service, as it stands
///
/// `waiting`, `running`, `done`, `failed` or `expired`. Commands that ended are kept for 30 days.
#[utoipa::path(get, path = "/api/v1/service-commands/{id}", tag = "services", operation_id = "getServiceCommand", params(IdParam),
    responses((status = 200, body = CommandView)))]
pub(crate) async fn command(
    _: Operator,
    id: Id<AnyId>,
    services: Data<Handle>,
) -> Result<HttpResponse, ApiError> {
    let AnyId(id) = id.0;
    let found = services.command(id).await.map_err(refused)?;
    let found = found.ok_or_else(|| refused(AskError::NoSuchCommand(id)))?;
    Ok(HttpResponse::Ok().json(CommandView::of(found)))
}

/// Returns the wish for an action of the service that the path names. It carries on the request's correlation id, if that is a UUID.
fn wish(request: &HttpRequest, operator: &Operator, action: &str) -> Result<Wish, ApiError> {
    Ok(wish_of(&operator.0, &part::<String>(request, "name")?, action))
}

/// The same for a service that is known by its name.
pub(crate) fn wish_of(operator: &OperatorContext, service: &str, action: &str) -> Wish {
    let wish = Wish::new(service, action, Value::Null, operator.principal().name.clone());
    let correlation_id = Uuid::try_parse(operator.correlation_id()).unwrap_or(wish.correlation_id);
    Wish { correlation_id, ..wish }
}

/// Asks, and answers 202.
async fn ask(
    operator: Operator,
    key: Option<IdempotencyKey>,
    wish: Wish,
    services: &Handle,
    executor: &Executor,
    parameters: &'static str,
) -> Result<HttpResponse, ApiError> {
    let (answer, _) = accept(operator.0, key, wish, services, executor, parameters).await?;
    respond::answer(answer)
}

/// Asks, and returns the answer with what it promises. What is asked is in the operators' trail first. If the process dies between the two, a repetition of the request
/// under its idempotency key finds the stored answer, and asks for what that promised: asked twice, it is one command. `parameters` is
/// where the parameters stand in the request.
pub(crate) async fn accept(
    operator: OperatorContext,
    key: Option<IdempotencyKey>,
    wish: Wish,
    services: &Handle,
    executor: &Executor,
    parameters: &'static str,
) -> Result<(Answer, AcceptedCommand), ApiError> {
    let offer = services.offer(&wish.service, &wish.action).await.map_err(refused)?;
    wish.check(&offer).map_err(|error| refused_at(error, parameters))?;
    let accepted = AcceptedCommand::of(&wish);
    let render = move |()| {
        let body = serde_json::to_string(&accepted)
            .map_err(|cause| Error::Serialize { what: "the answer", cause })?;
        Ok(StoredResponse { status: 202, location: Some(accepted.location()), etag: None, body })
    };
    let recorded = AskService { wish: wish.clone() };
    let answer = executor.execute_as_operator(operator, key, recorded, render).await?;
    let promised: AcceptedCommand = serde_json::from_str(&answer.response.body)
        .map_err(|cause| Error::Serialize { what: "the stored answer", cause })?;
    let wish = Wish { id: promised.id, correlation_id: promised.correlation_id, ..wish };
    services.send(wish).await.map_err(refused)?;
    Ok((answer, promised))
}

pub(crate) fn refused(error: AskError) -> ApiError {
    refused_at(error, PARAMETERS)
}

/// The same, where the parameters stand there in the request.
fn refused_at(error: AskError, parameters: &str) -> ApiError {
    let detail = error.to_string();
    let (status, code) = match error {
        AskError::NoSuchService(_) => (StatusCode::NOT_FOUND, "service_not_found"),
        AskError::NoSuchAction { .. } => (StatusCode::NOT_FOUND, "service_action_not_found"),
        AskError::NoSuchCommand(_) => (StatusCode::NOT_FOUND, "service_command_not_found"),
        AskError::Off { .. } => (StatusCode::CONFLICT, "service_off"),
        AskError::TimeLimit => {
            return ApiError::invalid_field("/time_limit_seconds", "out_of_range", detail);
        }
        AskError::Parameters { wrong, .. } => {
            let pointer = format!("{parameters}{}", wrong.pointer);
            return ApiError::invalid_field(&pointer, wrong.code, wrong.message);
        }
        AskError::Unavailable(_) => {
            return ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail.clone())
                .with_header(header::RETRY_AFTER, header::HeaderValue::from_static("1"))
                .with_cause(detail);
        }
        AskError::Failed(_) | AskError::Answer(..) => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
    };
    ApiError::new(status, code, detail)
}
