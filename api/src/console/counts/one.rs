//! One count: how far it is, its lines, what differs, and what can be done with it.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use comptoir_core::application::{Permission, TenantDatabase};
use comptoir_core::commerce::inventory_counts::{
    self, CountLineView, CountProgress, CountStatus, InventoryCountView, LineSort, LineState,
};
use comptoir_core::values::ids::InventoryCountId;

use super::list::{name, scope, status};
use crate::console::forms::new_key;
use crate::console::layout::{self, Page};
use crate::console::lists::{Address, Turn, View};
use crate::console::places::Places;
use crate::console::status::Status;
use crate::console::typography::Word;
use crate::console::visitor::Visitor;
use crate::console::words::{Counts, counts as said};
use crate::error::ApiError;
use crate::extract::{ListQuery, part};
use crate::routes::inventory_counts::CountLineFilters;

type Query = ListQuery<CountLineFilters, LineSort>;

#[derive(Template)]
#[template(path = "console/counts/one.html")]
struct OnePage {
    page: Page,
    w: &'static Counts,
    id: String,
    version: i64,
    key: String,
    refused: Option<String>,
    status: Status,
    context: String,
    actions: Vec<Action>,
    progress: String,
    share: u8,
    differing: Option<String>,
    /// What was gained and lost, once it is closed, for whoever may see costs.
    gained: Option<String>,
    lost: Option<String>,
    cancelled_for: Option<String>,
    views: Vec<View>,
    csv: Address,
    rows: Vec<Row>,
    shows_expected: bool,
    shows_values: bool,
    may_recount: bool,
    turn: Turn,
}

/// What can be done now, by this person.
struct Action {
    name: &'static str,
    label: Word,
    is_page: bool,
    is_next: bool,
    is_danger: bool,
}

struct Row {
    /// A product may lie in several locations.
    id: String,
    product_id: String,
    name: String,
    sku: String,
    place: String,
    state: Status,
    counted: String,
    expected: String,
    difference: String,
    differs: bool,
    value: String,
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    written(part(&request, "id")?, &Address::of(&request), &visitor, &database, None).await
}

/// Shows the count; `refused` says why something was not done.
pub(super) async fn written(
    id: InventoryCountId,
    address: &Address,
    visitor: &Visitor,
    database: &TenantDatabase,
    refused: Option<String>,
) -> Result<HttpResponse, ApiError> {
    let w = Counts::of(visitor.language);
    let notice = match address.get("done") {
        Some("planned") => Some(w.done_planned),
        Some("started") => Some(w.done_started),
        Some("recount") => Some(w.done_recount),
        Some("review") => Some(w.done_review),
        Some("closed") => Some(w.done_closed),
        Some("cancelled") => Some(w.done_cancelled),
        _ => None,
    };
    let count = inventory_counts::get(database, &visitor.context, id).await?;
    let progress = inventory_counts::progress(database, &visitor.context, id).await?;
    let Query { filter, page: wanted } = Query::parse(&address.query(&[]))?;
    let found = inventory_counts::lines(database, &visitor.context, id, &filter.into(), &wanted).await?;
    let places = Places::of(visitor, database).await?;
    let format = &visitor.format;
    let status_code = if refused.is_some() { StatusCode::CONFLICT } else { StatusCode::OK };
    let rows: Vec<Row> = found.data.iter().map(|line| row(line, visitor, w)).collect();
    let page = OnePage {
        page: visitor.page(name(&count, visitor)).about("inventory_count.*").saying(notice),
        w,
        id: id.to_string(),
        version: count.version,
        key: new_key(),
        refused,
        status: status(&count, w),
        context: format!("{} · {}", places.name(count.warehouse_id.uuid()), scope(&count, w)),
        actions: actions(&count, visitor, w),
        progress: said::of(&format.whole(progress.counted), &format.whole(progress.lines), visitor.language),
        share: share(&progress),
        differing: progress.differing.map(|number| format.whole(number)),
        gained: count.value_gained.as_ref().map(|value| visitor.money(value)),
        lost: count.value_lost.as_ref().map(|value| visitor.money(value)),
        cancelled_for: count.cancellation_reason.clone(),
        csv: address.export(&format!("/console/counts/{id}/lines.csv")),
        views: views(address, &progress, visitor, w),
        // What is expected is in no line of those who do not see it.
        shows_expected: progress.differing.is_some(),
        shows_values: rows.iter().any(|row| !row.value.is_empty()),
        may_recount: count.status == CountStatus::Review && visitor.may(Permission::InventoryClose),
        rows,
        turn: Turn::of(address, found.next_cursor.as_deref(), found.count, format),
    };
    layout::show(status_code, &page)
}

