//! The list of warehouses. Its parameters are those of `GET /api/v1/warehouses`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use comptoir_core::application::TenantDatabase;
use comptoir_core::commerce::warehouses::{self, WarehouseSort, WarehouseView};
use comptoir_core::platform::paging::SortKey;

use crate::console::layout::{self, Page};
use crate::console::lists::{Address, Head, Turn};
use crate::console::menu;
use crate::console::status::Status;
use crate::console::visitor::Visitor;
use crate::console::words::Warehouses;
use crate::error::ApiError;
use crate::extract::SearchQuery;
use crate::routes::warehouses::WarehouseFilters;

type Query = SearchQuery<WarehouseFilters, WarehouseSort>;

#[derive(Template)]
#[template(path = "console/warehouses/list.html")]
struct ListPage {
    page: Page,
    w: &'static Warehouses,
    may_write: bool,
    csv: Address,
    heads: Vec<Head>,
    rows: Vec<Row>,
    turn: Turn,
}

struct Row {
    id: String,
    code: String,
    name: String,
    city: String,
    status: Option<Status>,
}

/// What tells a warehouse from others: the default one, or one that is closed.
pub(super) fn status(warehouse: &WarehouseView, w: &'static Warehouses) -> Option<Status> {
    if warehouse.archived_at.is_some() {
        return Some(Status::over(w.archived));
    }
    warehouse.is_default.then(|| Status::done(w.default))
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let (w, address) = (Warehouses::of(visitor.language), Address::of(&request));
    let Query { filter, page: wanted, .. } = Query::parse(&address.query(&[]))?;
    let found = warehouses::list(&database, &visitor.context, &filter, &wanted).await?;
    let row = |warehouse: &WarehouseView| Row {
        id: warehouse.id.to_string(),
        code: warehouse.code.clone(),
        name: warehouse.name.clone(),
        city: warehouse.address.as_ref().map(|address| address.city.as_str().to_owned()).unwrap_or_default(),
        status: status(warehouse, w),
    };
    let notice = address.is("done", "archived").then_some(w.done_archived);
    let sortable = |label, key| Head::sortable(label, key, &address, WarehouseSort::DEFAULT);
    let page = ListPage {
        page: visitor.page(w.title).about("warehouse.*").saying(notice),
        w,
        may_write: menu::may_see(&visitor.context.principal, "/console/warehouses/new"),
        csv: address.export("/console/warehouses.csv"),
        heads: vec![
            sortable(w.name, "name"),
            sortable(w.code, "code"),
            Head::text(w.city),
            Head::text(w.state),
        ],
        rows: found.data.iter().map(row).collect(),
        turn: Turn::of(&address, found.next_cursor.as_deref(), found.count, &visitor.format),
    };
    layout::ok(&page)
}
