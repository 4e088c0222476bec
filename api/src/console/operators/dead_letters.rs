//! The dead letters: events that failed for good. A list with its views and filters, and beside it one of them.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use chrono::{DateTime, Utc};
use comptoir_core::outbox::dead_letters::{self, Details, Filter, Position, Summary};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use uuid::Uuid;

use super::decide::Chosen;
use super::of_all::{OfAll, document, failed, unlinked};
use super::schema::written;
use crate::console::format::Moment;
use crate::console::forms::new_key;
use crate::console::layout::{self, Page};
use crate::console::lists::{Address, Chip, View};
use crate::console::visitor::OperatorVisitor;
use crate::console::words::{Operators, operators as said};
use crate::error::ApiError;
use crate::export::{self, Exported};

const DECIDE: &str = "/console/operators/dead-letters/decide";
/// The fields of the form of filters, which keeps the other parameters.
const FIELDS: &[&str] = &["event_type", "aggregate_id", "letter"];
const SHOWN: i64 = 50;
const EXPORTED_AT_ONCE: i64 = 1_000;

#[derive(Template)]
#[template(path = "console/operators/dead_letters.html")]
struct ListPage {
    page: Page,
    w: &'static Operators,
    again: Address,
    own: &'static [&'static str],
    views: Vec<View>,
    event_type: String,
    aggregate_id: String,
    chips: Vec<Chip>,
    cleared: Address,
    is_filtered: bool,
    fault: Option<String>,
    rows: Vec<Row>,
    first: Option<Address>,
    next: Option<Address>,
    count: String,
    requeue_all: Option<Choice>,
    discard_all: Option<Choice>,
    letter: Option<Letter>,
    csv: Address,
}

struct Row {
    id: Uuid,
    event_type: String,
    aggregate: String,
    reason: String,
    error: Option<String>,
    dead: Moment,
    to: Address,
    is_current: bool,
    pick: String,
}

/// What leads to the page that asks before all that match are decided about.
struct Choice {
    to: String,
    label: String,
}

/// The dead letter beside the list.
struct Letter {
    id: Uuid,
    key: String,
    title: String,
    aggregate: String,
    company: Uuid,
    reason: String,
    error: Option<String>,
    tries: String,
    occurred: Moment,
    dead: Moment,
    headers: String,
    payload: String,
    size: String,
    discard: String,
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: OperatorVisitor,
    of_all: Data<OfAll>,
) -> Result<HttpResponse, ApiError> {
    let (w, address) = (Operators::of(visitor.language), Address::of(&request));
    let Some(database) = of_all.database() else { return unlinked(&visitor, w.dead_letters) };
    let chosen = Chosen::of_address(&address, Utc::now());
    let (filter, fault) = match chosen.filter() {
        Ok(filter) => (filter, None),
        Err(_) => (Filter::default(), Some(w.pattern_fault.to_string())),
    };
    let mut connection = database.connection().await.map_err(failed)?;
    let extent = dead_letters::extent(&mut connection, &filter).await.map_err(failed)?;
    let after = address.get("cursor").and_then(position);
    let mut found = dead_letters::list(&mut connection, &filter, after, SHOWN + 1).await.map_err(failed)?;
    let has_more = found.len() as i64 > SHOWN;
    found.truncate(SHOWN as usize);
    let wanted = address.get("letter").and_then(|text| Uuid::try_parse(text).ok());
    let letter = match wanted {
        Some(id) => dead_letters::details(&mut connection, id).await.map_err(failed)?,
        None => None,
    };
    drop(connection);
    let count = visitor.format.whole(extent.count);
    let choice = |verb: &str| {
        let is_offered = extent.count > 0 && fault.is_none();
        is_offered.then(|| Choice {
            to: address.without("letter").moved(DECIDE).with("verb", verb).to_string(),
            label: said::all_of(verb, &count, visitor.language),
        })
    };
    let list = address.without("letter");
    let page = ListPage {
        page: visitor.page(w.dead_letters),
        w,
        own: FIELDS,
        views: views(&list, w),
        event_type: address.get("event_type").unwrap_or_default().to_owned(),
        aggregate_id: address.get("aggregate_id").unwrap_or_default().to_owned(),
        chips: chips(&list, w),
        cleared: list.cleared(),
        is_filtered: !list.cleared().is_same_list(&list),
        requeue_all: choice("requeue"),
        discard_all: choice("discard"),
        next: found.last().filter(|_| has_more).map(|last| list.with("cursor", &written_position(last))),
        first: address.get("cursor").map(|_| list.clone()),
        rows: found.into_iter().map(|letter| row(letter, &address, wanted, &visitor)).collect(),
        letter: letter.map(|letter| beside(letter, &visitor)),
        count,
        fault,
        csv: list.export("/console/operators/dead-letters.csv"),
        again: address,
    };
    layout::ok(&page)
}

/// A line of the export. What an event says is its company's: it is on the page of the event.
#[derive(Serialize)]
struct Line {
    id: Uuid,
    event_type: String,
    aggregate_type: String,
    aggregate_id: String,
    reason: String,
    last_error: Option<String>,
    retry_count: i32,
    failed_at: DateTime<Utc>,
}

