//! The list of invoices. Its parameters are those of `GET /api/v1/invoices`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use chrono::NaiveDate;
use comptoir_core::application::listing::Selection;
use comptoir_core::application::{Permission, TenantDatabase};
use comptoir_core::commerce::invoices::{self, InvoiceFilter, InvoiceSort, InvoiceState, InvoiceSummary};
use comptoir_core::platform::paging::Count;

use super::state;
use crate::console::layout::{self, Page};
use crate::console::lists::{Address, Chip, Head, Turn, View, first};
use crate::console::names;
use crate::console::status::Status;
use crate::console::typography::Word;
use crate::console::visitor::Visitor;
use crate::console::words::Invoices;
use crate::error::ApiError;
use crate::extract::SearchQuery;
use crate::routes::invoices::InvoiceFilters;

/// The fields of the form of filters, which keeps the other parameters.
const FIELDS: &[&str] = &["q", "issued_from", "issued_to", "series"];
/// The parameters that a view sets.
const OF_VIEWS: &[&str] = &["state", "unpaid", "overdue"];

type Query = SearchQuery<InvoiceFilters, InvoiceSort>;

#[derive(Template)]
#[template(path = "console/invoices/list.html")]
struct ListPage {
    page: Page,
    w: &'static Invoices,
    csv: Address,
    views: Vec<View>,
    address: Address,
    own: &'static [&'static str],
    words: String,
    issued_from: String,
    issued_to: String,
    series: String,
    chips: Vec<Chip>,
    cleared: Address,
    heads: Vec<Head>,
    rows: Vec<Row>,
    is_filtered: bool,
    may_write: bool,
    turn: Turn,
}

struct Row {
    id: String,
    prefix: String,
    number: String,
    kind: Word,
    customer: String,
    issued: String,
    due: String,
    status: Status,
    gross: String,
    open: String,
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let (w, address) = (Invoices::of(visitor.language), Address::of(&request));
    let mut query = Query::parse(&address.query(&[]))?;
    query.filter.selection.counted = true;
    let found = invoices::list(&database, &visitor.context, &query.filter, &query.page).await?;
    let names =
        names::of_customers(&database, &visitor, found.data.iter().map(|one| one.customer_id)).await?;
    let rows = found
        .data
        .iter()
        .map(|invoice| row(invoice, names.get(&invoice.customer_id).cloned().unwrap_or_default(), &visitor));
    let text = |name: &str| address.get(name).unwrap_or_default().to_owned();
    let notice = address.is("done", "deleted").then_some(w.done_deleted);
    let page = ListPage {
        page: visitor.page(w.title).saying(notice).about("invoice.*"),
        w,
        csv: address.export("/console/invoices.csv"),
        views: views(&address, &visitor, &database).await?,
        own: FIELDS,
        words: text("q"),
        issued_from: text("issued_from"),
        issued_to: text("issued_to"),
        series: text("series"),
        chips: chips(&address, names.values().next(), &visitor),
        cleared: address.cleared(),
        heads: heads(w),
        rows: rows.collect(),
        is_filtered: !address.cleared().is_same_list(&address),
        may_write: visitor.may(Permission::InvoicesWrite),
        turn: Turn::of(&address, found.next_cursor.as_deref(), found.count, &visitor.format),
        address,
    };
    layout::ok(&page)
}

fn row(invoice: &InvoiceSummary, customer: String, visitor: &Visitor) -> Row {
    let (w, format) = (Invoices::of(visitor.language), &visitor.format);
    let (prefix, number) = match &invoice.number {
        Some(number) => names::split(number),
        None => (String::new(), state::number(invoice, w)),
    };
    let is_draft = invoice.state == InvoiceState::Draft;
    Row {
        id: invoice.id.to_string(),
        prefix,
        number,
        kind: state::kind(invoice.kind, w),
        customer,
        issued: invoice.issue_date.map(|day| format.business_day(day)).unwrap_or_default(),
        due: invoice.due_on.map(|day| format.business_day(day)).unwrap_or_default(),
        status: state::of(invoice, format.today(), w),
        gross: invoice.gross_total.as_ref().map(|total| visitor.money(total)).unwrap_or_default(),
        open: if is_draft { String::new() } else { visitor.money(&invoice.open) },
    }
}

