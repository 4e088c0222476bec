//! The list of customers. Its parameters are those of `GET /api/v1/customers`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use comptoir_core::application::{Permission, TenantDatabase};
use comptoir_core::commerce::customers::{self, CustomerSort, CustomerView};
use comptoir_core::platform::paging::SortKey;
use comptoir_core::values::money::Money;

use super::PATH;
use crate::console::forms::Choice;
use crate::console::layout;
use crate::console::lists::{Address, Chip, Head, Turn};
use crate::console::names;
use crate::console::parts::{Cell, Link, ListPage, Row, Select};
use crate::console::visitor::Visitor;
use crate::console::words::{Customers, Parts};
use crate::error::ApiError;
use crate::extract::SearchQuery;
use crate::routes::customers::CustomerFilters;

type Query = SearchQuery<CustomerFilters, CustomerSort>;

pub(super) async fn show(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let (w, shared) = (Customers::of(visitor.language), Parts::of(visitor.language));
    let address = Address::of(&request);
    let mut query = Query::parse(&address.query(&[]))?;
    query.filter.selection.counted = true;
    let found = customers::list(&database, &visitor.context, &query.filter, &query.page).await?;
    let turn = Turn::of(&address, found.next_cursor.as_deref(), found.count, &visitor.format);
    let groups = names::groups(&database, &visitor).await?;
    let notice = address.is("done", "deleted").then_some(shared.done_deleted);
    let shows_prices = visitor.may(Permission::OrdersPrices);
    let csv = address.export("/console/customers.csv");
    let page = visitor.page(w.title).saying(notice).about("customer.*");
    let create =
        visitor.may(Permission::CustomersWrite).then(|| Link::new("/console/customers/new", w.create));
    layout::ok(&ListPage {
        label: w.list_label.to_string(),
        csv: Some(csv),
        create,
        own: &["q", "group_id"],
        search: shared.search.to_string(),
        selects: of_groups(&address, &groups, w),
        chips: chips(&address, &groups, w),
        heads: heads(&address, shows_prices, w, shared),
        rows: found.data.iter().map(|customer| row(customer, &visitor, shows_prices)).collect(),
        empty: w.empty.to_string(),
        empty_then: w.empty_then.to_string(),
        ..ListPage::of(page, PATH, address, turn)
    })
}

/// The filter by group, if the visitor may see groups and there are some.
fn of_groups(address: &Address, groups: &[(String, String)], w: &'static Customers) -> Vec<Select> {
    if groups.is_empty() {
        return Vec::new();
    }
    let all = Choice { value: String::new(), label: w.all_groups.to_string(), is_chosen: false };
    let one = |(id, name): &(String, String)| Choice {
        value: id.clone(),
        label: name.clone(),
        is_chosen: address.is("group_id", id),
    };
    let choices = std::iter::once(all).chain(groups.iter().map(one)).collect();
    vec![Select { name: "group_id", label: w.group.to_string(), choices }]
}

fn chips(address: &Address, groups: &[(String, String)], w: &'static Customers) -> Vec<Chip> {
    let group = address.get("group_id").map(|id| {
        let name = groups.iter().find(|(one, _)| one == id).map_or("", |(_, name)| name.as_str());
        Chip { label: format!("{} {name}", w.group), without: address.without("group_id") }
    });
    group.into_iter().collect()
}

fn heads(address: &Address, shows_prices: bool, w: &'static Customers, shared: &'static Parts) -> Vec<Head> {
    let mut heads = vec![
        Head::sortable(shared.code, "code", address, CustomerSort::DEFAULT),
        Head::sortable(shared.name, "name", address, CustomerSort::DEFAULT),
        Head::text(w.city),
        Head::text(w.email),
    ];
    if shows_prices {
        heads.push(Head::number(w.credit_limit));
    }
    heads
}

fn row(customer: &CustomerView, visitor: &Visitor, shows_prices: bool) -> Row {
    let city = customer.addresses.first().map(|address| address.postal.city.to_string());
    let mut cells = vec![
        Cell::text(&customer.name),
        Cell::text(city.unwrap_or_default()).wide(),
        Cell::text(&customer.email).wide(),
    ];
    if shows_prices {
        let limit = customer.credit_limit.as_deref().and_then(|text| Money::parse(text).ok());
        cells.push(Cell::number(limit.map(|limit| visitor.money(&limit)).unwrap_or_default()).wide());
    }
    Row {
        id: customer.id.to_string(),
        to: Some(format!("{PATH}/{}", customer.id)),
        title: customer.code.clone(),
        small: String::new(),
        cells,
    }
}