impl Exported for Line {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "event_type",
        "aggregate_type",
        "aggregate_id",
        "reason",
        "last_error",
        "retry_count",
        "failed_at",
    ];
}

/// The dead letters that the list shows, the newest first.
pub(super) async fn export(
    request: HttpRequest,
    _: OperatorVisitor,
    of_all: Data<OfAll>,
) -> Result<HttpResponse, ApiError> {
    let database = of_all.needed()?.clone();
    let filter = Chosen::of_address(&Address::of(&request), Utc::now()).filter()?;
    Ok(export::csv_by("dead-letters", move |after: Option<Position>| {
        let (database, filter) = (database.clone(), filter.clone());
        async move {
            let mut connection = database.connection().await?;
            let found = dead_letters::list(&mut connection, &filter, after, EXPORTED_AT_ONCE).await?;
            let is_full = found.len() as i64 == EXPORTED_AT_ONCE;
            let end = found.last().filter(|_| is_full).map(|last| (last.failed_at, last.id));
            Ok((found.into_iter().map(line).collect::<Vec<_>>(), end))
        }
    }))
}

fn line(letter: Summary) -> Line {
    Line {
        id: letter.id,
        event_type: letter.event_type,
        aggregate_type: letter.aggregate_type,
        aggregate_id: letter.aggregate_id,
        reason: letter.reason,
        last_error: letter.last_error,
        retry_count: letter.retry_count,
        failed_at: letter.failed_at,
    }
}

/// Where a page of the list begins: `time_id`.
fn position(text: &str) -> Option<Position> {
    let (time, id) = text.split_once('_')?;
    Some((DateTime::parse_from_rfc3339(time).ok()?.to_utc(), Uuid::try_parse(id).ok()?))
}

fn written_position(letter: &Summary) -> String {
    format!("{}_{}", written(letter.failed_at), letter.id)
}

fn views(list: &Address, w: &'static Operators) -> Vec<View> {
    let base = list.without("hours");
    let view = |label: String, hours: Option<&str>| View {
        label,
        to: hours.map_or_else(|| base.clone(), |hours| base.with("hours", hours)),
        is_current: list.get("hours") == hours,
        count: None,
        is_warning: false,
    };
    vec![
        view(w.all_letters.to_string(), None),
        view(w.last_hour.to_string(), Some("1")),
        view(w.last_day.to_string(), Some("24")),
        view(w.last_week.to_string(), Some("168")),
    ]
}

fn chips(list: &Address, w: &'static Operators) -> Vec<Chip> {
    let chip = |name: &str, label: String| {
        let value = list.get(name)?;
        Some(Chip { label: format!("{label} {value}"), without: list.without(name) })
    };
    let types = chip("event_type", w.event_type.to_string());
    types.into_iter().chain(chip("aggregate_id", w.aggregate.to_string())).collect()
}

fn row(letter: Summary, address: &Address, wanted: Option<Uuid>, visitor: &OperatorVisitor) -> Row {
    Row {
        // The page of the list stays the same.
        to: address.beside("letter", &letter.id.to_string()),
        is_current: wanted == Some(letter.id),
        dead: visitor.format.short(letter.failed_at),
        pick: said::pick(&letter.event_type, &letter.aggregate_id, visitor.language),
        id: letter.id,
        event_type: letter.event_type,
        aggregate: letter.aggregate_id,
        reason: said::dead_because(&letter.reason, visitor.language),
        error: letter.last_error,
    }
}

fn beside(letter: Details, visitor: &OperatorVisitor) -> Letter {
    let format = &visitor.format;
    let version = letter.aggregate_version.map(|version| format.whole(version));
    Letter {
        key: new_key(),
        title: said::versioned(&letter.event_type, version.as_deref(), visitor.language),
        aggregate: format!("{} {}", letter.aggregate_type, letter.aggregate_id),
        company: letter.tenant_id,
        tries: format.whole(letter.retry_count.into()),
        occurred: format.long(letter.occurred_at),
        dead: format.long(letter.failed_at),
        size: said::bytes(&format.whole(letter.payload.0.len() as i64), visitor.language),
        headers: document(&letter.headers),
        payload: document(&letter.payload),
        discard: format!(
            "{DECIDE}?verb=discard&id={}",
            utf8_percent_encode(&letter.id.to_string(), NON_ALPHANUMERIC)
        ),
        reason: said::dead_because(&letter.reason, visitor.language),
        error: letter.last_error,
        id: letter.id,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_begins_where_the_one_before_ended() {
        let text = "2026-11-26T09:30:00.123456Z_01936f5e-7c1a-7d3e-9a4b-5c6d7e8f9a0b";
        let (time, id) = position(text).expect("a position");
        assert_eq!(format!("{}_{id}", written(time)), text);
        assert!(position("yesterday").is_none() && position("2026-11-26T09:30:00Z_x").is_none());
    }
}
