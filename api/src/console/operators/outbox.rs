//! The outbox: what waits, how quickly it was published, who publishes it, what is tried again and why.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use chrono::{DateTime, TimeDelta, Utc};
use comptoir_core::outbox::event_queries::{self, Filter, Summary};
use comptoir_core::outbox::throughput::{self, EVENTS_READ_AT_MOST, Minute, Published};
use comptoir_core::outbox::{EventTypes, overview};
use comptoir_core::services::{Handle, ServiceView, grouped};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::chart::{Chart, MINUTES, chart};
use super::of_all::{OfAll, failed, unlinked};
use crate::console::format::Moment;
use crate::console::layout::{self, Page};
use crate::console::lists::{Address, View};
use crate::console::status::Status;
use crate::console::visitor::OperatorVisitor;
use crate::console::words::{Operators, operators as said};
use crate::error::ApiError;
use crate::export::{self, Exported};
use crate::routes::services::refused;

/// How many events of a kind are shown.
const SHOWN: i64 = 50;
/// How many events of an export are read at once: each time the outbox is read as a whole.
const EXPORTED_AT_ONCE: i64 = 5_000;
/// How many reasons for another attempt.
const REASONS: i64 = 10;
/// For how long back the events that were published are looked at.
const LATEST_MINUTES: i64 = 10;
/// The shards of the outbox, all of which somebody should hold.
const SHARDS: i64 = comptoir_core::outbox::SHARDS as i64;

#[derive(Template)]
#[template(path = "console/operators/outbox.html")]
struct OutboxPage {
    page: Page,
    w: &'static Operators,
    again: Address,
    figures: Vec<(String, String)>,
    is_partial: bool,
    rates: Option<Chart>,
    latencies: Option<Chart>,
    minutes: Vec<MinuteRow>,
    reasons: Vec<(String, String)>,
    relays: Vec<Relay>,
    shards: String,
    is_short_of_shards: bool,
    views: Vec<View>,
    event_type: String,
    view: String,
    fault: Option<String>,
    waiting: Vec<Row>,
    next: Option<Address>,
    latest: Vec<Row>,
    csv: Address,
}

struct MinuteRow {
    at: Moment,
    published: String,
    half: String,
    most: String,
}

/// An event in a list.
struct Row {
    id: Uuid,
    event_type: String,
    aggregate: String,
    company: Uuid,
    state: Status,
    at: Moment,
    tries: String,
    error: Option<String>,
}

