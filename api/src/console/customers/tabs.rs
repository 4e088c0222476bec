//! The tabs of a customer: the API's own lists, with this customer as their filter.

use comptoir_core::application::{Permission, TenantDatabase};
use comptoir_core::commerce::invoices::{self, InvoiceFilter, InvoiceState, InvoiceSummary};
use comptoir_core::commerce::orders::{self, OrderFilter};
use comptoir_core::commerce::receivables::{self, EntryKind, StatementPeriod};
use comptoir_core::platform::paging::{PageRequest, SortKey};
use comptoir_core::values::ids::CustomerId;

use crate::console::lists::{Address, Head, Turn};
use crate::console::menu;
use crate::console::orders::state;
use crate::console::parts::{Block, Cell, Link, Row};
use crate::console::status::Status;
use crate::console::visitor::Visitor;
use crate::console::words::{Customers, Orders, Parts, customers as said};
use crate::error::ApiError;

/// Rows of a page.
const LIMIT: u8 = 50;

/// The page of a list that the address is at.
fn page<K: SortKey>(address: &Address) -> Result<PageRequest<K>, ApiError> {
    PageRequest::parse(Some(LIMIT.into()), None, address.get("cursor")).map_err(ApiError::invalid)
}

pub(super) async fn orders(
    id: CustomerId,
    address: &Address,
    visitor: &Visitor,
    database: &TenantDatabase,
) -> Result<Block, ApiError> {
    let (w, of_orders) = (Customers::of(visitor.language), Orders::of(visitor.language));
    let filter = OrderFilter { customer_id: Some(id), ..OrderFilter::default() };
    let found = orders::list(database, &visitor.context, &filter, &page(address)?).await?;
    let shows_prices = visitor.may(Permission::OrdersPrices);
    let rows = found.data.iter().map(|order| {
        let mut cells = vec![
            Cell::moment(visitor.format.short(order.placed_at)).wide(),
            Cell::status(state::listed(order, visitor.format.today(), of_orders)),
        ];
        if shows_prices {
            let total = order.gross_total.as_ref().map(|total| visitor.format.money(total, &order.currency));
            cells.push(Cell::number(total.unwrap_or_default()));
        }
        Row {
            id: order.id.to_string(),
            to: Some(format!("/console/orders/{}", order.id)),
            title: state::number(order),
            small: String::new(),
            cells,
        }
    });
    let mut heads = vec![Head::text(w.order_number), Head::text(w.placed), Head::text(w.state)];
    if shows_prices {
        heads.push(Head::number(w.total));
    }
    let all = Link::new(format!("/console/orders?customer_id={id}"), Parts::of(visitor.language).see_all);
    Ok(Block {
        id: "orders",
        title: w.orders.to_string(),
        heads,
        rows: rows.collect(),
        empty: w.no_orders.to_string(),
        links: vec![all],
        turn: Some(Turn::of(address, found.next_cursor.as_deref(), found.count, &visitor.format)),
        ..Block::default()
    })
}

pub(super) async fn invoices(
    id: CustomerId,
    address: &Address,
    visitor: &Visitor,
    database: &TenantDatabase,
) -> Result<Block, ApiError> {
    let w = Customers::of(visitor.language);
    let filter = InvoiceFilter { customer_id: Some(id), ..InvoiceFilter::default() };
    let found = invoices::list(database, &visitor.context, &filter, &page(address)?).await?;
    // The pages of invoices are another subject's.
    let has_pages = menu::may_see(&visitor.context.principal, "/console/invoices/{id}");
    let day = |day: Option<_>| day.map(|day| visitor.format.business_day(day)).unwrap_or_default();
    let rows = found.data.iter().map(|invoice| Row {
        id: invoice.id.to_string(),
        to: has_pages.then(|| format!("/console/invoices/{}", invoice.id)),
        title: invoice.number.clone().unwrap_or_else(|| w.draft_number.to_string()),
        small: String::new(),
        cells: vec![
            Cell::text(day(invoice.issue_date)).wide(),
            Cell::text(day(invoice.due_on)).wide(),
            Cell::status(status(invoice, visitor, w)),
            Cell::number(invoice.gross_total.as_ref().map(|total| visitor.money(total)).unwrap_or_default())
                .wide(),
            Cell::number(visitor.money(&invoice.open)),
        ],
    });
    Ok(Block {
        id: "invoices",
        title: w.invoices.to_string(),
        heads: vec![
            Head::text(w.order_number),
            Head::text(w.issued),
            Head::text(w.due),
            Head::text(w.state),
            Head::number(w.total),
            Head::number(w.open),
        ],
        rows: rows.collect(),
        empty: w.no_invoices.to_string(),
        turn: Some(Turn::of(address, found.next_cursor.as_deref(), found.count, &visitor.format)),
        ..Block::default()
    })
}

fn status(invoice: &InvoiceSummary, visitor: &Visitor, w: &'static Customers) -> Status {
    let is_late =
        invoice.due_on.is_some_and(|day| day.date() < visitor.format.today()) && !invoice.open.is_zero();
    match invoice.state {
        InvoiceState::Draft => Status::draft(w.draft),
        InvoiceState::Paid => Status::done(w.paid),
        _ if is_late => Status::late(w.overdue),
        InvoiceState::Validated => Status::done(w.validated),
        InvoiceState::Sent => Status::done(w.sent),
        InvoiceState::PartlyPaid => Status::half(w.partly_paid),
    }
}

/// The statement of this year.
pub(super) async fn account(
    id: CustomerId,
    visitor: &Visitor,
    database: &TenantDatabase,
) -> Result<Vec<Block>, ApiError> {
    let w = Customers::of(visitor.language);
    let view = receivables::statement(database, &visitor.context, id, StatementPeriod::default()).await?;
    let money = |amount: &_| visitor.format.money(amount, &view.currency);
    let (from, to) = (visitor.format.business_day(view.from), visitor.format.business_day(view.to));
    let facts = [
        (w.opening.to_string(), Some(money(&view.opening))),
        (w.closing.to_string(), Some(money(&view.closing))),
    ];
    let rows = view.entries.iter().enumerate().map(|(index, entry)| {
        let kind = match entry.kind {
            EntryKind::Invoice => w.entry_invoice,
            EntryKind::Prepayment => w.entry_prepayment,
            EntryKind::CreditNote => w.entry_credit_note,
            EntryKind::Payment => w.entry_payment,
            EntryKind::Reversal => w.entry_reversal,
        };
        Row {
            id: index.to_string(),
            to: None,
            title: visitor.format.business_day(entry.date),
            small: String::new(),
            cells: vec![
                Cell::text(format!("{kind} {}", entry.reference.as_deref().unwrap_or_default())),
                Cell::number(entry.debit.as_ref().map(money).unwrap_or_default()).wide(),
                Cell::number(entry.credit.as_ref().map(money).unwrap_or_default()).wide(),
                Cell::number(money(&entry.balance)),
            ],
        }
    });
    Ok(vec![
        Block::facts("balance", said::period(&from, &to, visitor.language), facts),
        Block {
            id: "entries",
            title: w.account.to_string(),
            heads: vec![
                Head::text(w.date),
                Head::text(w.what),
                Head::number(w.debit),
                Head::number(w.credited),
                Head::number(w.balance),
            ],
            rows: rows.collect(),
            empty: w.no_entries.to_string(),
            ..Block::default()
        },
    ])
}
