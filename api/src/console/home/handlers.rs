//! The figures of the day, and the cases to follow up.

use actix_web::HttpResponse;
use actix_web::web::Data;
use askama::Template;
use comptoir_core::application::listing::Selection;
use comptoir_core::application::{Permission, TenantDatabase};
use comptoir_core::commerce::invoices::{self, InvoiceFilter, InvoiceSummary};
use comptoir_core::commerce::orders::{self, OpenOrder, OpenOrderFilter, OrderFilter, OrderSummary};
use comptoir_core::commerce::stock::{self, StockFilter};
use comptoir_core::platform::paging::{Count, Page as PageOf, Period};
use comptoir_core::values::ids::OrderId;
use comptoir_core::values::language::Language;
use comptoir_core::values::money::Money;

use super::sales::{self, Sales};
use super::start::{self, Start};
use crate::console::layout::{self, Page};
use crate::console::lists::first;
use crate::console::reports::rank::{self, Rank};
use crate::console::status::Status;
use crate::console::typography::Word;
use crate::console::visitor::Visitor;
use crate::console::waiting::LATE_AFTER_DAYS;
use crate::console::words::{Home, home};
use crate::console::{menu, names};
use crate::error::ApiError;

/// How many of each kind are looked at: the page says `50+` beyond.
const LOOKED_AT: u8 = 50;
/// How many cases of each kind are shown.
const SHOWN: usize = 5;

#[derive(Template)]
#[template(path = "console/home/home.html")]
struct HomePage {
    page: Page,
    w: &'static Home,
    day: String,
    greeting: String,
    /// What a company begins with; empty as soon as it has an order.
    start: Vec<Start>,
    may_create_customer: bool,
    figures: Vec<Figure>,
    cases: Vec<Case>,
    /// Of which kinds there are more, each with all of them.
    more: Vec<More>,
    sales: Option<Sales>,
    /// What was sold most, on the right.
    ranks: Vec<Rank>,
}

/// One figure of the day.
struct Figure {
    label: String,
    value: String,
    hint: String,
    is_warning: bool,
    to: Option<String>,
}

/// Something that needs somebody.
struct Case {
    status: Status,
    icon: &'static str,
    customer: String,
    number: String,
    why: String,
    to: Option<String>,
    /// What the button says that leads there.
    see: Word,
}

/// Leads to all cases of a kind.
struct More {
    label: String,
    to: String,
}

/// What was read for the page.
#[derive(Default)]
struct Found {
    today: Option<Count>,
    to_prepare: Option<Count>,
    late: Vec<OpenOrder>,
    late_count: Option<Count>,
    held: Vec<OrderSummary>,
    held_count: Option<Count>,
    low: Option<Count>,
    overdue: Vec<InvoiceSummary>,
    overdue_count: Option<Count>,
}

pub(super) async fn show(visitor: Visitor, database: Data<TenantDatabase>) -> Result<HttpResponse, ApiError> {
    let w = Home::of(visitor.language);
    let found = read(&visitor, &database).await?;
    let cases = cases(&visitor, &database, &found).await?;
    let to_follow_up = to_follow_up(&found);
    let said = visitor.format.count(to_follow_up.value, to_follow_up.exact);
    let sales = if visitor.may(Permission::ReportsRead) && visitor.may(Permission::OrdersPrices) {
        Some(sales::read(&visitor, &database).await?)
    } else {
        None
    };
    let start = start::read(&visitor, &database, found.today).await?;
    let day = capitalised(&visitor.format.whole_day(visitor.format.today()));
    let page = HomePage {
        page: visitor.page(w.title).about("order.*,stock.level_low,invoice.*"),
        w,
        greeting: home::greeting(&visitor.user.name, to_follow_up.value, &said, visitor.language),
        day,
        start,
        may_create_customer: menu::may_see(&visitor.context.principal, "/console/customers/new"),
        figures: figures(&visitor, &found, w),
        cases,
        more: more(&visitor, &found),
        sales,
        ranks: rank::of_home(&visitor, &database).await?,
    };
    layout::ok(&page)
}

