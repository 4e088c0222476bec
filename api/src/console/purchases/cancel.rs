//! What has not come of a purchase order is not expected any more.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::commerce::purchase_orders::{self, CancelPurchaseOrder, PurchaseOrderView};
use comptoir_core::values::ids::PurchaseOrderId;

use super::{leads_to, state};
use crate::console::answers::follow;
use crate::console::forms::{Form, FormFaults, TwoVersions, new_key};
use crate::console::layout::{self, Page};
use crate::console::names;
use crate::console::visitor::Visitor;
use crate::console::words::Purchases;
use crate::error::ApiError;
use crate::extract::part;

/// The id of the form in the page.
const FORM: &str = "cancel";

#[derive(Template)]
#[template(path = "console/purchases/cancel.html")]
struct CancelPage {
    page: Page,
    w: &'static Purchases,
    form: &'static str,
    faults: FormFaults,
    versions: Option<TwoVersions>,
    id: String,
    number: String,
    version: i64,
    key: String,
}

fn written(
    order: &PurchaseOrderView,
    visitor: &Visitor,
    status: StatusCode,
    faults: FormFaults,
    versions: Option<TwoVersions>,
) -> Result<HttpResponse, ApiError> {
    let w = Purchases::of(visitor.language);
    let page = CancelPage {
        page: visitor.page(w.cancel_title),
        w,
        form: FORM,
        faults,
        versions,
        id: order.id.to_string(),
        number: names::purchase(order, visitor),
        version: order.version,
        key: new_key(),
    };
    layout::show(status, &page)
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let order = purchase_orders::get(&database, &visitor.context, part(&request, "id")?).await?;
    written(&order, &visitor, StatusCode::OK, FormFaults::default(), None)
}

pub(super) async fn cancel(
    request: HttpRequest,
    visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let id: PurchaseOrderId = part(&request, "id")?;
    let command = CancelPurchaseOrder { id, expected_version: Some(form.version()?) };
    let leads = |order: PurchaseOrderView| Ok(leads_to(order.id, "cancelled"));
    let error = match executor.execute(visitor.context.clone(), form.key()?, command, leads).await {
        Ok(answer) => return Ok(follow(answer, "/console/purchases")),
        Err(error) => ApiError::from(error),
    };
    let order = purchase_orders::get(&database, &visitor.context, id).await?;
    if error.status() == StatusCode::PRECONDITION_FAILED {
        let w = Purchases::of(visitor.language);
        let now = state::status(order.state, order.expected_on, visitor.format.today(), w);
        // What has come whole, or is cancelled, is not cancelled any more.
        let form = if state::is_open(order.state) { FORM } else { "" };
        let versions =
            TwoVersions::new(form, format!("/console/purchases/{id}")).with(w.state, w.cancelled, now.word);
        return written(&order, &visitor, StatusCode::CONFLICT, FormFaults::default(), Some(versions));
    }
    let faults = FormFaults::of(error, &[], visitor.language)?;
    written(&order, &visitor, StatusCode::CONFLICT, faults, None)
}
