//! To send e-mails again, and to discard them, by the commands of the API.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::error::Error;
use comptoir_core::application::idempotency::StoredResponse;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::mail::{DiscardEmail, EmailView, Links, Policies, RequeueEmail};
use comptoir_core::values::ids::EmailId;

use super::one::written;
use crate::console::answers::leads_there;
use crate::console::forms::Form;
use crate::console::layout::go;
use crate::console::undone::Undone;
use crate::console::visitor::Visitor;
use crate::error::ApiError;
use crate::extract::part;

/// The rows of one page at most: more cannot be ticked.
const MOST: usize = 200;

fn leads_to(done: &'static str) -> impl Fn(EmailView) -> Result<StoredResponse, Error> + Send + Sync {
    move |email: EmailView| Ok(leads_there(format!("/console/emails/{}?done={done}", email.id)))
}

pub(super) async fn requeue(
    request: HttpRequest,
    visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
    policies: Data<Policies>,
    database: Data<TenantDatabase>,
    links: Data<Links>,
) -> Result<HttpResponse, ApiError> {
    let id: EmailId = part(&request, "id")?;
    let policies = Policies::clone(&policies);
    let command = RequeueEmail { id, expected_version: Some(form.version()?), policies };
    match executor.execute(visitor.context.clone(), form.key()?, command, leads_to("requeued")).await {
        Ok(_) => Ok(go(format!("/console/emails/{id}?done=requeued"))),
        Err(error) => undone(error, &visitor, &database, &links, id).await,
    }
}

pub(super) async fn discard(
    request: HttpRequest,
    visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
    database: Data<TenantDatabase>,
    links: Data<Links>,
) -> Result<HttpResponse, ApiError> {
    let id: EmailId = part(&request, "id")?;
    let command = DiscardEmail { id, expected_version: Some(form.version()?) };
    match executor.execute(visitor.context.clone(), form.key()?, command, leads_to("discarded")).await {
        Ok(_) => Ok(go(format!("/console/emails/{id}?done=discarded"))),
        Err(error) => undone(error, &visitor, &database, &links, id).await,
    }
}

/// Shows the e-mail as it is now, and why nothing was done.
async fn undone(
    error: Error,
    visitor: &Visitor,
    database: &TenantDatabase,
    links: &Links,
    id: EmailId,
) -> Result<HttpResponse, ApiError> {
    let undone = Undone::of(error.into(), visitor.language)?;
    written(visitor, database, links, id, None, Some(undone)).await
}

/// What is done with the ticked rows: each as if it had been opened, so that one that changed meanwhile is left alone. A second click
/// finds them done, and leaves them.
pub(super) async fn chosen(
    visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
    policies: Data<Policies>,
) -> Result<HttpResponse, ApiError> {
    let is_requeued = form.get("do") == Some("requeue");
    let ids: Vec<EmailId> = form.all("ids").filter_map(|id| id.parse().ok()).take(MOST).collect();
    if ids.is_empty() {
        return Ok(go("/console/emails?done=nothing"));
    }
    let (mut done, mut refused) = (0_usize, 0_usize);
    for id in ids {
        let context = visitor.context.clone();
        let outcome = if is_requeued {
            let policies = Policies::clone(&policies);
            executor.run(context, RequeueEmail { id, expected_version: None, policies }).await
        } else {
            executor.run(context, DiscardEmail { id, expected_version: None }).await
        };
        match outcome {
            Ok(_) => done += 1,
            Err(error) => {
                // What is not about this e-mail, such as no database, ends all of it.
                let error = ApiError::from(error);
                if error.status().is_server_error() {
                    return Err(error);
                }
                refused += 1;
            }
        }
    }
    let what = if is_requeued { "requeued" } else { "discarded" };
    Ok(go(format!("/console/emails?done={what}-{done}-{refused}")))
}