async fn read(visitor: &Visitor, database: &TenantDatabase) -> Result<Found, ApiError> {
    let context = &visitor.context;
    let mut found = Found::default();
    if visitor.may(Permission::OrdersRead) {
        let from = Some(visitor.format.beginning(visitor.format.today()));
        let selection =
            Selection { created: Period { from, before: None }, counted: true, ..Selection::default() };
        let filter = OrderFilter { selection, ..OrderFilter::default() };
        found.today = orders::list(database, context, &filter, &first(1)?).await?.count;
        let every = OpenOrderFilter::default();
        found.to_prepare =
            Some(seen(&orders::to_prepare(database, context, &every, &first(LOOKED_AT)?).await?));
        let late = orders::late(database, context, &every, LATE_AFTER_DAYS, &first(LOOKED_AT)?).await?;
        (found.late_count, found.late) = (Some(seen(&late)), late.data);
        let held = OrderFilter { held: true, ..OrderFilter::default() };
        let held = orders::list(database, context, &held, &first(LOOKED_AT)?).await?;
        (found.held_count, found.held) = (Some(seen(&held)), held.data);
    }
    if visitor.may(Permission::StockRead) {
        let selection = Selection { counted: true, ..Selection::default() };
        let filter = StockFilter { low: true, selection, ..StockFilter::default() };
        found.low = stock::list(database, context, &filter, &first(1)?).await?.count;
    }
    if visitor.may(Permission::InvoicesRead) {
        let selection = Selection { counted: true, ..Selection::default() };
        let filter = InvoiceFilter { overdue: true, selection, ..InvoiceFilter::default() };
        let page = invoices::list(database, context, &filter, &first(LOOKED_AT)?).await?;
        (found.overdue, found.overdue_count) = (page.data, page.count);
    }
    Ok(found)
}

/// How many rows the first page of a list has.
fn seen<T>(page: &PageOf<T>) -> Count {
    Count { value: page.data.len() as i64, exact: page.next_cursor.is_none() }
}

/// How many cases there are, of which the page shows the first of each kind.
fn to_follow_up(found: &Found) -> Count {
    let counts = [found.held_count, found.late_count, found.overdue_count].into_iter().flatten();
    counts.fold(Count { value: 0, exact: true }, |sum, count| Count {
        value: sum.value + count.value,
        exact: sum.exact && count.exact,
    })
}

/// Where all of a kind are, if the page does not show them all.
fn more(visitor: &Visitor, found: &Found) -> Vec<More> {
    type Said = fn(&str, Language) -> String;
    let kinds: [(_, Said, _, _); 3] = [
        (found.held_count, home::all_held, "/console/orders", "?held=true"),
        (found.late_count, home::all_late, "/console/orders/late", ""),
        (found.overdue_count, home::all_overdue, "/console/invoices", "?overdue=true"),
    ];
    let kinds = kinds.into_iter().filter(|(_, _, path, _)| menu::may_see(&visitor.context.principal, path));
    let more = |(count, said, path, query): (Option<Count>, Said, &str, &str)| {
        let count = count.filter(|count| !usize::try_from(count.value).is_ok_and(|value| value <= SHOWN))?;
        let label = said(&visitor.format.count(count.value, count.exact), visitor.language);
        Some(More { label, to: format!("{path}{query}") })
    };
    kinds.filter_map(more).collect()
}

