//! The list of purchase orders. Its parameters are those of `GET /api/v1/purchase-orders`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use chrono::NaiveDate;
use comptoir_core::application::TenantDatabase;
use comptoir_core::commerce::purchase_orders::{
    self, PurchaseOrderSort, PurchaseOrderState, PurchaseOrderSummary,
};
use comptoir_core::platform::paging::{PageRequest, SortKey};

use super::state;
use crate::console::layout::{self, Page};
use crate::console::lists::{Address, Chip, Head, Turn, View};
use crate::console::status::Status;
use crate::console::typography::Word;
use crate::console::visitor::Visitor;
use crate::console::words::Purchases;
use crate::console::{menu, names};
use crate::error::ApiError;
use crate::export;
use crate::extract::SearchQuery;
use crate::routes::purchase_orders::PurchaseOrderFilters;

const PATH: &str = "/console/purchases";
/// The fields of the form of filters, which keeps the other parameters.
const FIELDS: &[&str] = &["q", "expected_before"];

type Query = SearchQuery<PurchaseOrderFilters, PurchaseOrderSort>;

#[derive(Template)]
#[template(path = "console/purchases/list.html")]
struct ListPage {
    page: Page,
    w: &'static Purchases,
    csv: Address,
    views: Vec<View>,
    address: Address,
    own: &'static [&'static str],
    words: String,
    expected_before: String,
    chips: Vec<Chip>,
    cleared: Address,
    heads: Vec<Head>,
    rows: Vec<Row>,
    is_filtered: bool,
    may_order: bool,
    turn: Turn,
}

struct Row {
    id: String,
    prefix: String,
    number: String,
    supplier: String,
    ordered: String,
    expected: String,
    status: Status,
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let (w, address) = (Purchases::of(visitor.language), Address::of(&request));
    let Query { mut filter, page: wanted, .. } = Query::parse(&address.query(&[]))?;
    filter.selection.counted = true;
    let found = purchase_orders::list(&database, &visitor.context, &filter, &wanted).await?;
    let suppliers =
        names::of_suppliers(&database, &visitor, found.data.iter().map(|order| order.supplier_id)).await?;
    let rows = found
        .data
        .iter()
        .map(|order| row(order, suppliers.get(&order.supplier_id).cloned().unwrap_or_default(), &visitor));
    let page = ListPage {
        page: visitor.page(w.title).about("purchase_order.*"),
        w,
        csv: address.export("/console/purchases.csv"),
        views: views(&address, w),
        own: FIELDS,
        words: address.get("q").unwrap_or_default().to_owned(),
        expected_before: address.get("expected_before").unwrap_or_default().to_owned(),
        chips: chips(&address, &visitor),
        cleared: address.cleared(),
        heads: vec![
            Head::text(w.number),
            Head::text(w.supplier),
            Head::sortable(w.ordered_on, "created_at", &address, PurchaseOrderSort::DEFAULT),
            Head::text(w.expected_on),
            Head::text(w.state),
        ],
        rows: rows.collect(),
        is_filtered: !address.cleared().is_same_list(&address),
        may_order: menu::may_see(&visitor.context.principal, "/console/purchases/new"),
        turn: Turn::of(&address, found.next_cursor.as_deref(), found.count, &visitor.format),
        address,
    };
    layout::ok(&page)
}

fn row(order: &PurchaseOrderSummary, supplier: String, visitor: &Visitor) -> Row {
    let format = &visitor.format;
    let (prefix, number) = names::split(&names::number(order.reference.clone(), None, order.id));
    Row {
        id: order.id.to_string(),
        prefix,
        number,
        supplier,
        ordered: format.business_day(order.ordered_on),
        expected: order.expected_on.map(|day| format.business_day(day)).unwrap_or_default(),
        status: state::status(
            order.state,
            order.expected_on,
            format.today(),
            Purchases::of(visitor.language),
        ),
    }
}

fn views(address: &Address, w: &'static Purchases) -> Vec<View> {
    let base = address.without("state");
    let of = |label: Word, states: &[PurchaseOrderState]| {
        let names: Vec<_> = states.iter().map(|state| state.as_str()).collect();
        let names = names.join(",");
        let is_all = names.is_empty();
        View {
            label: label.to_string(),
            is_current: address.get("state").unwrap_or_default() == names,
            to: if is_all { base.clone() } else { base.with("state", &names) },
            count: None,
            is_warning: false,
        }
    };
    vec![
        of(w.all, &[]),
        of(w.expected_view, &[PurchaseOrderState::Ordered, PurchaseOrderState::PartlyReceived]),
        of(w.received_view, &[PurchaseOrderState::Received]),
        of(w.cancelled_view, &[PurchaseOrderState::Cancelled]),
    ]
}

fn chips(address: &Address, visitor: &Visitor) -> Vec<Chip> {
    let w = Purchases::of(visitor.language);
    let day = address.get("expected_before").and_then(|text| text.parse::<NaiveDate>().ok());
    let before = day.map(|day| Chip {
        label: format!("{} {}", w.expected_before, visitor.format.day(day)),
        without: address.without("expected_before"),
    });
    let supplier = address
        .get("supplier_id")
        .map(|_| Chip { label: w.supplier_chip.to_string(), without: address.without("supplier_id") });
    before.into_iter().chain(supplier).collect()
}

pub(super) async fn export(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let address = Address::of(&request).export(PATH);
    let filter = Query::parse(&address.query(&[]))?.filter;
    let context = visitor.context;
    Ok(export::csv("purchase-orders", move |page: PageRequest<PurchaseOrderSort>| {
        let (database, context, filter) = (database.clone(), context.clone(), filter.clone());
        async move { purchase_orders::list(&database, &context, &filter, &page).await }
    }))
}