/// How much of a count is done, 0 to 100.
pub(super) fn share(progress: &CountProgress) -> u8 {
    let share = progress.counted.saturating_mul(100).checked_div(progress.lines).unwrap_or(0);
    u8::try_from(share.clamp(0, 100)).unwrap_or(100)
}

fn row(line: &CountLineView, visitor: &Visitor, w: &'static Counts) -> Row {
    let format = &visitor.format;
    let units = |units: Option<&comptoir_core::values::goods::Units>| {
        units.map(|units| format.decimal(units.value())).unwrap_or_default()
    };
    Row {
        id: line.location_id.map_or_else(
            || line.product_id.to_string(),
            |location| format!("{}-{location}", line.product_id),
        ),
        product_id: line.product_id.to_string(),
        name: line.name.clone(),
        sku: line.sku.clone(),
        place: line.location_code.clone().unwrap_or_default(),
        state: match line.state {
            LineState::ToCount => Status::open(w.to_count),
            LineState::Counted => Status::done(w.counted),
            LineState::ToRecount => Status::late(w.to_recount),
        },
        counted: units(line.counted.as_ref()),
        expected: units(line.expected.as_ref()),
        difference: line.difference.as_ref().map(|change| format.decimal(change.value())).unwrap_or_default(),
        differs: line.difference.as_ref().is_some_and(|change| !change.is_none()),
        value: line.value.as_ref().map(|value| visitor.money(value)).unwrap_or_default(),
    }
}

fn actions(count: &InventoryCountView, visitor: &Visitor, w: &'static Counts) -> Vec<Action> {
    let (may_count, may_close) =
        (visitor.may(Permission::InventoryCount), visitor.may(Permission::InventoryClose));
    let page = |name, label| Action { name, label, is_page: true, is_next: false, is_danger: false };
    let mut actions = Vec::new();
    if may_close && matches!(count.status, CountStatus::Open | CountStatus::Counting | CountStatus::Review) {
        actions.push(Action { is_danger: true, ..page("cancel", w.cancel_more) });
    }
    match count.status {
        CountStatus::Open if may_count => {
            actions.push(Action { is_page: false, is_next: true, ..page("start", w.start) });
        }
        CountStatus::Counting if may_count => {
            actions.push(page("review", w.review_more));
            actions.push(Action { is_next: true, ..page("sheet", w.go_count) });
        }
        CountStatus::Review if may_close => {
            actions.push(Action { is_next: true, ..page("close", w.close_more) });
        }
        _ => {}
    }
    actions
}

fn views(address: &Address, progress: &CountProgress, visitor: &Visitor, w: &'static Counts) -> Vec<View> {
    let base = address.without("state").without("differs");
    let shown = |count: i64| (count > 0).then(|| visitor.format.whole(count));
    let of_state = |label: Word, state: LineState, count| View {
        label: label.to_string(),
        to: base.with("state", state.as_str()),
        is_current: address.is("state", state.as_str()),
        count: shown(count),
        is_warning: false,
    };
    let mut views = vec![
        View {
            label: w.all_lines.to_string(),
            to: base.clone(),
            is_current: address.get("state").is_none() && address.get("differs").is_none(),
            count: None,
            is_warning: false,
        },
        of_state(w.to_count_view, LineState::ToCount, progress.to_count),
        of_state(w.to_recount_view, LineState::ToRecount, progress.to_recount),
    ];
    if let Some(differing) = progress.differing {
        views.push(View {
            label: w.differing_view.to_string(),
            to: base.with("differs", "true"),
            is_current: address.is("differs", "true"),
            count: shown(differing),
            is_warning: differing > 0,
        });
    }
    views
}
