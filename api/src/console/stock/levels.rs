//! What lies in the warehouses. Its parameters are those of `GET /api/v1/stock`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use comptoir_core::application::listing::Selection;
use comptoir_core::application::{Permission, TenantDatabase};
use comptoir_core::commerce::stock::{self, StockFilter, StockSort, StockView};
use comptoir_core::platform::paging::{PageRequest, SortKey};

use crate::console::forms::Choice;
use crate::console::layout::{self, Page};
use crate::console::lists::{Address, Chip, Head, Turn, View, first};
use crate::console::menu;
use crate::console::places::Places;
use crate::console::status::Status;
use crate::console::typography::Word;
use crate::console::visitor::Visitor;
use crate::console::words::Stock;
use crate::error::ApiError;
use crate::export;
use crate::extract::SearchQuery;
use crate::routes::stock::StockFilters;

const PATH: &str = "/console/stock";
const FIELDS: &[&str] = &["q", "warehouse_id"];

type Query = SearchQuery<StockFilters, StockSort>;

#[derive(Template)]
#[template(path = "console/stock/levels.html")]
struct LevelsPage {
    page: Page,
    w: &'static Stock,
    csv: Address,
    links: Vec<Link>,
    views: Vec<View>,
    address: Address,
    own: &'static [&'static str],
    words: String,
    warehouses: Vec<Choice>,
    has_warehouses: bool,
    chips: Vec<Chip>,
    cleared: Address,
    heads: Vec<Head>,
    rows: Vec<Row>,
    is_filtered: bool,
    shows_costs: bool,
    turn: Turn,
}

/// What can be done with stock, by this person.
struct Link {
    to: &'static str,
    label: Word,
    is_next: bool,
}

struct Row {
    id: String,
    sku: String,
    name: String,
    warehouse: String,
    on_hand: String,
    reserved: String,
    available: String,
    waiting: String,
    status: Option<Status>,
    value: String,
}

/// What a level needs: nothing, as a rule.
pub(super) fn status(level: &StockView, w: &'static Stock) -> Option<Status> {
    if !level.waiting.is_zero() {
        return Some(Status::draft(w.awaited));
    }
    level.low.then(|| Status::late(w.low))
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let (w, address) = (Stock::of(visitor.language), Address::of(&request));
    let Query { mut filter, page: wanted, .. } = Query::parse(&address.query(&[]))?;
    filter.selection.counted = true;
    let found = stock::list(&database, &visitor.context, &filter, &wanted).await?;
    let places = Places::of(&visitor, &database).await?;
    let shows_costs = visitor.may(Permission::StockCosts);
    let chosen = address.get("warehouse_id").unwrap_or_default();
    let page = LevelsPage {
        page: visitor.page(w.title).about("stock.*"),
        w,
        csv: address.export("/console/stock.csv"),
        links: links(&visitor, w),
        views: views(&address, &visitor, &database).await?,
        own: FIELDS,
        words: address.get("q").unwrap_or_default().to_owned(),
        warehouses: places.to_filter(w.all_warehouses, chosen),
        has_warehouses: places.are_several(),
        chips: chips(&address, &places, w),
        cleared: address.cleared(),
        heads: heads(&address, shows_costs, w),
        rows: found.data.iter().map(|level| row(level, &places, &visitor)).collect(),
        is_filtered: !address.cleared().is_same_list(&address),
        shows_costs,
        turn: Turn::of(&address, found.next_cursor.as_deref(), found.count, &visitor.format),
        address,
    };
    layout::ok(&page)
}

fn links(visitor: &Visitor, w: &'static Stock) -> Vec<Link> {
    let links = [
        ("/console/warehouses", w.warehouses, false),
        ("/console/stock/value", w.value_title, false),
        ("/console/stock/write-offs/new", w.write_off, false),
        ("/console/stock/adjustments/new", w.adjust, false),
        ("/console/stock/relocations/new", w.relocate, false),
        ("/console/stock/transfers/new", w.transfer, false),
        ("/console/receipts/new", w.receive, true),
    ];
    let links = links.into_iter().filter(|(to, ..)| menu::may_see(&visitor.context.principal, to));
    links.map(|(to, label, is_next)| Link { to, label, is_next }).collect()
}

fn row(level: &StockView, places: &Places, visitor: &Visitor) -> Row {
    let format = &visitor.format;
    Row {
        id: level.id.to_string(),
        sku: level.sku.clone(),
        name: level.name.clone(),
        warehouse: places.name(level.warehouse_id.uuid()),
        on_hand: format.decimal(level.on_hand.value()),
        reserved: format.decimal(level.reserved.value()),
        available: format.decimal(level.available.value()),
        waiting: format.decimal(level.waiting.value()),
        status: status(level, Stock::of(visitor.language)),
        value: level.value.as_ref().map(|value| visitor.money(value)).unwrap_or_default(),
    }
}

fn heads(address: &Address, shows_costs: bool, w: &'static Stock) -> Vec<Head> {
    let sortable = |label, key| Head::sortable(label, key, address, StockSort::DEFAULT);
    let mut heads = vec![
        sortable(w.product, "name"),
        sortable(w.sku, "sku"),
        Head::text(w.warehouse),
        Head::number(w.on_hand),
        Head::number(w.reserved),
        Head::number(w.available),
        Head::number(w.waiting),
        Head::text(w.state),
    ];
    if shows_costs {
        heads.push(Head::number(w.value));
    }
    heads
}

async fn views(
    address: &Address,
    visitor: &Visitor,
    database: &TenantDatabase,
) -> Result<Vec<View>, ApiError> {
    let w = Stock::of(visitor.language);
    let selection = Selection { counted: true, ..Selection::default() };
    let low = StockFilter { low: true, selection, ..StockFilter::default() };
    let low = stock::list(database, &visitor.context, &low, &first(1)?).await?.count;
    let base = address.without("low");
    Ok(vec![
        View {
            label: w.all.to_string(),
            to: base.clone(),
            is_current: !address.is("low", "true"),
            count: None,
            is_warning: false,
        },
        View {
            label: w.low_view.to_string(),
            to: base.with("low", "true"),
            is_current: address.is("low", "true"),
            // Counts mean work: nothing to do has none.
            count: low
                .filter(|count| count.value > 0)
                .map(|count| visitor.format.count(count.value, count.exact)),
            is_warning: low.is_some_and(|count| count.value > 0),
        },
    ])
}

fn chips(address: &Address, places: &Places, w: &'static Stock) -> Vec<Chip> {
    let warehouse = address.get("warehouse_id").map(|id| Chip {
        label: format!(
            "{} {}",
            w.warehouse,
            id.parse::<uuid::Uuid>().map(|id| places.name(id)).unwrap_or_default()
        ),
        without: address.without("warehouse_id"),
    });
    let of = |name: &str, label: Word| {
        address.get(name).map(|_| Chip { label: label.to_string(), without: address.without(name) })
    };
    [warehouse, of("product_id", w.product), of("location_id", w.location), of("category_id", w.category)]
        .into_iter()
        .flatten()
        .collect()
}

pub(super) async fn export(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let address = Address::of(&request).export(PATH);
    let filter = Query::parse(&address.query(&[]))?.filter;
    let context = visitor.context;
    Ok(export::csv("stock", move |page: PageRequest<StockSort>| {
        let (database, context, filter) = (database.clone(), context.clone(), filter.clone());
        async move { stock::list(&database, &context, &filter, &page).await }
    }))
}
