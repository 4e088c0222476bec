//! The list of users. Its parameters are those of `GET /api/v1/users`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use comptoir_core::accounts::users::{self, UserFilter, UserSort, UserStatus, UserView};
use comptoir_core::application::{Role, TenantDatabase};
use comptoir_core::platform::paging::{PageRequest, SortKey};

use super::status;
use crate::console::format::Moment;
use crate::console::forms::Choice;
use crate::console::layout::{self, Page};
use crate::console::lists::{Address, Chip, Head, Turn, View};
use crate::console::menu;
use crate::console::status::Status;
use crate::console::typography::Word;
use crate::console::visitor::Visitor;
use crate::console::words::{Users, shared};
use crate::error::ApiError;
use crate::export;
use crate::extract::ListQuery;
use crate::routes::users::{UserFilters, UserResponse};

const PATH: &str = "/console/users";
/// The fields of the form of filters, which keeps the other parameters.
const FIELDS: &[&str] = &["email", "role"];

type Query = ListQuery<UserFilters, UserSort>;

#[derive(Template)]
#[template(path = "console/users/list.html")]
struct ListPage {
    page: Page,
    w: &'static Users,
    csv: Address,
    may_add: bool,
    views: Vec<View>,
    address: Address,
    own: &'static [&'static str],
    email: String,
    roles: Vec<Choice>,
    chips: Vec<Chip>,
    cleared: Address,
    heads: Vec<Head>,
    rows: Vec<Row>,
    turn: Turn,
}

struct Row {
    id: String,
    name: String,
    email: String,
    role: &'static str,
    status: Status,
    last_login: Option<Moment>,
    created: Moment,
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let (w, address) = (Users::of(visitor.language), Address::of(&request));
    let Query { filter, page: wanted } = Query::parse(&address.query(&[]))?;
    let found = users::list(&database, &visitor.context, &filter.into(), &wanted).await?;
    let page = ListPage {
        page: visitor.page(w.title).about("user.*"),
        w,
        csv: address.export("/console/users.csv"),
        may_add: menu::may_see(&visitor.context.principal, "/console/users/new"),
        views: views(&address, w),
        own: FIELDS,
        email: address.get("email").unwrap_or_default().to_owned(),
        roles: roles(&address, &visitor),
        chips: chips(&address, &visitor),
        cleared: address.cleared(),
        heads: heads(&address, w),
        rows: found.data.iter().map(|user| row(user, &visitor)).collect(),
        turn: Turn::of(&address, found.next_cursor.as_deref(), found.count, &visitor.format),
        address,
    };
    layout::ok(&page)
}

fn row(user: &UserView, visitor: &Visitor) -> Row {
    Row {
        id: user.id.to_string(),
        name: user.name.clone(),
        email: user.email.clone(),
        role: shared::role(user.role.parse().ok(), visitor.language),
        status: status(user.status, Users::of(visitor.language)),
        last_login: user.last_login_at.map(|at| visitor.format.short(at)),
        created: visitor.format.short(user.created_at),
    }
}

fn heads(address: &Address, w: &'static Users) -> Vec<Head> {
    let sortable = |label, key| Head::sortable(label, key, address, UserSort::DEFAULT);
    vec![
        sortable(w.name, "name"),
        sortable(w.email, "email"),
        Head::text(w.role),
        Head::text(w.state),
        Head::text(w.last_login),
        sortable(w.created, "created_at"),
    ]
}

fn views(address: &Address, w: &'static Users) -> Vec<View> {
    let base = address.without("status");
    let of = |label: Word, status: Option<UserStatus>| View {
        label: label.to_string(),
        to: status.map_or_else(|| base.clone(), |status| base.with("status", status.name())),
        is_current: address.get("status") == status.map(UserStatus::name),
        count: None,
        is_warning: false,
    };
    vec![
        of(w.all, None),
        of(w.active_view, Some(UserStatus::Active)),
        of(w.unverified_view, Some(UserStatus::Unverified)),
        of(w.disabled_view, Some(UserStatus::Disabled)),
    ]
}

fn roles(address: &Address, visitor: &Visitor) -> Vec<Choice> {
    let chosen = address.get("role").unwrap_or_default();
    let any = Choice::new("", Users::of(visitor.language).any_role, chosen);
    let of = |role: &Role| Choice::new(role.name(), shared::role(Some(*role), visitor.language), chosen);
    std::iter::once(any).chain(Role::ALL.iter().map(of)).collect()
}

fn chips(address: &Address, visitor: &Visitor) -> Vec<Chip> {
    let email =
        address.get("email").map(|email| Chip { label: email.to_owned(), without: address.without("email") });
    let role = address.get("role").and_then(|role| role.parse().ok()).map(|role| Chip {
        label: shared::role(Some(role), visitor.language).to_owned(),
        without: address.without("role"),
    });
    email.into_iter().chain(role).collect()
}

pub(super) async fn export(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let address = Address::of(&request).export(PATH);
    let filter = UserFilter::from(Query::parse(&address.query(&[]))?.filter);
    let context = visitor.context;
    Ok(export::csv("users", move |page: PageRequest<UserSort>| {
        let (database, context, filter) = (database.clone(), context.clone(), filter.clone());
        async move { Ok(users::list(&database, &context, &filter, &page).await?.map(UserResponse::from)) }
    }))
}
