//! A new key. The form becomes the body of `POST /api/v1/api-keys`, which reads it. The key itself is in no answer that is
//! stored: it is on the page that follows the form, this once.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use askama::Template;
use chrono::NaiveDate;
use comptoir_core::accounts::api_keys::{ApiKeyView, CreateApiKey};
use comptoir_core::accounts::identity::secrets::ApiKeyText;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::application::{Permission, PermissionSet};
use serde_json::json;

use crate::console::answers::leads_there;
use crate::console::forms::{Form, FormFaults, new_key};
use crate::console::layout::{self, Page};
use crate::console::permissions::{self, Group};
use crate::console::visitor::Visitor;
use crate::console::words::{Keys, Users};
use crate::error::ApiError;
use crate::extract::Faults;
use crate::routes::api_keys::ApiKeyRequest;

/// The fields that a refusal can be about.
const FIELDS: &[&str] = &["name", "permissions", "expires_at"];

#[derive(Template)]
#[template(path = "console/keys/make.html")]
struct MakePage {
    page: Page,
    w: &'static Keys,
    of_role: String,
    faults: FormFaults,
    key: String,
    name: String,
    expires: String,
    groups: Vec<Group>,
}

#[derive(Template)]
#[template(path = "console/keys/made.html")]
struct MadePage {
    page: Page,
    w: &'static Keys,
    /// Where the key's own page is.
    to: String,
    /// `None` if the form was sent before: nobody knows the key any more.
    key: Option<String>,
}

fn written(visitor: &Visitor, again: Option<(&Form, FormFaults)>) -> Result<HttpResponse, ApiError> {
    let w = Keys::of(visitor.language);
    let status = if again.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let (form, faults) = again.map_or((None, FormFaults::default()), |(form, faults)| (Some(form), faults));
    let typed = |name: &str| form.and_then(|form| form.get(name)).unwrap_or_default().to_owned();
    let own: PermissionSet =
        Permission::ALL.iter().copied().filter(|permission| visitor.may(*permission)).collect();
    let ticked = form.map_or(PermissionSet::EMPTY, permissions::ticked);
    let page = MakePage {
        page: visitor.page(w.make),
        w,
        of_role: Users::of(visitor.language).of_role.to_string(),
        faults,
        key: form.map_or_else(new_key, Form::key_text),
        name: typed("name"),
        expires: typed("expires_at"),
        groups: permissions::groups(own, ticked, PermissionSet::EMPTY, visitor.language),
    };
    layout::show(status, &page)
}

pub(super) async fn show(visitor: Visitor) -> Result<HttpResponse, ApiError> {
    written(&visitor, None)
}

fn body(form: &Form, visitor: &Visitor) -> Result<ApiKeyRequest, Faults> {
    let mut body = json!({ "permissions": permissions::ticked(form).names() });
    if let Some(name) = form.get("name") {
        body["name"] = json!(name);
    }
    if let Some(text) = form.get("expires_at") {
        // The day itself is still good: it ends with it. What is no day is refused by the API.
        let day = text.parse::<NaiveDate>().ok().and_then(|day| day.succ_opt());
        let at = day.map_or_else(|| text.to_owned(), |day| visitor.format.beginning(day).to_rfc3339());
        body["expires_at"] = json!(at);
    }
    deserr::deserialize(body)
}

pub(super) async fn make(
    visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let w = Keys::of(visitor.language);
    if permissions::ticked(&form) == PermissionSet::EMPTY {
        let mut faults = FormFaults::default();
        faults.add("permissions", w.at_least_one);
        return written(&visitor, Some((&form, faults)));
    }
    let request = match body(&form, &visitor) {
        Ok(request) => request,
        Err(wrong) => {
            let faults = FormFaults::of(wrong.into(), FIELDS, visitor.language)?;
            return written(&visitor, Some((&form, faults)));
        }
    };
    let text = ApiKeyText::generate();
    let command = CreateApiKey { details: request.into(), text: text.clone() };
    let leads_to = |view: ApiKeyView| Ok(leads_there(format!("/console/keys/{}", view.id)));
    let answer = match executor.execute(visitor.context.clone(), form.key()?, command, leads_to).await {
        Ok(answer) => answer,
        Err(error) => {
            let faults = FormFaults::of(error.into(), FIELDS, visitor.language)?;
            return written(&visitor, Some((&form, faults)));
        }
    };
    layout::ok(&MadePage {
        page: visitor.page(w.made),
        w,
        key: (!answer.replayed).then(|| text.expose().to_owned()),
        to: answer.response.location.unwrap_or_else(|| "/console/keys".to_owned()),
    })
}
