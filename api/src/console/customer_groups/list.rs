//! The groups of customers, and one of them. The parameters of the list are those of `GET /api/v1/customer-groups`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use comptoir_core::application::{Permission, TenantDatabase};
use comptoir_core::commerce::customer_groups::{self, CustomerGroupSort};
use comptoir_core::platform::paging::SortKey;

use super::PATH;
use crate::console::layout;
use crate::console::lists::{Address, Head, Turn};
use crate::console::parts::{Action, Block, Cell, Link, ListPage, OnePage, Row};
use crate::console::visitor::Visitor;
use crate::console::words::{Groups, Parts, PriceLists};
use crate::error::ApiError;
use crate::extract::{SearchQuery, part};
use crate::routes::customer_groups::CustomerGroupFilters;

type Query = SearchQuery<CustomerGroupFilters, CustomerGroupSort>;

pub(super) async fn show(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let (w, shared) = (Groups::of(visitor.language), Parts::of(visitor.language));
    let address = Address::of(&request);
    let mut query = Query::parse(&address.query(&[]))?;
    query.filter.selection.counted = true;
    let found = customer_groups::list(&database, &visitor.context, &query.filter, &query.page).await?;
    let turn = Turn::of(&address, found.next_cursor.as_deref(), found.count, &visitor.format);
    let rows = found.data.iter().map(|group| Row {
        id: group.id.to_string(),
        to: Some(format!("{PATH}/{}", group.id)),
        title: group.code.clone(),
        small: String::new(),
        cells: vec![
            Cell::text(&group.name),
            Cell::text(w.customers).to(Some(format!("/console/customers?group_id={}", group.id))).wide(),
        ],
    });
    let rows = rows.collect();
    let notice = address.is("done", "deleted").then_some(shared.done_deleted);
    let csv = address.export("/console/customer-groups.csv");
    let heads = vec![
        Head::sortable(shared.code, "code", &address, CustomerGroupSort::DEFAULT),
        Head::sortable(shared.name, "name", &address, CustomerGroupSort::DEFAULT),
        Head::text(w.customers),
    ];
    let create =
        visitor.may(Permission::PricesWrite).then(|| Link::new("/console/customer-groups/new", w.create));
    let page = visitor.page(w.title).saying(notice).about("customer_group.*");
    layout::ok(&ListPage {
        label: w.list_label.to_string(),
        csv: Some(csv),
        links: vec![Link::new("/console/price-lists", PriceLists::of(visitor.language).title)],
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
    let (w, shared) = (Groups::of(visitor.language), Parts::of(visitor.language));
    let group = customer_groups::get(&database, &visitor.context, part(&request, "id")?).await?;
    let notice = match Address::of(&request).get("done") {
        Some("created") => Some(shared.done_created),
        Some("saved") => Some(w.done_saved),
        _ => None,
    };
    let mut actions = vec![Action::link(format!("/console/price-lists?group_id={}", group.id), w.lists)];
    if visitor.may(Permission::CustomersRead) {
        actions.push(Action::link(format!("/console/customers?group_id={}", group.id), w.customers));
    }
    if visitor.may(Permission::PricesWrite) {
        actions.push(Action::link(format!("{PATH}/{}/delete", group.id), shared.delete).danger());
        actions.push(Action::link(format!("{PATH}/{}/edit", group.id), shared.edit).go());
    }
    let identity = Block::facts(
        "identity",
        shared.identity,
        [
            (shared.code.to_string(), Some(group.code.clone())),
            (shared.updated.to_string(), Some(visitor.format.long(group.updated_at).shown)),
        ],
    );
    OnePage {
        page: visitor.page(&group.name).saying(notice).about("customer_group.*"),
        w: shared,
        crumb: Link::new(PATH, w.title),
        status: None,
        line: group.code,
        is_outdated: false,
        refused: None,
        actions,
        tabs: Vec::new(),
        blocks: vec![identity],
        side: Vec::new(),
    }
    .respond()
}
