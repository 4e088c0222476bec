//! What a user may do: the role's permissions, and what differs from them.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use comptoir_core::accounts::users::{self, ChangePermissions, UserView};
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::application::{Permission, PermissionSet, Role, TenantDatabase};
use comptoir_core::values::ids::UserId;
use serde_json::json;

use super::actions::leads_to;
use crate::console::answers::follow;
use crate::console::forms::{Form, FormFaults, TwoVersions, new_key};
use crate::console::layout::{self, Page};
use crate::console::parts::versions::{FORM, yes_or_no};
use crate::console::permissions::{self, Group};
use crate::console::visitor::Visitor;
use crate::console::words::permissions::label;
use crate::console::words::{Parts, Users, shared};
use crate::error::ApiError;
use crate::extract::{Faults, part};
use crate::routes::users::ChangePermissionsRequest;

#[derive(Template)]
#[template(path = "console/users/rights.html")]
struct RightsPage {
    page: Page,
    w: &'static Users,
    faults: FormFaults,
    versions: Option<TwoVersions>,
    form: &'static str,
    id: String,
    name: String,
    role: &'static str,
    version: i64,
    key: String,
    groups: Vec<Group>,
}

fn of_role(user: &UserView) -> PermissionSet {
    user.role.parse::<Role>().map_or(PermissionSet::EMPTY, Role::permissions)
}

/// What the visitor can give: the boxes that there are.
fn offered(visitor: &Visitor) -> PermissionSet {
    PermissionSet::all().iter().filter(|permission| visitor.may(*permission)).collect()
}

/// The permissions that differ, side by side.
fn beside(user: &UserView, ticked: PermissionSet, visitor: &Visitor) -> TwoVersions {
    let now = permissions::named(&user.permissions);
    let said =
        |set: PermissionSet, permission| yes_or_no(set.contains(permission), Parts::of(visitor.language));
    let versions = TwoVersions::new(FORM, format!("/console/users/{}/rights", user.id));
    offered(visitor).iter().fold(versions, |versions, permission| {
        let (mine, theirs) = (said(ticked, permission), said(now, permission));
        versions.choice(permission.name(), label(permission, visitor.language), mine, theirs)
    })
}

/// Why the page is shown again.
enum Again<'a> {
    Refused(&'a Form, FormFaults),
    /// Somebody else changed the user meanwhile.
    Outdated,
}

fn written(
    visitor: &Visitor,
    user: &UserView,
    ticked: PermissionSet,
    again: Option<Again<'_>>,
) -> Result<HttpResponse, ApiError> {
    let w = Users::of(visitor.language);
    let (mut version, mut versions, mut faults) = (user.version, None, FormFaults::default());
    let (status, key) = match again {
        None => (StatusCode::OK, new_key()),
        // Another request, with a key of its own.
        Some(Again::Outdated) => {
            versions = Some(beside(user, ticked, visitor));
            (StatusCode::CONFLICT, new_key())
        }
        Some(Again::Refused(form, found)) => {
            // The version of the form stays: somebody else's change is not overwritten by the next attempt.
            (version, faults) = (form.version()?, found);
            (StatusCode::UNPROCESSABLE_ENTITY, form.key_text())
        }
    };
    let page = RightsPage {
        page: visitor.page(w.rights_title),
        w,
        faults,
        versions,
        form: FORM,
        id: user.id.to_string(),
        name: user.name.clone(),
        role: shared::role(user.role.parse().ok(), visitor.language),
        version,
        key,
        groups: permissions::groups(offered(visitor), ticked, of_role(user), visitor.language),
    };
    layout::show(status, &page)
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let id: UserId = part(&request, "id")?;
    let user = users::get(&database, &visitor.context, id).await?;
    written(&visitor, &user, permissions::named(&user.permissions), None)
}

pub(super) async fn change(
    request: HttpRequest,
    visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let id: UserId = part(&request, "id")?;
    let user = users::get(&database, &visitor.context, id).await?;
    let mut ticked = permissions::ticked(&form);
    let now = permissions::named(&user.permissions);
    for permission in form.taken().filter_map(|name| name.parse::<Permission>().ok()) {
        let one = PermissionSet::of(&[permission]);
        ticked = if now.contains(permission) { ticked.with(one) } else { ticked.without(one) };
    }
    // What had no box stays as it is.
    let wanted = ticked.with(permissions::named(&user.permissions).without(offered(&visitor)));
    let role = of_role(&user);
    let (granted, revoked) = (wanted.without(role).names(), role.without(wanted).names());
    let body = json!({ "granted": granted, "revoked": revoked });
    let read: Result<ChangePermissionsRequest, Faults> = deserr::deserialize(body);
    let adjustments = match read.map_err(ApiError::from).and_then(|body| {
        body.adjustments().map_err(|invalid| ApiError::invalid(vec![invalid.at("/granted")]))
    }) {
        Ok(adjustments) => adjustments,
        Err(error) => {
            let faults = FormFaults::of(error, &[], visitor.language)?;
            return written(&visitor, &user, ticked, Some(Again::Refused(&form, faults)));
        }
    };
    let command = ChangePermissions { id, expected_version: Some(form.version()?), adjustments };
    let error =
        match executor.execute(visitor.context.clone(), form.key()?, command, leads_to("rights")).await {
            Ok(answer) => return Ok(follow(answer, "/console/users")),
            Err(error) => ApiError::from(error),
        };
    if error.status() == StatusCode::PRECONDITION_FAILED {
        // Their role may be another one now.
        let user = users::get(&database, &visitor.context, id).await?;
        return written(&visitor, &user, ticked, Some(Again::Outdated));
    }
    let faults = FormFaults::of(error, &[], visitor.language)?;
    written(&visitor, &user, ticked, Some(Again::Refused(&form, faults)))
}
