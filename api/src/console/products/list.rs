//! The list of products. Its parameters are those of `GET /api/v1/products`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use comptoir_core::application::{Permission, TenantDatabase};
use comptoir_core::commerce::products::{self, ProductSort, ProductView};
use comptoir_core::platform::paging::SortKey;

use super::PATH;
use crate::console::forms::Choice;
use crate::console::layout;
use crate::console::lists::{Address, Chip, Head, Turn, View};
use crate::console::menu;
use crate::console::names::{self, Shelf};
use crate::console::parts::{Cell, Link, ListPage, Row, Select};
use crate::console::status::Status;
use crate::console::visitor::Visitor;
use crate::console::words::{Parts, Products};
use crate::error::ApiError;
use crate::extract::SearchQuery;
use crate::routes::products::ProductFilters;

type Query = SearchQuery<ProductFilters, ProductSort>;

pub(super) async fn show(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let (w, shared) = (Products::of(visitor.language), Parts::of(visitor.language));
    let address = Address::of(&request);
    let mut query = Query::parse(&address.query(&[]))?;
    query.filter.selection.counted = true;
    let found = products::list(&database, &visitor.context, &query.filter, &query.page).await?;
    let turn = Turn::of(&address, found.next_cursor.as_deref(), found.count, &visitor.format);
    let shelves = names::categories(&database, &visitor).await?;
    let notice = address.is("done", "deleted").then_some(w.done_removed);
    let csv = address.export("/console/products.csv");
    let heads = vec![
        Head::sortable(w.sku, "sku", &address, ProductSort::DEFAULT),
        Head::sortable(shared.name, "name", &address, ProductSort::DEFAULT),
        Head::text(w.category),
        Head::number(w.price),
        Head::number(w.vat),
        Head::text(w.state),
    ];
    let beside = [("/console/categories", w.categories), ("/console/price-lists", w.price_lists)];
    let beside = beside.into_iter().filter(|(path, _)| menu::may_see(&visitor.context.principal, path));
    let create = visitor.may(Permission::ProductsWrite).then(|| Link::new("/console/products/new", w.create));
    let page = visitor.page(w.title).saying(notice).about("product.*");
    layout::ok(&ListPage {
        label: w.list_label.to_string(),
        csv: Some(csv),
        links: beside.map(|(path, label)| Link::new(path, label)).collect(),
        create,
        views: views(&address, w),
        own: &["q", "category_id"],
        search: w.search.to_string(),
        selects: of_categories(&address, &shelves, w),
        chips: chips(&address, &shelves, w),
        heads,
        rows: found.data.iter().map(|product| row(product, &shelves, &visitor)).collect(),
        empty: w.empty.to_string(),
        empty_then: w.empty_then.to_string(),
        ..ListPage::of(page, PATH, address, turn)
    })
}

fn views(address: &Address, w: &'static Products) -> Vec<View> {
    let of = |label: String, value: Option<&str>| View {
        label,
        to: value.map_or_else(|| address.without("archived"), |value| address.with("archived", value)),
        is_current: address.get("archived") == value,
        count: None,
        is_warning: false,
    };
    vec![
        of(w.all.to_string(), None),
        of(w.on_sale.to_string(), Some("false")),
        of(w.archived_view.to_string(), Some("true")),
    ]
}

fn of_categories(address: &Address, shelves: &[Shelf], w: &'static Products) -> Vec<Select> {
    if shelves.is_empty() {
        return Vec::new();
    }
    let all = Choice { value: String::new(), label: w.all_categories.to_string(), is_chosen: false };
    let one = |shelf: &Shelf| Choice {
        value: shelf.id.clone(),
        label: shelf.path.clone(),
        is_chosen: address.is("category_id", &shelf.id),
    };
    let choices = std::iter::once(all).chain(shelves.iter().map(one)).collect();
    vec![Select { name: "category_id", label: w.category.to_string(), choices }]
}

fn path<'a>(shelves: &'a [Shelf], id: &str) -> &'a str {
    shelves.iter().find(|shelf| shelf.id == id).map_or("", |shelf| shelf.path.as_str())
}

fn chips(address: &Address, shelves: &[Shelf], w: &'static Products) -> Vec<Chip> {
    let category = address.get("category_id").map(|id| Chip {
        label: format!("{} {}", w.category, path(shelves, id)),
        without: address.without("category_id"),
    });
    let barcode = address
        .get("barcode")
        .map(|code| Chip { label: format!("{} {code}", w.barcode), without: address.without("barcode") });
    category.into_iter().chain(barcode).collect()
}

fn row(product: &ProductView, shelves: &[Shelf], visitor: &Visitor) -> Row {
    let w = Products::of(visitor.language);
    let category = product.category_id.map(|id| path(shelves, &id.to_string()).to_owned());
    let state = if product.archived_at.is_some() { Status::over(w.archived) } else { Status::done(w.sold) };
    Row {
        id: product.id.to_string(),
        to: Some(format!("{PATH}/{}", product.id)),
        title: product.sku.clone(),
        small: String::new(),
        cells: vec![
            Cell::text(&product.name),
            Cell::text(category.unwrap_or_default()).wide(),
            Cell::number(visitor.format.price(&product.unit_price, &visitor.tenant.currency)),
            Cell::number(visitor.format.percent(product.vat_rate.value())).wide(),
            Cell::status(state).wide(),
        ],
    }
}