/// A relay that lives, as its services say.
struct Relay {
    id: Uuid,
    name: String,
    shards: String,
    broker: Status,
    drain: Status,
    reason: Option<String>,
    seen: Moment,
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: OperatorVisitor,
    services: Data<Handle>,
    of_all: Data<OfAll>,
) -> Result<HttpResponse, ApiError> {
    let (w, format, address) = (Operators::of(visitor.language), &visitor.format, Address::of(&request));
    let Some(database) = of_all.database() else { return unlinked(&visitor, w.outbox) };
    let now = Utc::now();
    let mut connection = database.connection().await.map_err(failed)?;
    let totals = overview::totals(&mut connection).await.map_err(failed)?;
    let since = now - TimeDelta::minutes(MINUTES);
    let minutes = throughput::minutes(&mut connection, since).await.map_err(failed)?;
    let reasons = overview::retry_errors(&mut connection, REASONS).await.map_err(failed)?;
    let event_type = address.get("event_type").unwrap_or_default().to_owned();
    let types = types(&address);
    let fault = types.is_err().then(|| w.pattern_fault.to_string());
    let filter = filter(&address, types.unwrap_or_default());
    let after = address.get("cursor").and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut waiting =
        event_queries::list(&mut connection, &filter, after, SHOWN + 1).await.map_err(failed)?;
    let has_more = waiting.len() as i64 > SHOWN;
    waiting.truncate(SHOWN as usize);
    let since = now - TimeDelta::minutes(LATEST_MINUTES);
    let latest = throughput::latest(&mut connection, since, SHOWN).await.map_err(failed)?;
    drop(connection);
    let relays = grouped(services.list().await.map_err(refused)?);
    let held: i64 = of_service(&relays, "leases").filter_map(|(_, info)| info["shards"].as_i64()).sum();
    let seconds = |value: f64| said::duration(value, visitor.language);
    let rates: Vec<_> = minutes.iter().map(|minute| (minute.at, minute.published as f64)).collect();
    let latencies: Vec<_> =
        minutes.iter().map(|minute| (minute.at, minute.most_within_seconds.max(0.0))).collect();
    let number = |value: f64| {
        if value >= 1.0 || value <= 0.0 { format.whole(value.round() as i64) } else { String::new() }
    };
    let is_drawn = !minutes.is_empty();
    let rates = chart(&rates, now, format, number, |highest| said::rates(highest, visitor.language));
    let latencies =
        chart(&latencies, now, format, seconds, |highest| said::latencies(highest, visitor.language));
    let oldest = totals.oldest_pending_seconds.map_or_else(|| "0".to_owned(), seconds);
    let page = OutboxPage {
        page: visitor.page(w.outbox),
        w,
        figures: vec![
            (w.pending.to_string(), format.whole(totals.pending)),
            (w.oldest_pending.to_string(), oldest),
            (w.retrying.to_string(), format.whole(totals.retrying)),
            (w.held.to_string(), format.whole(totals.held)),
            (w.dead_letters.to_string(), format.whole(totals.dead_letters)),
        ],
        is_partial: minutes.iter().map(|minute| minute.published).sum::<i64>() >= EVENTS_READ_AT_MOST,
        rates: is_drawn.then_some(rates),
        latencies: is_drawn.then_some(latencies),
        minutes: minutes.iter().rev().map(|minute| of_minute(minute, &visitor)).collect(),
        reasons: reasons
            .into_iter()
            .map(|(error, number)| (error.unwrap_or_else(|| w.no_reason.to_string()), format.whole(number)))
            .collect(),
        relays: of_relays(&relays, &visitor),
        shards: said::shards(&format.whole(held), &format.whole(SHARDS), visitor.language),
        is_short_of_shards: held < SHARDS,
        views: views(&address, w),
        view: address.get("view").unwrap_or_default().to_owned(),
        event_type,
        fault,
        next: waiting.last().filter(|_| has_more).map(|last| address.with("cursor", &last.seq.to_string())),
        waiting: waiting.into_iter().map(|event| of_waiting(event, &visitor)).collect(),
        latest: latest.into_iter().map(|event| of_published(event, &visitor)).collect(),
        csv: address.export("/console/operators/outbox.csv"),
        again: address,
    };
    layout::ok(&page)
}

/// The event types that the address names.
pub(super) fn types(address: &Address) -> Result<Option<EventTypes>, String> {
    address.get("event_type").map(|text| text.trim().parse::<EventTypes>()).transpose()
}

fn filter(address: &Address, event_types: Option<EventTypes>) -> Filter {
    Filter {
        event_types,
        retrying: address.is("view", "retrying"),
        waiting: address.is("view", "waiting"),
        ..Filter::default()
    }
}

/// A line of the export.
#[derive(Serialize)]
struct Line {
    seq: i64,
    id: Uuid,
    tenant_id: Uuid,
    event_type: String,
    aggregate_type: String,
    aggregate_id: String,
    occurred_at: DateTime<Utc>,
    retry_count: i32,
    state: String,
    next_attempt_at: Option<DateTime<Utc>>,
    last_error: Option<String>,
}

impl Exported for Line {
    const COLUMNS: &'static [&'static str] = &[
        "seq",
        "id",
        "tenant_id",
        "event_type",
        "aggregate_type",
        "aggregate_id",
        "occurred_at",
        "retry_count",
        "state",
        "next_attempt_at",
        "last_error",
    ];
}

/// The events that wait now, as the list shows them. What occurs later is not in it.
pub(super) async fn export(
    request: HttpRequest,
    _: OperatorVisitor,
    of_all: Data<OfAll>,
) -> Result<HttpResponse, ApiError> {
    let (address, database, now) = (Address::of(&request), of_all.needed()?.clone(), Utc::now());
    let types = types(&address).map_err(|why| ApiError::invalid_field("/event_type", "invalid", why))?;
    let filter = filter(&address, types);
    Ok(export::csv_by("events", move |after: Option<i64>| {
        let (database, filter) = (database.clone(), filter.clone());
        async move {
            let mut connection = database.connection().await?;
            let found =
                event_queries::list(&mut connection, &filter, after.unwrap_or(0), EXPORTED_AT_ONCE).await?;
            let end = found.last().filter(|last| last.occurred_at <= now).map(|last| last.seq);
            let end = end.filter(|_| found.len() as i64 == EXPORTED_AT_ONCE);
            Ok((found.into_iter().map(line).collect::<Vec<_>>(), end))
        }
    }))
}

