//! One user: who they are, what they may do beside their role, and where they are logged in.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use comptoir_core::accounts::sessions::{self, SessionView};
use comptoir_core::accounts::users::{self, UserStatus, UserView};
use comptoir_core::application::{Permission, Role, TenantDatabase};
use comptoir_core::values::ids::UserId;

use super::status;
use crate::console::format::Moment;
use crate::console::forms::{Choice, FormFaults, TwoVersions, new_key};
use crate::console::layout::{self, Page};
use crate::console::lists::{Address, first};
use crate::console::status::Status;
use crate::console::typography::Word;
use crate::console::undone::Undone;
use crate::console::visitor::Visitor;
use crate::console::words::permissions::label;
use crate::console::words::{Users, shared};
use crate::console::{menu, permissions};
use crate::error::ApiError;
use crate::extract::part;

/// The ids of the forms in the page.
const NAME_FORM: &str = "change-name";
const ROLE_FORM: &str = "change-role";

#[derive(Template)]
#[template(path = "console/users/one.html")]
struct OnePage {
    page: Page,
    w: &'static Users,
    faults: FormFaults,
    /// Somebody else changed the user meanwhile, and nothing of what was asked can be compared.
    is_outdated: bool,
    versions: Option<TwoVersions>,
    name_form: &'static str,
    role_form: &'static str,
    refused: Option<String>,
    id: String,
    version: i64,
    /// One a form: none is the other's.
    keys: [String; 3],
    name: String,
    email: String,
    role: &'static str,
    roles: Vec<Choice>,
    status: Status,
    is_disabled: bool,
    has_password: bool,
    created: Moment,
    last_login: Option<Moment>,
    granted: Vec<&'static str>,
    revoked: Vec<&'static str>,
    may_change: bool,
    /// Whether it is somebody else: nobody decides about themselves.
    is_other: bool,
    /// Where what was done with this account is listed.
    trail: Option<String>,
    sessions: Vec<OpenSession>,
}

struct OpenSession {
    id: String,
    browser: String,
    address: String,
    since: Moment,
    last_used: Moment,
}

impl OpenSession {
    fn of(view: SessionView, visitor: &Visitor) -> Self {
        Self {
            id: view.id.to_string(),
            browser: view.user_agent.unwrap_or_else(|| Users::of(visitor.language).unknown.to_string()),
            address: view.client_address.unwrap_or_default(),
            since: visitor.format.long(view.created_at),
            last_used: visitor.format.long(view.last_used_at),
        }
    }
}

fn notice(done: Option<&str>, w: &'static Users) -> Option<Word> {
    Some(match done? {
        "added" => w.done_added,
        "name" => w.done_name,
        "role" => w.done_role,
        "rights" => w.done_rights,
        "disabled" => w.done_disabled,
        "enabled" => w.done_enabled,
        "session" => w.done_session,
        "sessions" => w.done_sessions,
        _ => return None,
    })
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let id: UserId = part(&request, "id")?;
    let user = users::get(&database, &visitor.context, id).await?;
    let notice = notice(Address::of(&request).get("done"), Users::of(visitor.language));
    written(&visitor, &database, user, Shown { notice, ..Shown::default() }).await
}

/// What the page says beside the user.
#[derive(Debug, Default)]
pub(super) struct Shown {
    pub(super) notice: Option<Word>,
    pub(super) undone: Option<Undone>,
    pub(super) faults: FormFaults,
    /// What was typed, if it was refused.
    pub(super) name: Option<String>,
    pub(super) role: Option<String>,
}

/// What was typed beside what is there now; `None` if nothing was typed.
fn beside(user: &UserView, name: Option<&str>, role: Option<&str>, visitor: &Visitor) -> Option<TwoVersions> {
    let w = Users::of(visitor.language);
    let said = |role: &str| shared::role(role.parse().ok(), visitor.language);
    let there = format!("/console/users/{}", user.id);
    match (name, role) {
        (Some(name), _) => Some(TwoVersions::new(NAME_FORM, there).with(w.name, name, &user.name)),
        (None, Some(role)) => {
            Some(TwoVersions::new(ROLE_FORM, there).with(w.role, said(role), said(user.role)))
        }
        (None, None) => None,
    }
}

pub(super) async fn written(
    visitor: &Visitor,
    database: &TenantDatabase,
    user: UserView,
    shown: Shown,
) -> Result<HttpResponse, ApiError> {
    let Shown { notice, undone, faults, name, role } = shown;
    let code = match &undone {
        Some(_) => StatusCode::CONFLICT,
        None if faults.is_empty() => StatusCode::OK,
        None => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let w = Users::of(visitor.language);
    let may_change = visitor.may(Permission::UsersWrite);
    let open = if may_change {
        sessions::list(database, &visitor.context, user.id, &first(100)?).await?.data
    } else {
        Vec::new()
    };
    let is_outdated = undone.as_ref().is_some_and(Undone::is_outdated);
    let versions = if is_outdated { beside(&user, name.as_deref(), role.as_deref(), visitor) } else { None };
    let chosen = role.unwrap_or_else(|| user.role.to_owned());
    let choice = |role: &Role| Choice::new(role.name(), shared::role(Some(*role), visitor.language), &chosen);
    let labels = |names: &[&'static str]| {
        permissions::named(names).iter().map(|permission| label(permission, visitor.language)).collect()
    };
    let page = OnePage {
        page: visitor.page(&user.name).about("user.*").saying(notice),
        w,
        faults,
        is_outdated: is_outdated && versions.is_none(),
        versions,
        name_form: NAME_FORM,
        role_form: ROLE_FORM,
        refused: undone.and_then(Undone::refused),
        id: user.id.to_string(),
        version: user.version,
        keys: [new_key(), new_key(), new_key()],
        name: name.unwrap_or_else(|| user.name.clone()),
        role: shared::role(user.role.parse().ok(), visitor.language),
        roles: Role::ALL.iter().map(choice).collect(),
        status: status(user.status, w),
        is_disabled: user.status == UserStatus::Disabled,
        has_password: user.password.is_some(),
        created: visitor.format.long(user.created_at),
        last_login: user.last_login_at.map(|at| visitor.format.long(at)),
        granted: labels(&user.granted),
        revoked: labels(&user.revoked),
        may_change,
        is_other: user.id != visitor.user_id(),
        trail: menu::may_see(&visitor.context.principal, "/console/audit")
            .then(|| format!("/console/audit?resource_id={}", user.id)),
        sessions: open.into_iter().map(|view| OpenSession::of(view, visitor)).collect(),
        email: user.email,
    };
    layout::show(code, &page)
}
