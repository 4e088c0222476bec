//! The list of keys. Its parameters are those of `GET /api/v1/api-keys`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use comptoir_core::accounts::api_keys::{self, ApiKeyFilter, ApiKeySort, ApiKeyView};
use comptoir_core::application::TenantDatabase;
use comptoir_core::platform::paging::{PageRequest, SortKey};

use super::status;
use crate::console::format::Moment;
use crate::console::layout::{self, Page};
use crate::console::lists::{Address, Head, Turn, View};
use crate::console::menu;
use crate::console::status::Status;
use crate::console::typography::Word;
use crate::console::visitor::Visitor;
use crate::console::words::Keys;
use crate::error::ApiError;
use crate::export;
use crate::extract::ListQuery;
use crate::routes::api_keys::ApiKeyFilters;

const PATH: &str = "/console/keys";

type Query = ListQuery<ApiKeyFilters, ApiKeySort>;

#[derive(Template)]
#[template(path = "console/keys/list.html")]
struct ListPage {
    page: Page,
    w: &'static Keys,
    csv: Address,
    may_make: bool,
    views: Vec<View>,
    heads: Vec<Head>,
    rows: Vec<Row>,
    is_filtered: bool,
    cleared: Address,
    turn: Turn,
}

struct Row {
    id: String,
    name: String,
    prefix: String,
    status: Status,
    created: Moment,
    last_used: Option<Moment>,
    ends: Option<Moment>,
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let (w, address) = (Keys::of(visitor.language), Address::of(&request));
    let Query { filter, page: wanted } = Query::parse(&address.query(&[]))?;
    let found = api_keys::list(&database, &visitor.context, &filter.into(), &wanted).await?;
    let sortable = |label, key| Head::sortable(label, key, &address, ApiKeySort::DEFAULT);
    let heads = vec![
        sortable(w.name, "name"),
        Head::text(w.prefix),
        Head::text(w.state),
        Head::text(w.last_used),
        Head::text(w.ends),
        sortable(w.created, "created_at"),
    ];
    let page = ListPage {
        page: visitor.page(w.title).about("api_key.*"),
        w,
        csv: address.export("/console/keys.csv"),
        may_make: menu::may_see(&visitor.context.principal, "/console/keys/new"),
        views: views(&address, w),
        heads,
        rows: found.data.iter().map(|key| row(key, &visitor)).collect(),
        is_filtered: !address.cleared().is_same_list(&address),
        cleared: address.cleared(),
        turn: Turn::of(&address, found.next_cursor.as_deref(), found.count, &visitor.format),
    };
    layout::ok(&page)
}

fn row(key: &ApiKeyView, visitor: &Visitor) -> Row {
    let format = &visitor.format;
    Row {
        id: key.id.to_string(),
        name: key.name.clone(),
        prefix: key.prefix.clone(),
        status: status(key, Keys::of(visitor.language)),
        created: format.short(key.created_at),
        last_used: key.last_used_at.map(|at| format.short(at)),
        ends: key.expires_at.map(|at| format.short(at)),
    }
}

fn views(address: &Address, w: &'static Keys) -> Vec<View> {
    let base = address.without("revoked");
    let of = |label: Word, revoked: Option<&str>| View {
        label: label.to_string(),
        to: revoked.map_or_else(|| base.clone(), |revoked| base.with("revoked", revoked)),
        is_current: address.get("revoked") == revoked,
        count: None,
        is_warning: false,
    };
    vec![of(w.all, None), of(w.good_view, Some("false")), of(w.revoked_view, Some("true"))]
}

pub(super) async fn export(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let address = Address::of(&request).export(PATH);
    let filter = ApiKeyFilter::from(Query::parse(&address.query(&[]))?.filter);
    let context = visitor.context;
    Ok(export::csv("api-keys", move |page: PageRequest<ApiKeySort>| {
        let (database, context, filter) = (database.clone(), context.clone(), filter.clone());
        async move { api_keys::list(&database, &context, &filter, &page).await }
    }))
}
