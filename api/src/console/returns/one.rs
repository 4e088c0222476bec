//! One return. It never changes.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use comptoir_core::application::TenantDatabase;
use comptoir_core::commerce::returns::{self, ReturnLine};

use crate::console::format::Moment;
use crate::console::layout::{self, Page};
use crate::console::lists::Address;
use crate::console::names;
use crate::console::status::Status;
use crate::console::visitor::Visitor;
use crate::console::words::Returns;
use crate::error::ApiError;
use crate::extract::part;

#[derive(Template)]
#[template(path = "console/returns/one.html")]
struct ReturnPage {
    page: Page,
    w: &'static Returns,
    order_id: String,
    number: String,
    customer: String,
    received: String,
    reason: String,
    made_by: String,
    made: Moment,
    lines: Vec<Line>,
}

struct Line {
    name: String,
    sku: String,
    quantity: String,
    status: Status,
    remark: String,
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let w = Returns::of(visitor.language);
    let found = returns::get(&database, &visitor.context, part(&request, "id")?).await?;
    let summary = found.summary;
    let order = names::of_orders(&database, &visitor, std::iter::once(summary.order_id)).await?;
    let order = order.get(&summary.order_id);
    let title = summary.reference.clone().unwrap_or_else(|| w.a_return.to_string());
    let notice = Address::of(&request).is("done", "received").then_some(w.done);
    let line = |line: ReturnLine| Line {
        name: line.name,
        sku: line.sku,
        quantity: visitor.format.decimal(line.quantity.value()),
        status: if line.restocked { Status::done(w.restocked) } else { Status::over(w.written_off) },
        remark: line.reason.unwrap_or_default(),
    };
    let page = ReturnPage {
        page: visitor.page(title).saying(notice),
        w,
        order_id: summary.order_id.to_string(),
        number: order.map_or_else(|| summary.order_id.to_string(), |order| order.called.clone()),
        customer: order.map(|order| order.customer.clone()).unwrap_or_default(),
        received: visitor.format.business_day(summary.received_on),
        reason: summary.reason,
        made_by: summary.created_by,
        made: visitor.format.long(summary.created_at),
        lines: found.lines.into_iter().map(line).collect(),
    };
    layout::ok(&page)
}
