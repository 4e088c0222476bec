//! One import: how far it is, and what was refused of it.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use bigdecimal::{BigDecimal, ToPrimitive};
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::commerce::imports::{
    self, CancelImport, ImportState, ImportView, RefusedRow, RefusedSort, ResumeImport,
};
use comptoir_core::platform::paging::PageRequest;
use comptoir_core::values::ids::ImportId;

use super::PATH;
use super::show::{name, state};
use crate::console::answers::leads_to;
use crate::console::forms::Form;
use crate::console::layout::{self, Page};
use crate::console::lists::{Address, Head, Turn};
use crate::console::parts::{Action, Block, Cell, Link, Row, Saved, saved};
use crate::console::status::Status;
use crate::console::visitor::Visitor;
use crate::console::words::{Imports as Words, Parts, imports as said};
use crate::error::ApiError;
use crate::extract::part;
use crate::imports::Imports;
use crate::routes::imports::visible;

/// Refused rows of a page.
const LIMIT: u8 = 50;
/// How much of a refused row is shown, in characters; the file has all of it.
const SHOWN: usize = 300;

#[derive(Template)]
#[template(path = "console/imports/one.html")]
struct ImportPage {
    page: Page,
    w: &'static Words,
    shared: &'static Parts,
    crumb: Link,
    /// The page itself, which it asks for again while something can change.
    path: String,
    is_open: bool,
    is_outdated: bool,
    refused: Option<String>,
    status: Status,
    line: String,
    actions: Vec<Action>,
    /// What is done, in hundredths; `None` if nothing is known yet.
    share: Option<(u8, String)>,
    facts: Block,
    rows: Block,
}

pub(super) async fn show(
    request: HttpRequest,
    mut visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let address = Address::of(&request);
    let w = Words::of(visitor.language);
    let notice = match address.get("done") {
        Some("begun") => Some(w.done_begun),
        Some("cancelled") => Some(w.done_cancelled),
        Some("resumed") => Some(w.done_resumed),
        _ => None,
    };
    let import = visible(&database, &mut visitor.context, part(&request, "id")?).await?;
    let page = visitor.page(name(&import, w)).saying(notice);
    written(&import, page, &address, None, &visitor, &database).await
}

async fn written(
    import: &ImportView,
    page: Page,
    address: &Address,
    undone: Option<Saved>,
    visitor: &Visitor,
    database: &TenantDatabase,
) -> Result<HttpResponse, ApiError> {
    let w = Words::of(visitor.language);
    let cursor = address.get("cursor");
    let wanted =
        PageRequest::<RefusedSort>::parse(Some(LIMIT.into()), None, cursor).map_err(ApiError::invalid)?;
    let found = imports::refused_rows(database, &visitor.context, import.id, &wanted).await?;
    let path = format!("{PATH}/{}", import.id);
    let rows = Block {
        id: "refused",
        title: w.refused_rows.to_string(),
        heads: vec![Head::text(w.row), Head::text(w.why), Head::text(w.content)],
        rows: found.data.iter().map(|row| refused_row(row, visitor)).collect(),
        empty: w.none_refused.to_string(),
        links: if import.progress.refused > 0 {
            vec![Link::new(format!("{path}/refused-rows.csv"), w.refused_csv)]
        } else {
            Vec::new()
        },
        turn: Some(Turn::of(address, found.next_cursor.as_deref(), found.count, &visitor.format)),
        ..Block::default()
    };
    let status = if undone.is_some() { StatusCode::CONFLICT } else { StatusCode::OK };
    let is_outdated = matches!(undone, Some(Saved::Outdated));
    let refused = match undone {
        Some(Saved::Refused(faults)) => Some(faults.whole().join(" ")),
        _ => None,
    };
    let page = ImportPage {
        page,
        w,
        shared: Parts::of(visitor.language),
        crumb: Link::new(PATH, w.title),
        is_open: matches!(import.state, ImportState::Receiving | ImportState::Waiting | ImportState::Running),
        is_outdated,
        refused,
        status: state(import, w),
        line: format!("{}, {}", said::kind(import.kind, w), said::mode(import.mode, w)),
        actions: actions(import, &path, w),
        share: share(import)
            .map(|share| (share, visitor.format.percent(&BigDecimal::from(u32::from(share))))),
        facts: facts(import, visitor),
        rows,
        path,
    };
    layout::show(status, &page)
}

