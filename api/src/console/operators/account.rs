//! An operator's own account: language, keys, password. Name and address are the machine's to change, as accounts are (ADR 27).

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use comptoir_core::accounts::identity::passwords::Password;
use comptoir_core::accounts::operators::OperatorAuthenticator;
use comptoir_core::values::language::Language;

use crate::config::ApiConfig;
use crate::console::forms::{Form, FormFaults};
use crate::console::layout::{self, Page, go};
use crate::console::lists::Address;
use crate::console::session::Jar;
use crate::console::sign_in::keep;
use crate::console::visitor::OperatorVisitor;
use crate::console::words::{Operators, Profile, Shared};
use crate::error::ApiError;

const PATH: &str = "/console/operators/account";

#[derive(Template)]
#[template(path = "console/operators/account.html")]
struct AccountPage {
    page: Page,
    w: &'static Operators,
    own: &'static Profile,
    faults: FormFaults,
    is_french: bool,
}

pub(super) async fn show(request: HttpRequest, visitor: OperatorVisitor) -> Result<HttpResponse, ApiError> {
    let own = Profile::of(visitor.language);
    let notice = match Address::of(&request).get("done") {
        Some("password") => Some(own.changed),
        Some("language" | "keys") => Some(Shared::of(visitor.language).saved),
        _ => None,
    };
    let page = visitor.page(own.title).saying(notice);
    written(page, &visitor, StatusCode::OK, FormFaults::default())
}

fn written(
    page: Page,
    visitor: &OperatorVisitor,
    status: StatusCode,
    faults: FormFaults,
) -> Result<HttpResponse, ApiError> {
    let page = AccountPage {
        page,
        w: Operators::of(visitor.language),
        own: Profile::of(visitor.language),
        faults,
        is_french: visitor.language == Language::Fr,
    };
    layout::show(status, &page)
}

/// Ends all other sessions of the operator, as the API's route does.
pub(super) async fn change_password(
    visitor: OperatorVisitor,
    form: Form,
    authenticator: Data<OperatorAuthenticator>,
) -> Result<HttpResponse, ApiError> {
    let current = Password::claimed(form.exact("current_password"));
    let new = form.exact("new_password");
    match authenticator.change_password(visitor.context.clone(), current, new).await {
        Ok(()) => Ok(go(format!("{PATH}?done=password"))),
        Err(error) => {
            let fields = ["current_password", "new_password"];
            let faults = FormFaults::of(error.into(), &fields, visitor.language)?;
            let page = visitor.page(Profile::of(visitor.language).title);
            written(page, &visitor, StatusCode::UNPROCESSABLE_ENTITY, faults)
        }
    }
}

pub(super) async fn choose_language(
    request: HttpRequest,
    _: OperatorVisitor,
    form: Form,
    config: Data<ApiConfig>,
) -> Result<HttpResponse, ApiError> {
    let code = form.get("language").unwrap_or_default();
    let language = Language::ALL.into_iter().find(|language| language.code() == code);
    let language =
        language.ok_or_else(|| ApiError::invalid_field("/language", "unknown_value", "fr or en"))?;
    keep(&request, Jar::of(Some(&config)).keep_language(language));
    Ok(go(format!("{PATH}?done=language")))
}

pub(super) async fn choose_keys(
    request: HttpRequest,
    _: OperatorVisitor,
    form: Form,
    config: Data<ApiConfig>,
) -> Result<HttpResponse, ApiError> {
    keep(&request, Jar::of(Some(&config)).keep_keys(form.has("keys")));
    Ok(go(format!("{PATH}?done=keys")))
}