fn line(event: Summary) -> Line {
    Line {
        seq: event.seq,
        id: event.id,
        tenant_id: event.tenant_id,
        event_type: event.event_type,
        aggregate_type: event.aggregate_type,
        aggregate_id: event.aggregate_id,
        occurred_at: event.occurred_at,
        retry_count: event.retry_count,
        state: event.state,
        next_attempt_at: event.next_attempt_at,
        last_error: event.last_error,
    }
}

fn views(address: &Address, w: &'static Operators) -> Vec<View> {
    let base = address.without("view");
    let view = |label: String, name: Option<&str>| View {
        label,
        to: name.map_or_else(|| base.clone(), |name| base.with("view", name)),
        is_current: address.get("view") == name,
        count: None,
        is_warning: false,
    };
    vec![
        view(w.all_pending.to_string(), None),
        view(w.retrying.to_string(), Some("retrying")),
        view(w.cannot_leave.to_string(), Some("waiting")),
    ]
}

fn of_minute(minute: &Minute, visitor: &OperatorVisitor) -> MinuteRow {
    MinuteRow {
        at: visitor.format.short(minute.at),
        published: visitor.format.whole(minute.published),
        half: said::duration(minute.half_within_seconds, visitor.language),
        most: said::duration(minute.most_within_seconds, visitor.language),
    }
}

fn of_waiting(event: Summary, visitor: &OperatorVisitor) -> Row {
    let w = Operators::of(visitor.language);
    Row {
        id: event.id,
        event_type: event.event_type,
        aggregate: event.aggregate_id,
        company: event.tenant_id,
        state: match event.state.as_str() {
            "retrying" => Status::late(w.is_retrying),
            "behind" => Status::draft(w.is_behind),
            "held" => Status::held(w.is_held),
            _ => Status::open(w.is_due),
        },
        at: visitor.format.short(event.occurred_at),
        tries: visitor.format.whole(event.retry_count.into()),
        error: event.last_error,
    }
}

fn of_published(event: Published, visitor: &OperatorVisitor) -> Row {
    Row {
        id: event.id,
        event_type: event.event_type,
        aggregate: event.aggregate_id,
        company: event.tenant_id,
        state: Status::done(Operators::of(visitor.language).is_published),
        at: visitor.format.short(event.published_at),
        tries: visitor.format.whole(event.retry_count.into()),
        error: None,
    }
}

/// What a service says of itself in each process that has it, with the process's name.
fn of_service<'a>(services: &'a [ServiceView], name: &'a str) -> impl Iterator<Item = (&'a str, &'a Value)> {
    let found = services.iter().filter(move |service| service.name == name);
    found.flat_map(|service| &service.processes).map(|process| (process.process_name.as_str(), &process.info))
}

fn of_relays(services: &[ServiceView], visitor: &OperatorVisitor) -> Vec<Relay> {
    let (w, format) = (Operators::of(visitor.language), &visitor.format);
    let process_of = |service: &str, id: Uuid| {
        let service = services.iter().find(|one| one.name == service)?;
        service.processes.iter().find(|process| process.process == id)
    };
    let leases = services.iter().filter(|service| service.name == "leases");
    let relays = leases.flat_map(|service| &service.processes).map(|process| {
        let (broker, drain) = (process_of("broker", process.process), process_of("drain", process.process));
        let health = |found: Option<&comptoir_core::services::ServiceInProcess>| {
            super::services::health(found.map_or("starting", |found| found.health.as_str()), w)
        };
        let reasons = [Some(process), broker, drain].into_iter().flatten();
        let mut reasons = reasons.filter_map(|one| one.health_reason.clone().or_else(|| one.reason.clone()));
        Relay {
            id: process.process,
            name: process.process_name.clone(),
            shards: format.whole(process.info["shards"].as_i64().unwrap_or_default()),
            broker: health(broker),
            drain: health(drain),
            reason: reasons.next(),
            seen: format.short(process.checked_at),
        }
    });
    relays.collect()
}
