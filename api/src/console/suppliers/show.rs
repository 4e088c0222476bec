//! The list of suppliers, and one of them. The parameters of the list are those of `GET /api/v1/suppliers`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use comptoir_core::application::{Permission, TenantDatabase};
use comptoir_core::commerce::suppliers::{self, SupplierSort, SupplierView};
use comptoir_core::platform::paging::SortKey;

use super::PATH;
use crate::console::layout;
use crate::console::lists::{Address, Head, Turn};
use crate::console::parts::{Action, Block, Cell, Link, ListPage, OnePage, Row, addresses};
use crate::console::visitor::Visitor;
use crate::console::words::{Parts, Suppliers, parts as said};
use crate::error::ApiError;
use crate::extract::{SearchQuery, part};
use crate::routes::suppliers::SupplierFilters;

type Query = SearchQuery<SupplierFilters, SupplierSort>;

pub(super) async fn list(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let (w, shared) = (Suppliers::of(visitor.language), Parts::of(visitor.language));
    let address = Address::of(&request);
    let mut query = Query::parse(&address.query(&[]))?;
    query.filter.selection.counted = true;
    let found = suppliers::list(&database, &visitor.context, &query.filter, &query.page).await?;
    let turn = Turn::of(&address, found.next_cursor.as_deref(), found.count, &visitor.format);
    let notice = address.is("done", "deleted").then_some(shared.done_deleted);
    let csv = address.export("/console/suppliers.csv");
    let heads = vec![
        Head::sortable(shared.code, "code", &address, SupplierSort::DEFAULT),
        Head::sortable(shared.name, "name", &address, SupplierSort::DEFAULT),
        Head::text(w.city),
        Head::text(shared.terms),
    ];
    let create =
        visitor.may(Permission::SuppliersWrite).then(|| Link::new("/console/suppliers/new", w.create));
    let page = visitor.page(w.title).saying(notice).about("supplier.*");
    layout::ok(&ListPage {
        label: w.list_label.to_string(),
        csv: Some(csv),
        create,
        search: shared.search.to_string(),
        heads,
        rows: found.data.iter().map(|supplier| row(supplier, &visitor)).collect(),
        empty: w.empty.to_string(),
        empty_then: w.empty_then.to_string(),
        ..ListPage::of(page, PATH, address, turn)
    })
}

fn row(supplier: &SupplierView, visitor: &Visitor) -> Row {
    let city = supplier.addresses.first().map(|address| address.postal.city.to_string());
    let terms = supplier.payment_terms.map(|terms| said::terms(terms, visitor.language));
    Row {
        id: supplier.id.to_string(),
        to: Some(format!("{PATH}/{}", supplier.id)),
        title: supplier.code.clone(),
        small: String::new(),
        cells: vec![
            Cell::text(&supplier.name),
            Cell::text(city.unwrap_or_default()).wide(),
            Cell::text(terms.unwrap_or_default()).wide(),
        ],
    }
}

pub(super) async fn one(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let (w, shared) = (Suppliers::of(visitor.language), Parts::of(visitor.language));
    let supplier = suppliers::get(&database, &visitor.context, part(&request, "id")?).await?;
    let notice = match Address::of(&request).get("done") {
        Some("created") => Some(shared.done_created),
        Some("saved") => Some(w.done_saved),
        _ => None,
    };
    let mut actions = Vec::new();
    if visitor.may(Permission::SuppliersWrite) {
        actions.push(Action::link(format!("{PATH}/{}/delete", supplier.id), shared.delete).danger());
        actions.push(Action::link(format!("{PATH}/{}/edit", supplier.id), shared.edit).go());
    }
    let terms = supplier.payment_terms.map(|terms| said::terms(terms, visitor.language));
    let identity = Block::facts(
        "identity",
        shared.identity,
        [
            (shared.code.to_string(), Some(supplier.code.clone())),
            (shared.vat_number.to_string(), supplier.vat_number.clone()),
            (shared.external_id.to_string(), supplier.external_id.clone()),
            (shared.updated.to_string(), Some(visitor.format.long(supplier.updated_at).shown)),
        ],
    );
    let terms = terms.unwrap_or_else(|| shared.not_said.to_string());
    let conditions = Block::facts("conditions", w.conditions, [(shared.terms.to_string(), Some(terms))]);
    OnePage {
        page: visitor.page(&supplier.name).saying(notice).about("supplier.*"),
        w: shared,
        crumb: Link::new(PATH, w.title),
        status: None,
        line: supplier.code.clone(),
        is_outdated: false,
        refused: None,
        actions,
        tabs: Vec::new(),
        blocks: vec![identity, conditions],
        side: vec![addresses::block(&supplier.addresses, shared)],
    }
    .respond()
}
