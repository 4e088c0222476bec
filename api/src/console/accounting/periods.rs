//! The VAT that is due in a period, and what was sold in it. Their parameters are those of `GET /api/v1/accounting/…`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use chrono::{Datelike, NaiveDate};
use comptoir_core::application::TenantDatabase;
use comptoir_core::commerce::accounting::{self, SalesBy, SalesSort, SalesView};
use comptoir_core::values::money::Money;

use crate::console::layout;
use crate::console::lists::{Address, Head, Turn, View};
use crate::console::reports::table::{Row, TablePage, number, reports, text};
use crate::console::visitor::Visitor;
use crate::console::words::{Accounting, accounting as said};
use crate::error::ApiError;
use crate::extract::{ListQuery, Query};
use crate::routes::accounting::{PeriodParameters, SalesParameters};

const VAT_DUE: &str = "/console/reports/vat-due";
const SALES: &str = "/console/reports/sales";

/// The address with its days: those of `from` and `to`, or else from `first` until today.
fn dated(address: &Address, first: NaiveDate, today: NaiveDate) -> (Address, String, String) {
    let day = |name: &str, otherwise: NaiveDate| {
        address.get(name).map_or_else(|| otherwise.to_string(), str::to_owned)
    };
    let (from, to) = (day("from", first), day("to", today));
    let mut dated = address.clone();
    // What is there already stays: taking it off would begin at the first page again.
    for (name, value) in [("from", &from), ("to", &to)] {
        if dated.get(name).is_none() {
            dated = dated.with(name, value);
        }
    }
    (dated, from, to)
}

pub(super) async fn vat_due(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let (w, format) = (Accounting::of(visitor.language), visitor.format);
    let today = format.today();
    let first = today.with_day(1).unwrap_or(today);
    let (address, from, to) = dated(&Address::of(&request), first, today);
    let period = Query::<PeriodParameters>::parse(&address.query(&[]))?.0.period()?;
    let due = accounting::vat_due(&database, &visitor.context, period).await?;
    let money = |amount: &Money| number(format.money(amount, &due.currency));
    let row = |line: &accounting::VatDueLine| Row {
        label: said::cause(line.cause, visitor.language).to_owned(),
        to: None,
        cells: vec![
            text(&line.category),
            number(line.rate.as_ref().map(|rate| format.percent(rate.value())).unwrap_or_default()),
            text(line.country.as_deref().unwrap_or_default()),
            money(&line.base),
            money(&line.tax),
        ],
    };
    let total = vec![text(""), text(""), text(""), money(&due.base_total), money(&due.tax_total)];
    let page = TablePage {
        page: visitor.page(w.vat_due),
        w,
        reports: reports(VAT_DUE, &visitor),
        views: Vec::new(),
        csv: Some(address.export("/console/reports/vat-due.csv")),
        days: Some((from, to)),
        by: None,
        action: VAT_DUE,
        hint: w.vat_due_hint.to_string(),
        rank: None,
        heads: vec![
            Head::text(w.cause),
            Head::text(w.category),
            Head::number(w.rate),
            Head::text(w.country),
            Head::number(w.base),
            Head::number(w.vat),
        ],
        rows: due.lines.iter().map(row).collect(),
        sum: Some(Row { label: w.total.to_string(), to: None, cells: total }),
        turn: None,
    };
    layout::ok(&page)
}

pub(super) async fn sales(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let (w, format) = (Accounting::of(visitor.language), visitor.format);
    let today = format.today();
    let first = NaiveDate::from_ymd_opt(today.year(), 1, 1).unwrap_or(today);
    let (mut address, from, to) = dated(&Address::of(&request), first, today);
    if address.get("by").is_none() {
        address = address.with("by", SalesBy::Month.name());
    }
    let query = ListQuery::<SalesParameters, SalesSort>::parse(&address.query(&[]))?;
    let filter = query.filter.filter()?;
    let found = accounting::sales(&database, &visitor.context, &filter, &query.page).await?;
    let view = |by: SalesBy| View {
        label: said::by(by, visitor.language).to_owned(),
        to: address.with("by", by.name()),
        is_current: by == filter.by,
        count: None,
        is_warning: false,
    };
    let is_of_products = filter.by == SalesBy::Product;
    let mut heads = vec![Head::text(said::by(filter.by, visitor.language)), Head::number(w.documents)];
    let numbers =
        if is_of_products { vec![w.quantity, w.net] } else { vec![w.net, w.deposits, w.vat, w.gross] };
    heads.extend(numbers.into_iter().map(Head::number));
    let page = TablePage {
        page: visitor.page(w.sales),
        w,
        reports: reports(SALES, &visitor),
        views: SalesBy::ALL.into_iter().map(view).collect(),
        csv: Some(address.export("/console/reports/sales.csv")),
        days: Some((from, to)),
        by: Some(filter.by.name().to_owned()),
        action: SALES,
        hint: w.sales_hint.to_string(),
        rank: None,
        heads,
        rows: found.data.iter().map(|view| row(view, filter.by, &visitor)).collect(),
        sum: None,
        turn: Some(Turn::of(&address, found.next_cursor.as_deref(), found.count, &format)),
    };
    layout::ok(&page)
}

fn row(view: &SalesView, by: SalesBy, visitor: &Visitor) -> Row {
    let (w, format) = (Accounting::of(visitor.language), &visitor.format);
    let label = match (view.period_begins, by) {
        (Some(day), SalesBy::Year) => day.year().to_string(),
        (Some(day), SalesBy::Month) => format!("{:04}-{:02}", day.year(), day.month()),
        (Some(day), _) => format.day(day),
        (None, _) => {
            let known = [view.code.as_deref(), view.name.as_deref()];
            let label = known.into_iter().flatten().collect::<Vec<_>>().join(" · ");
            if label.is_empty() { w.without_product.to_string() } else { label }
        }
    };
    let mut cells = vec![number(format.whole(view.documents))];
    if by == SalesBy::Product {
        let shown =
            |text: &String| text.parse().map_or_else(|_| text.clone(), |value| format.decimal(&value));
        cells.push(number(view.quantity.as_ref().map(shown).unwrap_or_default()));
        cells.push(number(visitor.money(&view.net_total)));
    } else {
        cells.push(number(visitor.money(&view.net_total)));
        let others = [&view.deposit_total, &view.vat_total, &view.gross_total];
        cells.extend(
            others.map(|total| number(total.as_ref().map(|total| visitor.money(total)).unwrap_or_default())),
        );
    }
    let to = view.customer_id.map(|id| format!("/console/invoices?customer_id={id}"));
    Row { label, to, cells }
}
