//! The list of imports: those of what the visitor may write.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use comptoir_core::application::TenantDatabase;
use comptoir_core::commerce::imports::{ImportSort, ImportState, ImportView};
use comptoir_core::platform::paging::PageRequest;

use super::PATH;
use super::begin::kinds;
use crate::console::layout;
use crate::console::lists::{Address, Head, Turn};
use crate::console::parts::{Cell, Link, ListPage, Row};
use crate::console::status::Status;
use crate::console::visitor::Visitor;
use crate::console::words::{Imports, imports as said};
use crate::error::ApiError;
use crate::routes::imports::visible_ones;

/// Rows of a page.
const LIMIT: u8 = 50;

pub(super) fn state(import: &ImportView, w: &'static Imports) -> Status {
    match import.state {
        ImportState::Receiving => Status::draft(w.receiving),
        ImportState::Waiting => Status::open(w.waiting),
        ImportState::Running => Status::half(w.running),
        ImportState::Finished if import.progress.refused > 0 => Status::late(w.with_refused),
        ImportState::Finished => Status::done(w.finished),
        ImportState::Stopped => Status::failed(w.stopped),
        ImportState::Cancelled => Status::over(w.cancelled),
    }
}

/// What people call an import.
pub(super) fn name(import: &ImportView, w: &'static Imports) -> String {
    import.file_name.clone().unwrap_or_else(|| said::kind(import.kind, w).to_string())
}

pub(super) async fn list(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let w = Imports::of(visitor.language);
    let address = Address::of(&request);
    let cursor = address.get("cursor");
    let wanted =
        PageRequest::<ImportSort>::parse(Some(LIMIT.into()), None, cursor).map_err(ApiError::invalid)?;
    let found = visible_ones(&database, &visitor.context, &wanted).await?;
    let turn = Turn::of(&address, found.next_cursor.as_deref(), found.count, &visitor.format);
    let number = |count: i32| Cell::number(visitor.format.whole(count.into()));
    let rows = found.data.iter().map(|import| Row {
        id: import.id.to_string(),
        to: Some(format!("{PATH}/{}", import.id)),
        title: name(import, w),
        small: import.created_by.clone(),
        cells: vec![
            Cell::text(said::kind(import.kind, w)).wide(),
            Cell::moment(visitor.format.short(import.created_at)).wide(),
            Cell::status(state(import, w)),
            number(import.progress.rows).wide(),
            number(import.progress.refused).wide(),
        ],
    });
    let rows = rows.collect();
    let page = visitor.page(w.title);
    let create = (!kinds(&visitor).is_empty()).then(|| Link::new("/console/imports/new", w.create));
    layout::ok(&ListPage {
        label: w.list_label.to_string(),
        // The API's export knows no filter, and the list has none.
        csv: Some(address.cleared().export("/console/imports.csv")),
        create,
        heads: vec![
            Head::text(w.file),
            Head::text(w.kind),
            Head::text(w.begun),
            Head::text(w.state),
            Head::number(w.rows),
            Head::number(w.refused),
        ],
        rows,
        empty: w.empty.to_string(),
        empty_then: w.empty_then.to_string(),
        ..ListPage::of(page, PATH, address, turn)
    })
}
