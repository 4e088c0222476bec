//! What is done with a user, by the commands of the API.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use comptoir_core::accounts::users::{self, ChangeRole, DisableUser, EnableUser, UpdateUser, UserView};
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::error::Error;
use comptoir_core::application::idempotency::{Answer, StoredResponse};
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::values::ids::UserId;
use serde_json::{Map, json};

use super::one::{Shown, written};
use crate::console::answers::{follow, leads_there};
use crate::console::forms::{Form, FormFaults, new_key};
use crate::console::layout::{self, Page};
use crate::console::undone::Undone;
use crate::console::visitor::Visitor;
use crate::console::words::Users;
use crate::error::ApiError;
use crate::extract::{Faults, merge_patch, part};
use crate::routes::users::{ChangeRoleRequest, UpdateUserRequest};

/// What is stored under the form's key: where the browser is sent, at the first click and at the second.
pub(super) fn leads_to(
    done: &'static str,
) -> impl Fn(UserView) -> Result<StoredResponse, Error> + Send + Sync {
    move |user: UserView| Ok(leads_there(format!("/console/users/{}?done={done}", user.id)))
}

pub(super) async fn rename(
    request: HttpRequest,
    visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let id: UserId = part(&request, "id")?;
    let name = form.get("name").unwrap_or_default().to_owned();
    let patch = Map::from_iter([("name".to_owned(), json!(name))]);
    let command = UpdateUser {
        id,
        expected_version: Some(form.version()?),
        edit: merge_patch::<UpdateUserRequest>(patch),
    };
    match executor.execute(visitor.context.clone(), form.key()?, command, leads_to("name")).await {
        Ok(answer) => Ok(follow(answer, "/console/users")),
        Err(error) => {
            let error = ApiError::from(error);
            let mut shown = Shown { name: Some(name), ..Shown::default() };
            if error.status() == StatusCode::UNPROCESSABLE_ENTITY {
                shown.faults = FormFaults::of(error, &["name"], visitor.language)?;
            } else {
                shown.undone = Some(Undone::of(error, visitor.language)?);
            }
            let user = users::get(&database, &visitor.context, id).await?;
            written(&visitor, &database, user, shown).await
        }
    }
}

pub(super) async fn change_role(
    request: HttpRequest,
    visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let id: UserId = part(&request, "id")?;
    let chosen = form.get("role").unwrap_or_default();
    let read: Result<ChangeRoleRequest, Faults> = deserr::deserialize(json!({ "role": chosen }));
    let role = match read {
        Ok(body) => body.role,
        Err(wrong) => {
            let faults = FormFaults::of(wrong.into(), &["role"], visitor.language)?;
            let user = users::get(&database, &visitor.context, id).await?;
            return written(&visitor, &database, user, Shown { faults, ..Shown::default() }).await;
        }
    };
    let command = ChangeRole { id, expected_version: Some(form.version()?), role };
    let answer = executor.execute(visitor.context.clone(), form.key()?, command, leads_to("role")).await;
    let chosen = Some(chosen.to_owned());
    done(answer, &visitor, &database, id, Shown { role: chosen, ..Shown::default() }).await
}

pub(super) async fn enable(
    request: HttpRequest,
    visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let id: UserId = part(&request, "id")?;
    let command = EnableUser { id, expected_version: Some(form.version()?) };
    let answer = executor.execute(visitor.context.clone(), form.key()?, command, leads_to("enabled")).await;
    done(answer, &visitor, &database, id, Shown::default()).await
}

pub(super) async fn disable(
    request: HttpRequest,
    visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let id: UserId = part(&request, "id")?;
    let keep_api_keys = form.has("keep_api_keys");
    let command = DisableUser { id, expected_version: Some(form.version()?), keep_api_keys };
    let answer = executor.execute(visitor.context.clone(), form.key()?, command, leads_to("disabled")).await;
    done(answer, &visitor, &database, id, Shown::default()).await
}

/// Leads on, or shows the user as they are now and why nothing was done.
async fn done(
    answer: Result<Answer, Error>,
    visitor: &Visitor,
    database: &TenantDatabase,
    id: UserId,
    shown: Shown,
) -> Result<HttpResponse, ApiError> {
    let error = match answer {
        Ok(answer) => return Ok(follow(answer, "/console/users")),
        Err(error) => ApiError::from(error),
    };
    let undone = Some(Undone::of(error, visitor.language)?);
    let user = users::get(database, &visitor.context, id).await?;
    written(visitor, database, user, Shown { undone, ..shown }).await
}

#[derive(Template)]
#[template(path = "console/users/disable.html")]
struct DisablePage {
    page: Page,
    w: &'static Users,
    id: String,
    name: String,
    email: String,
    version: i64,
    key: String,
}

pub(super) async fn show_disable(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let w = Users::of(visitor.language);
    let user = users::get(&database, &visitor.context, part(&request, "id")?).await?;
    layout::ok(&DisablePage {
        page: visitor.page(w.disable_title),
        w,
        id: user.id.to_string(),
        name: user.name,
        email: user.email,
        version: user.version,
        key: new_key(),
    })
}
