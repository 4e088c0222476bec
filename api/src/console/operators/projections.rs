//! The reports of all companies: how the inbox stands, what could not be applied, and building them anew.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::projections::{
    self, MessageState, MessageView, OperatorFilter, RebuildParameters, RebuildView,
};
use comptoir_core::services::Handle;
use comptoir_core::values::ids::TenantId;
use uuid::Uuid;

use super::actions::send;
use super::of_all::{OfAll, failed, unlinked};
use crate::console::format::Moment;
use crate::console::forms::{Form, FormFaults, new_key};
use crate::console::layout::{self, Page};
use crate::console::status::Status;
use crate::console::visitor::OperatorVisitor;
use crate::console::words::{Operators, operators as said};
use crate::error::ApiError;

const SERVICE: &str = "projections";
const ACTION: &str = "rebuild";
const REBUILDS: i64 = 10;
const MESSAGES: i64 = 50;

#[derive(Template)]
#[template(path = "console/operators/projections.html")]
struct ProjectionsPage {
    page: Page,
    w: &'static Operators,
    again: String,
    faults: FormFaults,
    key: String,
    figures: Vec<(String, String)>,
    built: Option<Moment>,
    wanted: Option<String>,
    rebuilds: Vec<Rebuild>,
    messages: Vec<Message>,
}

struct Rebuild {
    generation: String,
    what: String,
    reason: String,
    state: Status,
    phase: String,
    progress: String,
    /// 0 to 100, while it goes on.
    share: Option<i64>,
    begun: Moment,
    result: Option<String>,
}

/// An event that could not be applied.
struct Message {
    id: Uuid,
    event_type: String,
    aggregate: String,
    company: Uuid,
    tries: String,
    received: Moment,
    error: Option<String>,
    /// What to run on the machine: it is decided in the company's name.
    command: String,
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: OperatorVisitor,
    of_all: Data<OfAll>,
) -> Result<HttpResponse, ApiError> {
    written(request.path(), &visitor, &of_all, None).await
}

async fn written(
    path: &str,
    visitor: &OperatorVisitor,
    of_all: &OfAll,
    refused: Option<(&Form, FormFaults)>,
) -> Result<HttpResponse, ApiError> {
    let (w, format) = (Operators::of(visitor.language), &visitor.format);
    let Some(projector) = of_all.projector() else { return unlinked(visitor, w.projections) };
    let standing = projector.standing().await.map_err(failed)?;
    let rebuilds = projector.rebuilds(REBUILDS).await.map_err(failed)?;
    let filter = OperatorFilter { state: Some(MessageState::Dead), ..OperatorFilter::default() };
    let messages = projections::list_of_all(projector, &filter, MESSAGES).await.map_err(failed)?;
    let status = if refused.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let (form, faults) = refused.map_or((None, FormFaults::default()), |(form, faults)| (Some(form), faults));
    let oldest = said::duration(standing.oldest_waiting_seconds, visitor.language);
    let page = ProjectionsPage {
        page: visitor.page(w.projections),
        w,
        again: path.strip_suffix("/rebuild").unwrap_or(path).to_owned(),
        faults,
        key: form.map_or_else(new_key, Form::key_text),
        figures: vec![
            (w.generation.to_string(), format.whole(standing.generation.into())),
            (w.inbox_waiting.to_string(), format.whole(standing.waiting)),
            (w.behind_a_hole.to_string(), format.whole(standing.behind_a_hole)),
            (w.inbox_dead.to_string(), format.whole(standing.dead)),
            (w.oldest_pending.to_string(), oldest),
        ],
        built: standing.built_at.map(|at| format.long(at)),
        wanted: standing.rebuild_wanted,
        rebuilds: rebuilds.into_iter().map(|rebuild| of_rebuild(rebuild, visitor)).collect(),
        messages: messages
            .into_iter()
            .map(|(tenant, message, _)| of_message(tenant, message, visitor))
            .collect(),
    };
    layout::show(status, &page)
}

fn of_rebuild(rebuild: RebuildView, visitor: &OperatorVisitor) -> Rebuild {
    let (w, format) = (Operators::of(visitor.language), &visitor.format);
    // The database does not know how many there are before it was analysed.
    let total = Some(rebuild.total).filter(|total| *total > 0);
    let is_running = rebuild.state == "running";
    let differences =
        rebuild.differences.map(|number| said::differences(&format.whole(number), visitor.language));
    Rebuild {
        generation: format.whole(rebuild.generation.into()),
        what: if rebuild.only_compare { w.comparison } else { w.rebuild }.to_string(),
        state: match rebuild.state.as_str() {
            "done" => Status::done(w.done),
            "failed" => Status::failed(w.failed),
            _ => Status::begun(w.running),
        },
        progress: said::progress(
            &format.whole(rebuild.done),
            total.map(|total| format.whole(total)).as_deref(),
            visitor.language,
        ),
        share: total.filter(|_| is_running).map(|total| (rebuild.done * 100 / total).clamp(0, 100)),
        begun: format.short(rebuild.started_at),
        result: rebuild.error.or(differences),
        reason: rebuild.reason,
        phase: rebuild.phase,
    }
}

fn of_message(tenant: TenantId, message: MessageView, visitor: &OperatorVisitor) -> Message {
    Message {
        command: format!("api projections requeue {}", message.id),
        id: message.id,
        event_type: message.event_type,
        aggregate: message.aggregate_id,
        company: tenant.uuid(),
        tries: visitor.format.whole(message.attempts.into()),
        received: visitor.format.short(message.received_at),
        error: message.last_error,
    }
}

/// Asks the service for a rebuild, or for a comparison that is thrown away.
pub(super) async fn rebuild(
    request: HttpRequest,
    visitor: OperatorVisitor,
    form: Form,
    services: Data<Handle>,
    executor: Data<Executor>,
    of_all: Data<OfAll>,
) -> Result<HttpResponse, ApiError> {
    let wanted = RebuildParameters { only_compare: form.has("only_compare") };
    let parameters = serde_json::to_value(wanted).map_err(|cause| {
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the wish could not be written")
            .with_cause(cause)
    })?;
    match send(&visitor, &form, (SERVICE, ACTION), parameters, &services, &executor).await {
        Ok(sent) => Ok(sent),
        Err(error) => {
            let faults = FormFaults::of(error, &[], visitor.language)?;
            written(request.path(), &visitor, &of_all, Some((&form, faults))).await
        }
    }
}