fn heads(w: &'static Invoices) -> Vec<Head> {
    vec![
        Head::text(w.number),
        Head::text(w.kind),
        Head::text(w.customer),
        Head::text(w.issued),
        Head::text(w.due),
        Head::text(w.state),
        Head::number(w.gross),
        Head::number(w.open),
    ]
}

/// The ways to look at invoices. Counts are of what needs somebody.
async fn views(
    address: &Address,
    visitor: &Visitor,
    database: &TenantDatabase,
) -> Result<Vec<View>, ApiError> {
    let w = Invoices::of(visitor.language);
    let of_state = |state| InvoiceFilter { states: vec![state], ..InvoiceFilter::default() };
    let drafts = counted(of_state(InvoiceState::Draft), visitor, database).await?;
    let to_send = counted(of_state(InvoiceState::Validated), visitor, database).await?;
    let overdue =
        counted(InvoiceFilter { overdue: true, ..InvoiceFilter::default() }, visitor, database).await?;
    let base = OF_VIEWS.iter().fold(address.clone(), |address, name| address.without(name));
    let is_all = OF_VIEWS.iter().all(|name| address.get(name).is_none());
    let view = |label: Word, name: &str, value: &str, count: Option<Count>, is_warning: bool| View {
        label: label.to_string(),
        to: base.with(name, value),
        is_current: address.is(name, value),
        // Counts mean work: nothing to do has none.
        count: count
            .filter(|count| count.value > 0)
            .map(|count| visitor.format.count(count.value, count.exact)),
        is_warning,
    };
    let is_late = overdue.is_some_and(|count| count.value > 0);
    let all = View {
        label: w.all.to_string(),
        to: base.clone(),
        is_current: is_all,
        count: None,
        is_warning: false,
    };
    Ok(vec![
        all,
        view(w.drafts, "state", InvoiceState::Draft.as_str(), drafts, false),
        view(w.to_send, "state", InvoiceState::Validated.as_str(), to_send, false),
        view(w.unpaid, "unpaid", "true", None, false),
        view(w.overdue_view, "overdue", "true", overdue, is_late),
        view(w.paid_view, "state", InvoiceState::Paid.as_str(), None, false),
    ])
}

async fn counted(
    filter: InvoiceFilter,
    visitor: &Visitor,
    database: &TenantDatabase,
) -> Result<Option<Count>, ApiError> {
    let filter = InvoiceFilter { selection: Selection { counted: true, ..Selection::default() }, ..filter };
    Ok(invoices::list(database, &visitor.context, &filter, &first(1)?).await?.count)
}

/// `customer` is the name of that customer whose invoices alone are shown, if there are any.
fn chips(address: &Address, customer: Option<&String>, visitor: &Visitor) -> Vec<Chip> {
    let w = Invoices::of(visitor.language);
    let of_day = |name: &'static str, label: Word| {
        let day = address.get(name)?.parse::<NaiveDate>().ok()?;
        Some(Chip { label: format!("{label} {}", visitor.format.day(day)), without: address.without(name) })
    };
    let customer = address.get("customer_id").map(|_| Chip {
        label: customer.map_or_else(|| w.customer.to_string(), |name| format!("{} {name}", w.customer)),
        without: address.without("customer_id"),
    });
    let series = address.get("series");
    let series = series
        .map(|series| Chip { label: format!("{} {series}", w.series), without: address.without("series") });
    let days = of_day("issued_from", w.issued_from).into_iter().chain(of_day("issued_to", w.issued_to));
    days.chain(series).chain(customer).collect()
}
