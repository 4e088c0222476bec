//! What each role may do: `GET /api/v1/roles` as a table.

use actix_web::HttpResponse;
use askama::Template;
use comptoir_core::application::{Permission, PermissionSet, Role};

use crate::console::layout::{self, Page};
use crate::console::menu;
use crate::console::permissions::{self, Group};
use crate::console::visitor::Visitor;
use crate::console::words::{Users, shared};
use crate::error::ApiError;

#[derive(Template)]
#[template(path = "console/users/roles.html")]
struct RolesPage {
    page: Page,
    w: &'static Users,
    may_see_users: bool,
    roles: Vec<&'static str>,
    areas: Vec<Area>,
}

struct Area {
    label: &'static str,
    rows: Vec<Row>,
}

struct Row {
    label: &'static str,
    /// Of each role, whether it has it.
    cells: Vec<bool>,
}

pub(super) async fn show(visitor: Visitor) -> Result<HttpResponse, ApiError> {
    let w = Users::of(visitor.language);
    let none = PermissionSet::EMPTY;
    let groups = permissions::groups(PermissionSet::all(), none, none, visitor.language);
    let cells = |name: &str| {
        let permission: Option<Permission> = name.parse().ok();
        let has = |role: &Role| permission.is_some_and(|permission| role.permissions().contains(permission));
        Role::ALL.iter().map(has).collect()
    };
    let area = |Group { label, boxes }: Group| Area {
        label,
        rows: boxes.iter().map(|tick| Row { label: tick.label, cells: cells(tick.name) }).collect(),
    };
    layout::ok(&RolesPage {
        page: visitor.page(w.roles),
        w,
        may_see_users: menu::may_see(&visitor.context.principal, "/console/users"),
        roles: Role::ALL.iter().map(|role| shared::role(Some(*role), visitor.language)).collect(),
        areas: groups.into_iter().map(area).collect(),
    })
}
