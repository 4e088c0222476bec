//! A product is taken off sale for good.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::commerce::products::{self, ArchiveProduct, ProductView};
use comptoir_core::values::ids::ProductId;

use super::PATH;
use crate::console::answers::leads_to;
use crate::console::forms::{Form, FormFaults, new_key};
use crate::console::layout;
use crate::console::parts::{FormPage, Link, Saved, saved};
use crate::console::visitor::Visitor;
use crate::console::words::{Parts, Products};
use crate::error::ApiError;
use crate::extract::part;

/// Asks first; `undone` is why it was not done.
async fn ask(
    id: ProductId,
    visitor: &Visitor,
    database: &TenantDatabase,
    undone: Option<Saved>,
) -> Result<HttpResponse, ApiError> {
    let w = Products::of(visitor.language);
    let product = products::get(database, &visitor.context, id).await?;
    let status = if undone.is_some() { StatusCode::CONFLICT } else { StatusCode::OK };
    let is_outdated = matches!(undone, Some(Saved::Outdated));
    let faults = match undone {
        Some(Saved::Refused(faults)) => faults,
        _ => FormFaults::default(),
    };
    let page = FormPage {
        page: visitor.page(w.archive_title),
        w: Parts::of(visitor.language),
        faults,
        crumb: Link::new(format!("{PATH}/{id}"), format!("{} {}", product.sku, product.name)),
        hint: w.archive_hint.to_string(),
        action: format!("{PATH}/{id}/archive"),
        key: new_key(),
        version: Some(product.version),
        is_outdated,
        versions: None,
        sections: Vec::new(),
        submit: w.archive_do.to_string(),
        is_danger: true,
    };
    layout::show(status, &page)
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    ask(part(&request, "id")?, &visitor, &database, None).await
}

pub(super) async fn archive(
    request: HttpRequest,
    visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let id: ProductId = part(&request, "id")?;
    let command = ArchiveProduct { id, expected_version: Some(form.version()?) };
    let to = leads_to(|view: &ProductView| format!("{PATH}/{}?done=archived", view.id));
    let answer = executor.execute(visitor.context.clone(), form.key()?, command, to).await;
    match saved(answer, &[], &visitor)? {
        Saved::Done(response) => Ok(response),
        other => ask(id, &visitor, &database, Some(other)).await,
    }
}
