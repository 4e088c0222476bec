//! The list of payments. Its parameters are those of `GET /api/v1/payments`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use comptoir_core::application::{Permission, TenantDatabase};
use comptoir_core::commerce::payments::{self, PaymentSort, PaymentSummary};
use comptoir_core::values::ids::CustomerId;

use crate::console::format::Moment;
use crate::console::layout::{self, Page};
use crate::console::lists::{Address, Chip, Head, Turn};
use crate::console::names;
use crate::console::visitor::Visitor;
use crate::console::words::{Payments, payments as said};
use crate::error::ApiError;
use crate::extract::ListQuery;
use crate::routes::payments::PaymentFilters;

type Query = ListQuery<PaymentFilters, PaymentSort>;

#[derive(Template)]
#[template(path = "console/payments/list.html")]
struct ListPage {
    page: Page,
    w: &'static Payments,
    csv: Address,
    chips: Vec<Chip>,
    cleared: Address,
    heads: Vec<Head>,
    rows: Vec<Row>,
    is_filtered: bool,
    may_write: bool,
    /// Of the one customer whose payments are shown.
    standing: Option<Standing>,
    turn: Turn,
}

struct Standing {
    open: String,
    credit: String,
    statement: String,
    use_credit: Option<String>,
}

struct Row {
    id: String,
    received: String,
    customer: String,
    method: &'static str,
    reference: String,
    amount: String,
    is_reversal: bool,
    recorded: Moment,
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let (w, address) = (Payments::of(visitor.language), Address::of(&request));
    let Query { filter, page: wanted } = Query::parse(&address.query(&[]))?;
    let filter = payments::PaymentFilter::from(filter);
    let found = payments::list(&database, &visitor.context, &filter, &wanted).await?;
    let of_one = filter.customer_id.into_iter();
    let ids = found.data.iter().map(|payment| payment.customer_id).chain(of_one);
    let names = names::of_customers(&database, &visitor, ids).await?;
    let name = |id: CustomerId| names.get(&id).cloned().unwrap_or_default();
    let may_write = visitor.may(Permission::PaymentsWrite);
    let standing = match filter.customer_id {
        Some(id) => {
            let balance = payments::balance(&database, &visitor.context, id).await?;
            Some(Standing {
                open: visitor.money(&balance.open),
                credit: visitor.money(&balance.credit),
                statement: format!("/console/payments/statements/{id}"),
                use_credit: (may_write && !balance.credit.is_zero() && !balance.open.is_zero())
                    .then(|| format!("/console/payments/use-credit/{id}")),
            })
        }
        None => None,
    };
    let chip = |id: CustomerId| Chip {
        label: format!("{} {}", w.customer, name(id)),
        without: address.without("customer_id"),
    };
    let notice = address.is("done", "credit").then_some(w.done_credit);
    let page = ListPage {
        page: visitor.page(w.title).saying(notice).about("payment.*,invoice.*"),
        w,
        csv: address.export("/console/payments.csv"),
        chips: filter.customer_id.into_iter().map(chip).collect(),
        cleared: address.cleared(),
        heads: vec![
            Head::text(w.received_on),
            Head::text(w.customer),
            Head::text(w.method),
            Head::text(w.reference),
            Head::sortable(w.recorded, "created_at", &address, "-created_at"),
            Head::number(w.amount),
        ],
        rows: found.data.iter().map(|payment| row(payment, name(payment.customer_id), &visitor)).collect(),
        is_filtered: !address.cleared().is_same_list(&address),
        may_write,
        standing,
        turn: Turn::of(&address, found.next_cursor.as_deref(), found.count, &visitor.format),
    };
    layout::ok(&page)
}

fn row(payment: &PaymentSummary, customer: String, visitor: &Visitor) -> Row {
    Row {
        id: payment.id.to_string(),
        received: visitor.format.business_day(payment.received_on),
        customer,
        method: said::method(payment.method, visitor.language),
        reference: payment.reference.clone().or_else(|| payment.reason.clone()).unwrap_or_default(),
        amount: visitor.money(&payment.amount),
        is_reversal: payment.reverses.is_some(),
        recorded: visitor.format.short(payment.created_at),
    }
}