fn figures(visitor: &Visitor, found: &Found, w: &'static Home) -> Vec<Figure> {
    let principal = &visitor.context.principal;
    let shown = |count: Count| visitor.format.count(count.value, count.exact);
    let at = |path: &str| menu::may_see(principal, path).then(|| path.to_owned());
    let mut figures = Vec::new();
    let mut add =
        |label: String, count: Option<Count>, hint: String, is_warning: bool, to: Option<String>| {
            figures.extend(count.map(|count| Figure { label, value: shown(count), hint, is_warning, to }));
        };
    let today = format!("/console/orders?since={}", visitor.format.today());
    add(w.orders_today.to_string(), found.today, String::new(), false, Some(today));
    let to_prepare =
        at("/console/preparation").unwrap_or_else(|| "/console/orders?status=confirmed".to_owned());
    add(w.to_prepare.to_string(), found.to_prepare, w.to_prepare_hint.to_string(), false, Some(to_prepare));
    let oldest = found.late.first().map(|order| late_since(visitor, order));
    let is_late = oldest.is_some();
    add(
        w.late.to_string(),
        found.late_count,
        oldest.unwrap_or_else(|| w.none_late.to_string()),
        is_late,
        at("/console/orders/late"),
    );
    add(
        w.low.to_string(),
        found.low,
        w.low_hint.to_string(),
        false,
        at("/console/stock").map(|path| format!("{path}?low=true")),
    );
    let is_overdue = !found.overdue.is_empty();
    let open: Money = found.overdue.iter().map(|invoice| &invoice.open).sum();
    // Of more than one page, the sum would be of a part.
    let is_whole = found.overdue_count.is_some_and(|count| count.value == found.overdue.len() as i64);
    let hint = match (is_overdue, is_whole) {
        (false, _) => w.none_overdue.to_string(),
        (true, true) => visitor.money(&open),
        (true, false) => String::new(),
    };
    add(
        w.overdue.to_string(),
        found.overdue_count,
        hint,
        is_overdue,
        at("/console/invoices").map(|path| format!("{path}?overdue=true")),
    );
    figures
}

fn late_since(visitor: &Visitor, order: &OpenOrder) -> String {
    let promised = order.promised_on.map(|day| visitor.format.business_day(day));
    let placed = visitor.format.short(order.placed_at).shown;
    home::late_since(promised.as_deref(), &placed, visitor.language)
}

async fn cases(visitor: &Visitor, database: &TenantDatabase, found: &Found) -> Result<Vec<Case>, ApiError> {
    let w = Home::of(visitor.language);
    let (held, late) =
        (&found.held[..found.held.len().min(SHOWN)], &found.late[..found.late.len().min(SHOWN)]);
    let overdue = &found.overdue[..found.overdue.len().min(SHOWN)];
    let customers = held.iter().map(|order| order.customer_id);
    let customers = customers.chain(late.iter().map(|order| order.customer_id));
    let customers = customers.chain(overdue.iter().map(|invoice| invoice.customer_id));
    let names = names::of_customers(database, visitor, customers).await?;
    let name = |id| names.get(&id).cloned().unwrap_or_default();
    let number = |reference: &Option<String>, id: String| reference.clone().unwrap_or(id);
    let of_order = |reference: &Option<String>, external_id: &Option<String>, id: OrderId| {
        names::number(reference.clone(), external_id.clone(), id)
    };
    let held = held.iter().map(|order| Case {
        status: Status::held(w.held),
        icon: "s-hold",
        customer: name(order.customer_id),
        number: of_order(&order.reference, &order.external_id, order.id),
        why: w.held_why.to_string(),
        to: Some(format!("/console/orders/{}", order.id)),
        see: w.see_order,
    });
    let late = late.iter().map(|order| Case {
        status: Status::late(w.late),
        icon: "s-warn",
        customer: name(order.customer_id),
        number: of_order(&order.reference, &order.external_id, order.id),
        why: late_since(visitor, order),
        to: Some(format!("/console/orders/{}", order.id)),
        see: w.see_order,
    });
    let overdue = overdue.iter().map(|invoice| {
        let day = invoice.due_on.map(|day| visitor.format.business_day(day));
        Case {
            status: Status::late(w.overdue_word),
            icon: "s-warn",
            customer: name(invoice.customer_id),
            number: number(&invoice.number, invoice.id.to_string()),
            why: home::overdue_since(day.as_deref(), &visitor.money(&invoice.open), visitor.language),
            to: menu::may_see(&visitor.context.principal, "/console/invoices/{id}")
                .then(|| format!("/console/invoices/{}", invoice.id)),
            see: w.see_invoice,
        }
    });
    Ok(held.chain(late).chain(overdue).collect())
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}
