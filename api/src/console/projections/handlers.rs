//! The list, with the parameters of `GET /api/v1/projection-events`, and the decisions.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::application::{Permission, TenantDatabase};
use comptoir_core::projections::{self, DecideMessage, Decision, MessageSort, MessageState, MessageView};
use uuid::Uuid;

use crate::console::format::Moment;
use crate::console::forms::Form;
use crate::console::layout::{self, Page, go};
use crate::console::lists::{Address, Turn, View};
use crate::console::status::Status;
use crate::console::typography::Word;
use crate::console::visitor::Visitor;
use crate::console::words::{Projections, projections as words};
use crate::error::ApiError;
use crate::extract::ListQuery;
use crate::routes::projections::MessageFilters;

/// The rows of one page at most: more cannot be ticked.
const MOST: usize = 200;

type Query = ListQuery<MessageFilters, MessageSort>;

#[derive(Template)]
#[template(path = "console/projections/list.html")]
struct ListPage {
    page: Page,
    w: &'static Projections,
    may_write: bool,
    csv: Address,
    views: Vec<View>,
    rows: Vec<Row>,
    turn: Turn,
}

struct Row {
    id: String,
    tick: String,
    event: String,
    object: String,
    status: Status,
    why: String,
    attempts: String,
    received: Moment,
    /// Whether there is something to decide.
    is_dead: bool,
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let (w, address) = (Projections::of(visitor.language), Address::of(&request));
    let Query { filter, page: wanted } = Query::parse(&address.query(&[]))?;
    let found = projections::list(&database, &visitor.context, &filter.into(), &wanted).await?;
    let page = ListPage {
        page: visitor.page(w.title).saying(address.get("done").and_then(|done| notice(done, &visitor))),
        w,
        may_write: visitor.may(Permission::ProjectionsWrite),
        csv: address.export("/console/projections.csv"),
        views: views(&address, w),
        rows: found.data.iter().map(|message| row(message, &visitor)).collect(),
        turn: Turn::of(&address, found.next_cursor.as_deref(), found.count, &visitor.format),
    };
    layout::ok(&page)
}

/// `3-1`: how many were decided, and how many were left.
fn notice(done: &str, visitor: &Visitor) -> Option<String> {
    if done == "nothing" {
        return Some(Projections::of(visitor.language).nothing_chosen.to_string());
    }
    let (decided, left) = done.split_once('-')?;
    Some(words::chosen(decided.parse().ok()?, left.parse().ok()?, visitor.language))
}

fn row(message: &MessageView, visitor: &Visitor) -> Row {
    let w = Projections::of(visitor.language);
    let is_dead = message.state == MessageState::Dead;
    Row {
        id: message.id.to_string(),
        tick: words::tick(&message.event_type, visitor.language),
        event: message.event_type.clone(),
        object: format!("{} {}", message.aggregate_type, message.aggregate_id),
        status: match message.state {
            MessageState::Waiting => Status::open(w.waiting),
            MessageState::Applied => Status::done(w.applied),
            MessageState::Dead => Status::failed(w.dead),
            MessageState::Discarded => Status::over(w.discarded),
        },
        why: message.last_error.clone().unwrap_or_default(),
        attempts: visitor.format.whole(message.attempts.into()),
        received: visitor.format.short(message.received_at),
        is_dead,
    }
}

fn views(address: &Address, w: &'static Projections) -> Vec<View> {
    let base = address.without("state");
    let of = |label: Word, state: Option<MessageState>| View {
        label: label.to_string(),
        to: state.map_or_else(|| base.clone(), |state| base.with("state", state.name())),
        is_current: address.get("state") == state.map(MessageState::name),
        count: None,
        is_warning: false,
    };
    vec![
        of(w.all, None),
        of(w.dead_view, Some(MessageState::Dead)),
        of(w.waiting, Some(MessageState::Waiting)),
    ]
}

/// Decides about each of the ticked rows. What is not dead any more is left alone.
pub(super) async fn chosen(
    visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let decision = || if form.get("do") == Some("requeue") { Decision::Requeue } else { Decision::Discard };
    let ids: Vec<Uuid> = form.all("ids").filter_map(|id| id.parse().ok()).take(MOST).collect();
    if ids.is_empty() {
        return Ok(go("/console/projections?done=nothing"));
    }
    let (mut decided, mut left) = (0_usize, 0_usize);
    for id in ids {
        match executor.run(visitor.context.clone(), DecideMessage { id, decision: decision() }).await {
            Ok(_) => decided += 1,
            Err(error) => {
                // What is not about this event, such as no database, ends all of it.
                let error = ApiError::from(error);
                if error.status().is_server_error() {
                    return Err(error);
                }
                left += 1;
            }
        }
    }
    Ok(go(format!("/console/projections?done={decided}-{left}")))
}
