//! Events as they come: those that wait, those that were published and those that died, the newest first. New ones wait until they are asked
//! for; what becomes of those that are shown changes in its place (operate.js).

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use chrono::{DateTime, TimeDelta, Utc};
use comptoir_core::outbox::throughput::{self, Recent};
use uuid::Uuid;

use super::of_all::{OfAll, failed, unlinked};
use super::outbox::types;
use crate::console::format::Moment;
use crate::console::layout::{self, Page};
use crate::console::lists::Address;
use crate::console::status::Status;
use crate::console::visitor::OperatorVisitor;
use crate::console::words::{Operators, operators as said};
use crate::error::ApiError;

const SHOWN: i64 = 100;
/// For how long back the events that were settled are looked at.
const MINUTES: i64 = 60;

#[derive(Template)]
#[template(path = "console/operators/tail.html")]
struct TailPage {
    page: Page,
    w: &'static Operators,
    again: Address,
    event_type: String,
    fault: Option<String>,
    cleared: Address,
    is_filtered: bool,
    rows: Vec<Row>,
}

struct Row {
    id: Uuid,
    event_type: String,
    aggregate: String,
    company: Uuid,
    state: Status,
    occurred: Moment,
    age: String,
    /// How long it took from its occurrence to its end.
    took: Option<String>,
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: OperatorVisitor,
    of_all: Data<OfAll>,
) -> Result<HttpResponse, ApiError> {
    let (w, address) = (Operators::of(visitor.language), Address::of(&request));
    let Some(database) = of_all.database() else { return unlinked(&visitor, w.tail) };
    let types = types(&address);
    let fault = types.is_err().then(|| w.pattern_fault.to_string());
    let now = Utc::now();
    let mut connection = database.connection().await.map_err(failed)?;
    let since = now - TimeDelta::minutes(MINUTES);
    let types = types.unwrap_or_default();
    let found = throughput::recent(&mut connection, since, types.as_ref(), SHOWN).await.map_err(failed)?;
    drop(connection);
    let page = TailPage {
        page: visitor.page(w.tail),
        w,
        event_type: address.get("event_type").unwrap_or_default().to_owned(),
        fault,
        cleared: address.cleared(),
        is_filtered: !address.cleared().is_same_list(&address),
        rows: found.into_iter().map(|event| row(event, now, &visitor)).collect(),
        again: address,
    };
    layout::ok(&page)
}

fn row(event: Recent, now: DateTime<Utc>, visitor: &OperatorVisitor) -> Row {
    let (w, language) = (Operators::of(visitor.language), visitor.language);
    let seconds = |span: TimeDelta| said::duration(span.num_milliseconds() as f64 / 1000.0, language);
    Row {
        id: event.id,
        state: match event.state.as_str() {
            "published" => Status::done(w.is_published),
            "dead" => Status::failed(w.is_dead),
            "retrying" => Status::late(w.is_retrying),
            _ => Status::open(w.is_pending),
        },
        occurred: visitor.format.short(event.occurred_at),
        age: seconds(now - event.occurred_at),
        took: event.settled_at.map(|at| seconds(at - event.occurred_at)),
        event_type: event.event_type,
        aggregate: format!("{} {}", event.aggregate_type, event.aggregate_id),
        company: event.tenant_id,
    }
}
