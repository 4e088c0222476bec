//! How documents look. The form becomes the body of `PUT /api/v1/tenant/document-style`, which reads it.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use askama::Template;
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::error::Error;
use comptoir_core::application::idempotency::StoredResponse;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::commerce::documents::{self, RemoveLogo, StyleView};
use serde_json::json;

use crate::console::answers::leads_there;
use crate::console::forms::{Form, FormFaults, new_key};
use crate::console::layout::{self, Page, go};
use crate::console::visitor::Visitor;
use crate::console::words::Settings;
use crate::documents::style_faults;
use crate::error::ApiError;
use crate::extract::Faults;
use crate::routes::document_style::DocumentStyleSettings;

const FIELDS: &[&str] = &["accent", "footer"];

#[derive(Template)]
#[template(path = "console/settings/documents.html")]
struct DocumentsPage {
    page: Page,
    w: &'static Settings,
    faults: FormFaults,
    key: String,
    accent: String,
    footer: String,
    has_logo: bool,
    logo_key: String,
}

/// Where the browser is sent, at the first click and at the second.
fn leads_to(done: &'static str) -> Result<StoredResponse, Error> {
    Ok(leads_there(format!("/console/settings?done={done}")))
}

async fn written(
    visitor: &Visitor,
    database: &TenantDatabase,
    again: Option<(&Form, FormFaults)>,
) -> Result<HttpResponse, ApiError> {
    let w = Settings::of(visitor.language);
    let style = documents::style(database, &visitor.context).await?;
    let status = if again.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let (form, faults) = again.map_or((None, FormFaults::default()), |(form, faults)| (Some(form), faults));
    let typed = |name: &str, now: Option<String>| match form {
        Some(form) => form.get(name).unwrap_or_default().to_owned(),
        None => now.unwrap_or_default(),
    };
    let page = DocumentsPage {
        page: visitor.page(w.documents),
        w,
        faults,
        key: form.map_or_else(new_key, Form::key_text),
        accent: typed("accent", style.accent),
        footer: typed("footer", style.footer),
        has_logo: style.logo.is_some(),
        logo_key: new_key(),
    };
    layout::show(status, &page)
}

pub(super) async fn show(visitor: Visitor, database: Data<TenantDatabase>) -> Result<HttpResponse, ApiError> {
    written(&visitor, &database, None).await
}

fn read(form: &Form) -> Result<DocumentStyleSettings, ApiError> {
    let body = json!({ "accent": form.get("accent"), "footer": form.get("footer") });
    let read: Result<DocumentStyleSettings, Faults> = deserr::deserialize(body);
    let settings = read?;
    let faults = style_faults(&settings.style());
    if faults.is_empty() { Ok(settings) } else { Err(ApiError::invalid(faults)) }
}

pub(super) async fn change(
    visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let error = match read(&form) {
        Err(error) => error,
        Ok(settings) => {
            let saved = |_: StyleView| leads_to("saved");
            let command = settings.into_command();
            match executor.execute(visitor.context.clone(), form.key()?, command, saved).await {
                Ok(_) => return Ok(go("/console/settings?done=saved")),
                Err(error) => error.into(),
            }
        }
    };
    let faults = FormFaults::of(error, FIELDS, visitor.language)?;
    written(&visitor, &database, Some((&form, faults))).await
}

pub(super) async fn remove_logo(
    visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    executor.execute(visitor.context.clone(), form.key()?, RemoveLogo, |()| leads_to("logo")).await?;
    Ok(go("/console/settings?done=logo"))
}
