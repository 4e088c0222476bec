//! The list of inventory counts. Its parameters are those of `GET /api/v1/inventory-counts`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use comptoir_core::application::TenantDatabase;
use comptoir_core::commerce::inventory_counts::{
    self, CountFilter, CountSort, CountStatus, InventoryCountView,
};
use comptoir_core::platform::paging::PageRequest;

use crate::console::format::Moment;
use crate::console::forms::Choice;
use crate::console::layout::{self, Page};
use crate::console::lists::{Address, Head, Turn, View};
use crate::console::menu;
use crate::console::places::Places;
use crate::console::status::Status;
use crate::console::typography::Word;
use crate::console::visitor::Visitor;
use crate::console::words::Counts;
use crate::error::ApiError;
use crate::export;
use crate::extract::ListQuery;
use crate::routes::inventory_counts::InventoryCountFilters;

const PATH: &str = "/console/counts";
const FIELDS: &[&str] = &["warehouse_id"];

type Query = ListQuery<InventoryCountFilters, CountSort>;

#[derive(Template)]
#[template(path = "console/counts/list.html")]
struct ListPage {
    page: Page,
    w: &'static Counts,
    csv: Address,
    may_plan: bool,
    views: Vec<View>,
    address: Address,
    own: &'static [&'static str],
    warehouses: Vec<Choice>,
    has_warehouses: bool,
    cleared: Address,
    heads: Vec<Head>,
    rows: Vec<Row>,
    is_filtered: bool,
    turn: Turn,
}

struct Row {
    id: String,
    name: String,
    warehouse: String,
    scope: Word,
    status: Status,
    who: String,
    at: Moment,
}

pub(super) fn status(count: &InventoryCountView, w: &'static Counts) -> Status {
    match count.status {
        CountStatus::Open => Status::open(w.open),
        CountStatus::Counting => Status::begun(w.counting),
        CountStatus::Review => Status::half(w.in_review),
        CountStatus::Closed => Status::done(w.closed),
        CountStatus::Cancelled => Status::over(w.cancelled),
    }
}

/// What people call a count.
pub(super) fn name(count: &InventoryCountView, visitor: &Visitor) -> String {
    let day = || visitor.format.long(count.created_at).shown;
    count.reference.clone().unwrap_or_else(|| format!("{} {}", Counts::of(visitor.language).count, day()))
}

pub(super) fn scope(count: &InventoryCountView, w: &'static Counts) -> Word {
    match (&count.category_ids, &count.location_ids) {
        (Some(_), _) => w.some_categories,
        (_, Some(_)) => w.some_locations,
        (None, None) => w.whole,
    }
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let (w, address) = (Counts::of(visitor.language), Address::of(&request));
    let Query { filter, page: wanted } = Query::parse(&address.query(&[]))?;
    let found = inventory_counts::list(&database, &visitor.context, &filter.into(), &wanted).await?;
    let places = Places::of(&visitor, &database).await?;
    let row = |count: &InventoryCountView| Row {
        id: count.id.to_string(),
        name: name(count, &visitor),
        warehouse: places.name(count.warehouse_id.uuid()),
        scope: scope(count, w),
        status: status(count, w),
        who: count.created_by.clone(),
        at: visitor.format.short(count.created_at),
    };
    let page = ListPage {
        page: visitor.page(w.title).about("inventory_count.*"),
        w,
        csv: address.export("/console/counts.csv"),
        may_plan: menu::may_see(&visitor.context.principal, "/console/counts/new"),
        views: views(&address, w),
        own: FIELDS,
        warehouses: places.to_filter(w.all_warehouses, address.get("warehouse_id").unwrap_or_default()),
        has_warehouses: places.are_several(),
        cleared: address.cleared(),
        heads: vec![
            Head::text(w.count),
            Head::text(w.warehouse),
            Head::text(w.scope),
            Head::text(w.state),
            Head::text(w.who),
            Head::text(w.planned_at),
        ],
        rows: found.data.iter().map(row).collect(),
        is_filtered: !address.cleared().is_same_list(&address),
        turn: Turn::of(&address, found.next_cursor.as_deref(), found.count, &visitor.format),
        address,
    };
    layout::ok(&page)
}

fn views(address: &Address, w: &'static Counts) -> Vec<View> {
    let base = address.without("status");
    let all = View {
        label: w.all.to_string(),
        to: base.clone(),
        is_current: address.get("status").is_none(),
        count: None,
        is_warning: false,
    };
    let labels = [
        (CountStatus::Open, w.open_view),
        (CountStatus::Counting, w.counting_view),
        (CountStatus::Review, w.review_view),
        (CountStatus::Closed, w.closed_view),
        (CountStatus::Cancelled, w.cancelled_view),
    ];
    let view = |(status, label): (CountStatus, Word)| View {
        label: label.to_string(),
        to: base.with("status", status.as_str()),
        is_current: address.is("status", status.as_str()),
        count: None,
        is_warning: false,
    };
    std::iter::once(all).chain(labels.into_iter().map(view)).collect()
}

pub(super) async fn export(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let address = Address::of(&request).export(PATH);
    let filter = CountFilter::from(Query::parse(&address.query(&[]))?.filter);
    let context = visitor.context;
    Ok(export::csv("inventory-counts", move |page: PageRequest<CountSort>| {
        let (database, context, filter) = (database.clone(), context.clone(), filter.clone());
        async move { inventory_counts::list(&database, &context, &filter, &page).await }
    }))
}