fn share(import: &ImportView) -> Option<u8> {
    let progress = &import.progress;
    let done = [progress.created, progress.updated, progress.unchanged, progress.refused];
    let done: i64 = done.into_iter().map(i64::from).sum();
    let rows = i64::from(progress.rows);
    (rows > 0).then(|| (done * 100 / rows).clamp(0, 100).to_u8()).flatten()
}

fn facts(import: &ImportView, visitor: &Visitor) -> Block {
    let (w, progress) = (Words::of(visitor.language), &import.progress);
    let count = |count: i32| Some(visitor.format.whole(count.into()));
    Block::facts(
        "progress",
        w.progress,
        [
            (w.rows.to_string(), count(progress.rows)),
            (w.created.to_string(), count(progress.created)),
            (w.updated.to_string(), count(progress.updated)),
            (w.unchanged.to_string(), count(progress.unchanged)),
            (w.refused.to_string(), count(progress.refused)),
            (w.reason.to_string(), import.reason.clone()),
            (w.by.to_string(), Some(import.created_by.clone())),
            (w.begun.to_string(), Some(visitor.format.long(import.created_at).shown)),
        ],
    )
}

fn actions(import: &ImportView, path: &str, w: &'static Words) -> Vec<Action> {
    let mut actions = Vec::new();
    let form = |action: &str, label| Action::form(format!("{path}/{action}"), label, import.version);
    if matches!(import.state, ImportState::Waiting | ImportState::Running | ImportState::Stopped) {
        actions.push(form("cancel", w.cancel).danger());
    }
    if import.state == ImportState::Stopped {
        actions.push(form("resume", w.resume).go());
    }
    actions
}

fn refused_row(row: &RefusedRow, visitor: &Visitor) -> Row {
    let errors = row.errors.as_ref().and_then(serde_json::Value::as_array).into_iter().flatten();
    let text =
        |error: &serde_json::Value, member: &str| error[member].as_str().unwrap_or_default().to_owned();
    let errors =
        errors.map(|error| said::wrong(&text(error, "pointer"), &text(error, "code"), visitor.language));
    let content: String = row.content.as_deref().unwrap_or_default().chars().take(SHOWN).collect();
    Row {
        id: row.number.to_string(),
        to: None,
        title: visitor.format.whole(row.number.into()),
        small: String::new(),
        cells: vec![Cell::text(errors.collect::<Vec<_>>().join(" ")), Cell::text(content).wide()],
    }
}

pub(super) async fn cancel(
    request: HttpRequest,
    mut visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let id: ImportId = part(&request, "id")?;
    visible(&database, &mut visitor.context, id).await?;
    let command = CancelImport { id, expected_version: Some(form.version()?) };
    let to = leads_to(|view: &ImportView| format!("{PATH}/{}?done=cancelled", view.id));
    let answer = executor.execute(visitor.context.clone(), form.key()?, command, to).await;
    done(saved(answer, &[], &visitor)?, id, &request, &mut visitor, &database).await
}

pub(super) async fn resume(
    request: HttpRequest,
    mut visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
    database: Data<TenantDatabase>,
    queue: Data<Imports>,
) -> Result<HttpResponse, ApiError> {
    let id: ImportId = part(&request, "id")?;
    visible(&database, &mut visitor.context, id).await?;
    let command = ResumeImport { id, expected_version: Some(form.version()?) };
    let to = leads_to(|view: &ImportView| format!("{PATH}/{}?done=resumed", view.id));
    let answer = executor.execute(visitor.context.clone(), form.key()?, command, to).await;
    let outcome = saved(answer, &[], &visitor)?;
    if matches!(outcome, Saved::Done(_)) {
        queue.begin(visitor.context.tenant_id(), id);
    }
    done(outcome, id, &request, &mut visitor, &database).await
}

/// Leads on, or shows the import as it is now and why nothing was done.
async fn done(
    outcome: Saved,
    id: ImportId,
    request: &HttpRequest,
    visitor: &mut Visitor,
    database: &TenantDatabase,
) -> Result<HttpResponse, ApiError> {
    if let Saved::Done(response) = outcome {
        return Ok(response);
    }
    let import = visible(database, &mut visitor.context, id).await?;
    let page = visitor.page(name(&import, Words::of(visitor.language)));
    written(&import, page, &Address::of(request), Some(outcome), visitor, database).await
}
