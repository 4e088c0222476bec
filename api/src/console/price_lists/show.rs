//! The price lists, and one with its prices. The parameters of the list are those of `GET /api/v1/price-lists`.

use std::collections::HashMap;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use comptoir_core::application::{Permission, TenantDatabase};
use comptoir_core::commerce::prices::{self, EntrySort, PriceEntryView, PriceListSort, PriceListView};
use comptoir_core::platform::paging::{PageRequest, SortKey};
use comptoir_core::values::ids::{CustomerId, PriceListId};

use super::PATH;
use crate::console::layout;
use crate::console::lists::{Address, Head, Turn};
use crate::console::names;
use crate::console::parts::{Action, Block, Cell, Link, ListPage, OnePage, Row};
use crate::console::status::Status;
use crate::console::visitor::Visitor;
use crate::console::words::{Parts, PriceLists, price_lists as said, products};
use crate::error::ApiError;
use crate::extract::{SearchQuery, part};
use crate::routes::price_lists::PriceListFilters;

type Query = SearchQuery<PriceListFilters, PriceListSort>;

/// Prices of a page.
const LIMIT: u8 = 50;

/// Whose prices lists are: the names of customers and of groups.
struct Whose {
    customers: HashMap<CustomerId, String>,
    groups: Vec<(String, String)>,
}

impl Whose {
    async fn read(
        lists: &[PriceListView],
        visitor: &Visitor,
        database: &TenantDatabase,
    ) -> Result<Self, ApiError> {
        let customers = lists.iter().filter_map(|list| list.customer_id);
        Ok(Self {
            customers: names::of_customers(database, visitor, customers).await?,
            groups: names::groups(database, visitor).await?,
        })
    }

    fn of(&self, list: &PriceListView, w: &'static PriceLists) -> String {
        if let Some(id) = list.customer_id {
            return self.customers.get(&id).cloned().unwrap_or_else(|| w.customer.to_string());
        }
        let Some(id) = list.group_id.map(|id| id.to_string()) else { return w.everybody.to_string() };
        let group = self.groups.iter().find(|(one, _)| *one == id);
        group.map_or_else(|| w.group.to_string(), |(_, name)| name.clone())
    }
}

fn period(list: &PriceListView, visitor: &Visitor) -> String {
    let day = |day: Option<_>| day.map(|day| visitor.format.business_day(day));
    let (from, to) = (day(list.valid_from), day(list.valid_to));
    said::period(from.as_deref(), to.as_deref(), visitor.language)
        .unwrap_or_else(|| PriceLists::of(visitor.language).always.to_string())
}

fn state(list: &PriceListView, visitor: &Visitor) -> Status {
    let (w, today) = (PriceLists::of(visitor.language), visitor.format.today());
    if list.valid_to.is_some_and(|day| day.date() <= today) {
        Status::over(w.over)
    } else if list.valid_from.is_some_and(|day| day.date() > today) {
        Status::draft(w.later)
    } else {
        Status::done(w.now)
    }
}

