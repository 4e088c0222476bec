//! One e-mail, with its words and its attempts.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use comptoir_core::application::{Permission, TenantDatabase};
use comptoir_core::mail::{self, AttemptView, EmailState, Links};
use comptoir_core::values::ids::EmailId;

use super::status;
use crate::console::format::Moment;
use crate::console::forms::new_key;
use crate::console::layout::{self, Page};
use crate::console::lists::Address;
use crate::console::status::Status;
use crate::console::typography::Word;
use crate::console::undone::Undone;
use crate::console::visitor::Visitor;
use crate::console::words::{Emails, emails};
use crate::error::ApiError;
use crate::extract::part;

#[derive(Template)]
#[template(path = "console/emails/one.html")]
struct OnePage {
    page: Page,
    w: &'static Emails,
    is_outdated: bool,
    refused: Option<String>,
    id: String,
    version: i64,
    requeue_key: String,
    discard_key: String,
    kind: &'static str,
    recipient: String,
    name: String,
    status: Status,
    text: String,
    created: Moment,
    /// When it is tried next, and until when: of one that waits.
    due: Option<Moment>,
    deadline: Option<Moment>,
    last_error: Option<String>,
    history: Vec<Attempt>,
    may_requeue: bool,
    may_discard: bool,
}

struct Attempt {
    status: Status,
    detail: String,
    at: Moment,
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
    links: Data<Links>,
) -> Result<HttpResponse, ApiError> {
    let w = Emails::of(visitor.language);
    let notice = match Address::of(&request).get("done") {
        Some("requeued") => Some(w.done_requeued),
        Some("discarded") => Some(w.done_discarded),
        _ => None,
    };
    written(&visitor, &database, &links, part(&request, "id")?, notice, None).await
}

pub(super) async fn written(
    visitor: &Visitor,
    database: &TenantDatabase,
    links: &Links,
    id: EmailId,
    notice: Option<Word>,
    undone: Option<Undone>,
) -> Result<HttpResponse, ApiError> {
    let w = Emails::of(visitor.language);
    let code = if undone.is_some() { StatusCode::CONFLICT } else { StatusCode::OK };
    let details = mail::get(database, &visitor.context, id, links).await?;
    let email = details.email;
    let (state, may_write) = (email.state, visitor.may(Permission::EmailsWrite));
    let is_waiting = state == EmailState::Waiting;
    let page = OnePage {
        page: visitor.page(&details.subject).saying(notice),
        w,
        is_outdated: undone.as_ref().is_some_and(Undone::is_outdated),
        refused: undone.and_then(Undone::refused),
        id: email.id.to_string(),
        version: email.version,
        requeue_key: new_key(),
        discard_key: new_key(),
        kind: emails::kind(email.kind, visitor.language),
        recipient: email.recipient,
        name: email.recipient_name,
        status: status(state, w),
        text: details.text,
        created: visitor.format.long(email.created_at),
        due: is_waiting.then(|| visitor.format.long(email.due_at)),
        deadline: is_waiting.then(|| visitor.format.long(email.deadline)),
        last_error: email.last_error,
        history: details.history.into_iter().map(|attempt| attempted(attempt, visitor)).collect(),
        may_requeue: may_write
            && matches!(state, EmailState::Sent | EmailState::Dead | EmailState::Discarded),
        may_discard: may_write && matches!(state, EmailState::Waiting | EmailState::Dead),
    };
    layout::show(code, &page)
}

fn attempted(attempt: AttemptView, visitor: &Visitor) -> Attempt {
    let w = Emails::of(visitor.language);
    let status = match attempt.outcome.as_deref() {
        Some("accepted") => Status::done(w.accepted),
        Some("refused") => Status::failed(w.refused),
        Some("failed") => Status::late(w.failed),
        Some("over") => Status::over(w.over),
        Some(_) => Status::late(w.unanswered),
        None => Status::begun(w.under_way),
    };
    Attempt {
        status,
        detail: attempt.detail.unwrap_or_default(),
        at: visitor.format.long(attempt.started_at),
    }
}
