//! How documents look. The form becomes the body of `PUT /api/v1/tenant/document-style`, which reads it; the logo goes the way of
//! `PUT /api/v1/tenant/logo`.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::error::Error;
use comptoir_core::application::idempotency::StoredResponse;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::commerce::documents::{self, RemoveLogo, StyleView};
use comptoir_documents::limits::LOGO_BYTES;
use futures::StreamExt;
use serde_json::json;

use crate::config::ApiConfig;
use crate::console::answers::leads_there;
use crate::console::forms::{Form, FormFaults, new_key};
use crate::console::layout::{self, Page, go};
use crate::console::lists::Address;
use crate::console::typography::Word;
use crate::console::upload::Upload;
use crate::console::visitor::Visitor;
use crate::console::words::Settings;
use crate::documents::style_faults;
use crate::error::ApiError;
use crate::extract::Faults;
use crate::routes::document_style::{DocumentStyleSettings, checked_logo};

const FIELDS: &[&str] = &["accent", "footer"];
const PATH: &str = "/console/settings/documents";
/// The field of the logo.
const LOGO: &str = "file";
/// So much of a file that is too large is read and thrown away: a browser that is cut off shows no page.
const MOST_READ: usize = 16 * LOGO_BYTES;

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
    /// Of the form that sets it, and of the one that removes it.
    set_key: String,
    logo_key: String,
}

/// Why the page is shown again.
enum Again<'a> {
    Style(&'a Form, FormFaults),
    Logo(Word),
}

/// Where the browser is sent, at the first click and at the second.
fn leads_to(done: &'static str) -> Result<StoredResponse, Error> {
    Ok(leads_there(format!("/console/settings?done={done}")))
}

async fn written(
    visitor: &Visitor,
    database: &TenantDatabase,
    notice: Option<Word>,
    again: Option<Again<'_>>,
) -> Result<HttpResponse, ApiError> {
    let w = Settings::of(visitor.language);
    let style = documents::style(database, &visitor.context).await?;
    let status = if again.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let mut faults = FormFaults::default();
    let form = match again {
        Some(Again::Style(form, found)) => {
            faults = found;
            Some(form)
        }
        Some(Again::Logo(said)) => {
            faults.add(LOGO, said);
            None
        }
        None => None,
    };
    let typed = |name: &str, now: Option<String>| match form {
        Some(form) => form.get(name).unwrap_or_default().to_owned(),
        None => now.unwrap_or_default(),
    };
    let page = DocumentsPage {
        page: visitor.page(w.documents).saying(notice),
        w,
        faults,
        key: form.map_or_else(new_key, Form::key_text),
        accent: typed("accent", style.accent),
        footer: typed("footer", style.footer),
        has_logo: style.logo.is_some(),
        set_key: new_key(),
        logo_key: new_key(),
    };
    layout::show(status, &page)
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let is_done = Address::of(&request).is("done", "logo");
    let notice = is_done.then_some(Settings::of(visitor.language).done_logo_set);
    written(&visitor, &database, notice, None).await
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
    written(&visitor, &database, None, Some(Again::Style(&form, faults))).await
}

/// The whole file; `None` if it is larger than a logo can be.
async fn received(file: Upload) -> Result<Option<Vec<u8>>, ApiError> {
    let (mut pieces, mut kept, mut read) = (file.pieces, Vec::new(), 0);
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|cause| {
            let detail = "the file could not be read";
            ApiError::new(StatusCode::BAD_REQUEST, "bad_request", detail).with_cause(cause)
        })?;
        read += piece.len();
        if read > MOST_READ {
            break;
        }
        if read <= LOGO_BYTES {
            kept.extend_from_slice(&piece);
        }
    }
    Ok((read <= LOGO_BYTES).then_some(kept))
}

pub(super) async fn set_logo(
    visitor: Visitor,
    form: Form,
    file: Upload,
    executor: Data<Executor>,
    database: Data<TenantDatabase>,
    limits: Data<ApiConfig>,
) -> Result<HttpResponse, ApiError> {
    let w = Settings::of(visitor.language);
    if file.name.is_empty() {
        return written(&visitor, &database, None, Some(Again::Logo(w.no_logo))).await;
    }
    let timeout = Duration::from_millis(limits.body_timeout_ms);
    let received = tokio::time::timeout(timeout, received(file)).await;
    let Some(png) = received.unwrap_or_else(|_| Err(ApiError::timed_out()))? else {
        return written(&visitor, &database, None, Some(Again::Logo(w.logo_too_large))).await;
    };
    let key = form.key_with(&png)?;
    let error = match checked_logo(png).await {
        Err(error) => error,
        Ok(command) => {
            let there = |_: StyleView| Ok::<_, Error>(leads_there(format!("{PATH}?done=logo")));
            match executor.execute(visitor.context.clone(), key, command, there).await {
                Ok(_) => return Ok(go(format!("{PATH}?done=logo"))),
                Err(error) => error.into(),
            }
        }
    };
    if error.status() != StatusCode::UNPROCESSABLE_ENTITY {
        return Err(error);
    }
    written(&visitor, &database, None, Some(Again::Logo(w.logo_wrong))).await
}

pub(super) async fn remove_logo(
    visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    executor.execute(visitor.context.clone(), form.key()?, RemoveLogo, |()| leads_to("logo")).await?;
    Ok(go("/console/settings?done=logo"))
}
