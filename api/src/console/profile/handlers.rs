//! The profile. Name and role are an administrator's to change, as in the API.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use comptoir_core::accounts::identity::passwords::Password;
use comptoir_core::accounts::sessions::{self, Authenticator, EndReason, EndSession, SessionView};
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::application::{Permission, TenantDatabase};
use comptoir_core::values::ids::SessionId;
use comptoir_core::values::language::Language;

use crate::config::ApiConfig;
use crate::console::format::Moment;
use crate::console::forms::{Form, FormFaults};
use crate::console::layout::{self, Page, go};
use crate::console::lists::{Address, first};
use crate::console::session::Jar;
use crate::console::sign_in::keep;
use crate::console::visitor::Visitor;
use crate::console::words::{Profile, Shared};
use crate::error::ApiError;
use crate::extract::part;

#[derive(Template)]
#[template(path = "console/profile/profile.html")]
struct ProfilePage {
    page: Page,
    w: &'static Profile,
    faults: FormFaults,
    email: String,
    is_french: bool,
    /// Where an administrator changes their own name.
    own: Option<String>,
    sessions: Vec<OpenSession>,
}

struct OpenSession {
    id: String,
    browser: String,
    address: String,
    since: Moment,
    last_used: Moment,
    is_current: bool,
}

impl OpenSession {
    fn of(view: SessionView, visitor: &Visitor) -> Self {
        let w = Profile::of(visitor.language);
        Self {
            id: view.id.to_string(),
            browser: view.user_agent.unwrap_or_else(|| w.unknown.to_string()),
            address: view.client_address.unwrap_or_default(),
            since: visitor.format.long(view.created_at),
            last_used: visitor.format.long(view.last_used_at),
            is_current: visitor.context.principal.session_id() == Some(view.id),
        }
    }
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let w = Profile::of(visitor.language);
    let notice = match Address::of(&request).get("done") {
        Some("password") => Some(w.changed),
        Some("session") => Some(w.ended),
        Some("language" | "keys") => Some(Shared::of(visitor.language).saved),
        _ => None,
    };
    let page = visitor.page(w.title).saying(notice);
    written(&visitor, &database, page, StatusCode::OK, FormFaults::default()).await
}

async fn written(
    visitor: &Visitor,
    database: &TenantDatabase,
    page: Page,
    status: StatusCode,
    faults: FormFaults,
) -> Result<HttpResponse, ApiError> {
    let open = sessions::list(database, &visitor.context, visitor.user_id(), &first(100)?).await?;
    let page = ProfilePage {
        page,
        w: Profile::of(visitor.language),
        faults,
        email: visitor.user.email.clone(),
        is_french: visitor.language == Language::Fr,
        own: visitor.may(Permission::UsersWrite).then(|| format!("/console/users/{}", visitor.user_id())),
        sessions: open.data.into_iter().map(|view| OpenSession::of(view, visitor)).collect(),
    };
    layout::show(status, &page)
}

pub(super) async fn change_password(
    visitor: Visitor,
    form: Form,
    authenticator: Data<Authenticator>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let current = Password::claimed(form.exact("current_password"));
    let new = form.exact("new_password");
    match authenticator.change_password(visitor.context.clone(), current, new).await {
        Ok(()) => Ok(go("/console/profile?done=password")),
        Err(error) => {
            let faults =
                FormFaults::of(error.into(), &["current_password", "new_password"], visitor.language)?;
            let page = visitor.page(Profile::of(visitor.language).title);
            written(&visitor, &database, page, StatusCode::UNPROCESSABLE_ENTITY, faults).await
        }
    }
}

pub(super) async fn choose_language(
    request: HttpRequest,
    _visitor: Visitor,
    form: Form,
    config: Data<ApiConfig>,
) -> Result<HttpResponse, ApiError> {
    let code = form.get("language").unwrap_or_default();
    let language = Language::ALL.into_iter().find(|language| language.code() == code);
    let language =
        language.ok_or_else(|| ApiError::invalid_field("/language", "unknown_value", "fr or en"))?;
    keep(&request, Jar::of(Some(&config)).keep_language(language));
    Ok(go("/console/profile?done=language"))
}

pub(super) async fn choose_keys(
    request: HttpRequest,
    _visitor: Visitor,
    form: Form,
    config: Data<ApiConfig>,
) -> Result<HttpResponse, ApiError> {
    keep(&request, Jar::of(Some(&config)).keep_keys(form.has("keys")));
    Ok(go("/console/profile?done=keys"))
}

pub(super) async fn end_session(
    request: HttpRequest,
    visitor: Visitor,
    _form: Form,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let session_id: SessionId = part(&request, "id")?;
    let command = EndSession { user_id: visitor.user_id(), session_id, reason: EndReason::EndedByUser };
    executor.run(visitor.context, command).await?;
    Ok(go("/console/profile?done=session"))
}
