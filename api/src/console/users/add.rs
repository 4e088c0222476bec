//! A new user. The form becomes the body of `POST /api/v1/users`, which reads it.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use askama::Template;
use comptoir_core::accounts::identity::passwords::Passwords;
use comptoir_core::accounts::users::RegisterUser;
use comptoir_core::application::Role;
use comptoir_core::application::error::Error;
use comptoir_core::application::unit_of_work::Executor;
use serde_json::{Map, json};

use super::actions::leads_to;
use crate::console::answers::follow;
use crate::console::forms::{Choice, Form, FormFaults, new_key};
use crate::console::layout::{self, Page};
use crate::console::visitor::Visitor;
use crate::console::words::{Users, shared};
use crate::error::ApiError;
use crate::extract::Faults;
use crate::routes::users::RegisterUserRequest;

/// The fields that a refusal can be about.
const FIELDS: &[&str] = &["email", "name", "role", "password"];

#[derive(Template)]
#[template(path = "console/users/add.html")]
struct AddPage {
    page: Page,
    w: &'static Users,
    faults: FormFaults,
    key: String,
    email: String,
    name: String,
    roles: Vec<Choice>,
}

fn written(visitor: &Visitor, again: Option<(&Form, FormFaults)>) -> Result<HttpResponse, ApiError> {
    let w = Users::of(visitor.language);
    let status = if again.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let (form, faults) = again.map_or((None, FormFaults::default()), |(form, faults)| (Some(form), faults));
    let typed = |name: &str| form.and_then(|form| form.get(name)).unwrap_or_default().to_owned();
    // The role that can do least, until another one is chosen.
    let chosen = form.and_then(|form| form.get("role")).unwrap_or(Role::Warehouse.name());
    let choice = |role: &Role| Choice::new(role.name(), shared::role(Some(*role), visitor.language), chosen);
    let page = AddPage {
        page: visitor.page(w.add),
        w,
        faults,
        key: form.map_or_else(new_key, Form::key_text),
        email: typed("email"),
        name: typed("name"),
        roles: Role::ALL.iter().map(choice).collect(),
    };
    layout::show(status, &page)
}

pub(super) async fn show(visitor: Visitor) -> Result<HttpResponse, ApiError> {
    written(&visitor, None)
}

pub(super) async fn register(
    visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
    passwords: Data<Passwords>,
) -> Result<HttpResponse, ApiError> {
    match registered(&visitor, &form, &executor, &passwords).await {
        Ok(response) => Ok(response),
        Err(error) => {
            let faults = FormFaults::of(at_email(error), FIELDS, visitor.language)?;
            written(&visitor, Some((&form, faults)))
        }
    }
}

async fn registered(
    visitor: &Visitor,
    form: &Form,
    executor: &Executor,
    passwords: &Passwords,
) -> Result<HttpResponse, ApiError> {
    let mut body = Map::new();
    for name in ["email", "name", "role"] {
        if let Some(value) = form.get(name) {
            body.insert(name.to_owned(), json!(value));
        }
    }
    let password = form.exact("password");
    if !password.is_empty() {
        body.insert("password".to_owned(), json!(password));
    }
    let read: Result<RegisterUserRequest, Faults> = deserr::deserialize(serde_json::Value::Object(body));
    let body = read?;
    // The stored fingerprint of the form is a fast hash: no password goes into it.
    let key = form.key()?.map(|key| key.without_secret(body.without_password()));
    let (mut user, password) = body.into_user().map_err(|invalid| ApiError::invalid(vec![invalid.at("")]))?;
    if let Some(password) = password {
        user.password = Some(passwords.hash(password).await.map_err(Error::from)?);
    }
    let answer =
        executor.execute(visitor.context.clone(), key, RegisterUser { user }, leads_to("added")).await?;
    Ok(follow(answer, "/console/users"))
}

/// An address that is taken is a matter of its field.
fn at_email(error: ApiError) -> ApiError {
    if error.code() == "email_taken" && error.fields().is_empty() {
        ApiError::invalid_field("/email", "email_taken", "another user has this address")
    } else {
        error
    }
}
