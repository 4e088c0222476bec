//! One key, without the key itself, and its end.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use comptoir_core::accounts::api_keys::{self, ApiKeyView, RevokeApiKey};
use comptoir_core::accounts::users;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::application::{Permission, TenantDatabase};
use comptoir_core::values::ids::ApiKeyId;

use super::status;
use crate::console::answers::{follow, leads_there};
use crate::console::format::Moment;
use crate::console::forms::{Form, new_key};
use crate::console::layout::{self, Page};
use crate::console::lists::Address;
use crate::console::status::Status;
use crate::console::typography::Word;
use crate::console::undone::Undone;
use crate::console::visitor::Visitor;
use crate::console::words::Keys;
use crate::console::words::permissions::label;
use crate::console::{menu, permissions};
use crate::error::ApiError;
use crate::extract::part;

#[derive(Template)]
#[template(path = "console/keys/one.html")]
struct OnePage {
    page: Page,
    w: &'static Keys,
    is_outdated: bool,
    refused: Option<String>,
    id: String,
    prefix: String,
    status: Status,
    created: Moment,
    last_used: Option<Moment>,
    ends: Option<Moment>,
    owner: Option<String>,
    rights: Vec<&'static str>,
    may_revoke: bool,
    trail: Option<String>,
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let w = Keys::of(visitor.language);
    let key = api_keys::get(&database, &visitor.context, part(&request, "id")?).await?;
    let notice = (Address::of(&request).get("done") == Some("revoked")).then_some(w.done_revoked);
    written(&visitor, &database, key, notice, None).await
}

async fn written(
    visitor: &Visitor,
    database: &TenantDatabase,
    key: ApiKeyView,
    notice: Option<Word>,
    undone: Option<Undone>,
) -> Result<HttpResponse, ApiError> {
    let w = Keys::of(visitor.language);
    let code = if undone.is_some() { StatusCode::CONFLICT } else { StatusCode::OK };
    let owner = match key.owner_id {
        Some(id) if visitor.may(Permission::UsersRead) => {
            Some(users::get(database, &visitor.context, id).await?.name)
        }
        _ => None,
    };
    let rights = permissions::named(&key.permissions);
    let page = OnePage {
        page: visitor.page(&key.name).about("api_key.*").saying(notice),
        w,
        is_outdated: undone.as_ref().is_some_and(Undone::is_outdated),
        refused: undone.and_then(Undone::refused),
        id: key.id.to_string(),
        status: status(&key, w),
        created: visitor.format.long(key.created_at),
        last_used: key.last_used_at.map(|at| visitor.format.long(at)),
        ends: key.expires_at.map(|at| visitor.format.long(at)),
        owner,
        rights: rights.iter().map(|permission| label(permission, visitor.language)).collect(),
        may_revoke: key.revoked_at.is_none() && visitor.may(Permission::ApiKeysWrite),
        trail: menu::may_see(&visitor.context.principal, "/console/audit")
            .then(|| format!("/console/audit?actor_id={}", key.id)),
        prefix: key.prefix,
    };
    layout::show(code, &page)
}

#[derive(Template)]
#[template(path = "console/keys/revoke.html")]
struct RevokePage {
    page: Page,
    w: &'static Keys,
    id: String,
    name: String,
    prefix: String,
    version: i64,
    key: String,
}

pub(super) async fn show_revoke(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let w = Keys::of(visitor.language);
    let key = api_keys::get(&database, &visitor.context, part(&request, "id")?).await?;
    layout::ok(&RevokePage {
        page: visitor.page(w.revoke_title),
        w,
        id: key.id.to_string(),
        name: key.name,
        prefix: key.prefix,
        version: key.version,
        key: new_key(),
    })
}

pub(super) async fn revoke(
    request: HttpRequest,
    visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let id: ApiKeyId = part(&request, "id")?;
    let command = RevokeApiKey { id, expected_version: Some(form.version()?) };
    let leads_to = |view: ApiKeyView| Ok(leads_there(format!("/console/keys/{}?done=revoked", view.id)));
    match executor.execute(visitor.context.clone(), form.key()?, command, leads_to).await {
        Ok(answer) => Ok(follow(answer, "/console/keys")),
        Err(error) => {
            let undone = Undone::of(error.into(), visitor.language)?;
            let key = api_keys::get(&database, &visitor.context, id).await?;
            written(&visitor, &database, key, None, Some(undone)).await
        }
    }
}
