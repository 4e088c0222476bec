//! The categories, and one of them. The parameters of the list are those of `GET /api/v1/categories`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use comptoir_core::application::{Permission, TenantDatabase};
use comptoir_core::commerce::categories::{self, CategorySort};
use comptoir_core::platform::paging::SortKey;

use super::PATH;
use crate::console::layout;
use crate::console::lists::{Address, Head, Turn};
use crate::console::names;
use crate::console::parts::{Action, Block, Cell, Link, ListPage, OnePage, Row};
use crate::console::visitor::Visitor;
use crate::console::words::{Categories, Parts};
use crate::error::ApiError;
use crate::extract::{SearchQuery, part};
use crate::routes::categories::CategoryFilters;

type Query = SearchQuery<CategoryFilters, CategorySort>;

pub(super) async fn show(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let (w, shared) = (Categories::of(visitor.language), Parts::of(visitor.language));
    let address = Address::of(&request);
    let mut query = Query::parse(&address.query(&[]))?;
    query.filter.selection.counted = true;
    let found = categories::list(&database, &visitor.context, &query.filter, &query.page).await?;
    let turn = Turn::of(&address, found.next_cursor.as_deref(), found.count, &visitor.format);
    let shelves = names::categories(&database, &visitor).await?;
    let path = |id: String| shelves.iter().find(|shelf| shelf.id == id).map(|shelf| shelf.path.clone());
    let rows = found.data.iter().map(|category| Row {
        id: category.id.to_string(),
        to: Some(format!("{PATH}/{}", category.id)),
        title: category.code.clone(),
        small: String::new(),
        cells: vec![
            Cell::text(&category.name),
            Cell::text(category.parent_id.and_then(|id| path(id.to_string())).unwrap_or_default()).wide(),
            Cell::text(w.products).to(Some(format!("/console/products?category_id={}", category.id))),
        ],
    });
    let rows = rows.collect();
    let notice = address.is("done", "deleted").then_some(shared.done_deleted);
    let csv = address.export("/console/categories.csv");
    let heads = vec![
        Head::sortable(shared.code, "code", &address, CategorySort::DEFAULT),
        Head::sortable(shared.name, "name", &address, CategorySort::DEFAULT),
        Head::text(w.parent),
        Head::text(w.back_to_products),
    ];
    let create =
        visitor.may(Permission::ProductsWrite).then(|| Link::new("/console/categories/new", w.create));
    let page = visitor.page(w.title).saying(notice).about("category.*");
    layout::ok(&ListPage {
        label: w.list_label.to_string(),
        csv: Some(csv),
        links: vec![Link::new("/console/products", w.back_to_products)],
        create,
        search: shared.search.to_string(),
        heads,
        rows,
        empty: w.empty.to_string(),
        empty_then: w.empty_then.to_string(),
        ..ListPage::of(page, PATH, address, turn)
    })
}

pub(super) async fn one(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let (w, shared) = (Categories::of(visitor.language), Parts::of(visitor.language));
    let category = categories::get(&database, &visitor.context, part(&request, "id")?).await?;
    let notice = match Address::of(&request).get("done") {
        Some("created") => Some(shared.done_created),
        Some("saved") => Some(w.done_saved),
        _ => None,
    };
    let mut actions =
        vec![Action::link(format!("/console/products?category_id={}", category.id), w.products)];
    if visitor.may(Permission::ProductsWrite) {
        actions.push(Action::link(format!("{PATH}/{}/delete", category.id), shared.delete).danger());
        actions.push(Action::link(format!("{PATH}/{}/edit", category.id), shared.edit).go());
    }
    let shelves = names::categories(&database, &visitor).await?;
    let parent = category.parent_id.map(|id| id.to_string());
    let parent =
        parent.and_then(|id| shelves.into_iter().find(|shelf| shelf.id == id)).map(|shelf| shelf.path);
    let identity = Block::facts(
        "identity",
        shared.identity,
        [
            (shared.code.to_string(), Some(category.code.clone())),
            (w.parent.to_string(), Some(parent.unwrap_or_else(|| w.top.to_string()))),
            (shared.external_id.to_string(), category.external_id.clone()),
            (shared.updated.to_string(), Some(visitor.format.long(category.updated_at).shown)),
        ],
    );
    OnePage {
        page: visitor.page(&category.name).saying(notice).about("category.*"),
        w: shared,
        crumb: Link::new(PATH, w.title),
        status: None,
        line: category.code.clone(),
        is_outdated: false,
        refused: None,
        actions,
        tabs: Vec::new(),
        blocks: vec![identity],
        side: Vec::new(),
    }
    .respond()
}