pub(super) async fn list(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let (w, shared) = (PriceLists::of(visitor.language), Parts::of(visitor.language));
    let address = Address::of(&request);
    let mut query = Query::parse(&address.query(&[]))?;
    query.filter.selection.counted = true;
    let found = prices::list(&database, &visitor.context, &query.filter, &query.page).await?;
    let turn = Turn::of(&address, found.next_cursor.as_deref(), found.count, &visitor.format);
    let whose = Whose::read(&found.data, &visitor, &database).await?;
    let rows = found.data.iter().map(|list| Row {
        id: list.id.to_string(),
        to: Some(format!("{PATH}/{}", list.id)),
        title: list.code.clone(),
        small: String::new(),
        cells: vec![
            Cell::text(&list.name),
            Cell::text(whose.of(list, w)).wide(),
            Cell::text(period(list, &visitor)).wide(),
            Cell::status(state(list, &visitor)),
            Cell::number(visitor.format.whole(list.entries.into())).wide(),
        ],
    });
    let rows = rows.collect();
    let heads = vec![
        Head::sortable(shared.code, "code", &address, PriceListSort::DEFAULT),
        Head::sortable(shared.name, "name", &address, PriceListSort::DEFAULT),
        Head::text(w.whose),
        Head::text(w.valid),
        Head::text(w.state),
        Head::number(w.products),
    ];
    let notice = address.is("done", "deleted").then_some(shared.done_deleted);
    let csv = address.export("/console/price-lists.csv");
    let create =
        visitor.may(Permission::PricesWrite).then(|| Link::new("/console/price-lists/new", w.create));
    let page = visitor.page(w.title).saying(notice).about("price_list.*");
    layout::ok(&ListPage {
        label: w.list_label.to_string(),
        csv: Some(csv),
        links: vec![Link::new("/console/customer-groups", w.groups)],
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
    let id: PriceListId = part(&request, "id")?;
    let (w, shared) = (PriceLists::of(visitor.language), Parts::of(visitor.language));
    let address = Address::of(&request);
    let list = prices::get(&database, &visitor.context, id).await?;
    let cursor = address.get("cursor");
    let wanted =
        PageRequest::<EntrySort>::parse(Some(LIMIT.into()), None, cursor).map_err(ApiError::invalid)?;
    let found = prices::entries(&database, &visitor.context, id, &wanted).await?;
    let whose = Whose::read(std::slice::from_ref(&list), &visitor, &database).await?;
    let notice = match address.get("done") {
        Some("created") => Some(shared.done_created),
        Some("saved") => Some(w.done_saved),
        Some("price") => Some(w.done_price),
        _ => None,
    };
    let may_write = visitor.may(Permission::PricesWrite);
    let mut actions = vec![Action::link(format!("{PATH}/{id}/entries.csv"), w.export_entries)];
    if may_write {
        actions.push(Action::link(format!("{PATH}/{id}/delete"), shared.delete).danger());
        actions.push(Action::link(format!("{PATH}/{id}/edit"), shared.edit));
        actions.push(Action::link(format!("{PATH}/{id}/price"), w.set_price).go());
    }
    let mut heads = vec![Head::text(w.product), Head::text(w.breaks)];
    if may_write {
        heads.push(Head::text(w.change));
    }
    // The form finds what the product has on the same page of the list.
    let at = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
    let row = |entry: &PriceEntryView| {
        let mut cells = vec![Cell::text(breaks(entry, &visitor))];
        if may_write {
            let to = format!("{PATH}/{id}/price?product_id={}{at}", entry.product_id);
            cells.push(Cell::text(w.change).to(Some(to)));
        }
        Row {
            id: entry.product_id.to_string(),
            to: Some(format!("/console/products/{}", entry.product_id)),
            title: entry.name.clone(),
            small: entry.sku.clone(),
            cells,
        }
    };
    let entries = Block {
        id: "entries",
        title: w.entries.to_string(),
        heads,
        rows: found.data.iter().map(row).collect(),
        empty: w.no_entries.to_string(),
        turn: Some(Turn::of(&address, found.next_cursor.as_deref(), found.count, &visitor.format)),
        ..Block::default()
    };
    let facts = [
        (shared.code.to_string(), Some(list.code.clone())),
        (w.whose.to_string(), Some(whose.of(&list, w))),
        (w.valid.to_string(), Some(period(&list, &visitor))),
        (w.products.to_string(), Some(visitor.format.whole(list.entries.into()))),
        (shared.updated.to_string(), Some(visitor.format.long(list.updated_at).shown)),
    ];
    OnePage {
        page: visitor.page(&list.name).saying(notice).about("price_list.*"),
        w: shared,
        crumb: Link::new(PATH, w.title),
        status: Some(state(&list, &visitor)),
        line: list.code.clone(),
        is_outdated: false,
        refused: None,
        actions,
        tabs: Vec::new(),
        blocks: vec![entries],
        side: vec![Block::facts("identity", shared.identity, facts)],
    }
    .respond()
}

/// All prices of a product in the list, the smallest quantity first.
fn breaks(entry: &PriceEntryView, visitor: &Visitor) -> String {
    let shown = entry.breaks.iter().map(|one| {
        let price = visitor.format.price(&one.unit_price, &visitor.tenant.currency);
        if one.from_quantity.is_zero() {
            price
        } else {
            let from =
                products::from_quantity(&visitor.format.decimal(one.from_quantity.value()), visitor.language);
            format!("{from} {price}")
        }
    });
    shown.collect::<Vec<_>>().join(" · ")
}
