//! The links of the e-mails: a new password, a verified address. Looking at a page uses no token up, because programs that
//! check e-mails look at links too: only its form does.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use comptoir_core::accounts::identity::secrets::OneTimeToken;
use comptoir_core::accounts::sessions::Authenticator;
use comptoir_core::accounts::users::UserError;
use comptoir_core::application::error::Error;

use crate::console::forms::{Form, FormFaults};
use crate::console::layout::{self, Blank, go};
use crate::console::lists::Address;
use crate::console::visitor::Stranger;
use crate::console::words::SignIn;
use crate::error::ApiError;
use crate::extract::Anonymous;

#[derive(Template)]
#[template(path = "console/sign_in/token.html")]
struct TokenPage {
    blank: Blank,
    w: &'static SignIn,
    faults: FormFaults,
    action: &'static str,
    /// Empty if the address has none: then it is typed.
    token: String,
    is_password: bool,
}

#[derive(Debug, Clone, Copy)]
enum Purpose {
    Password,
    Verification,
}

fn page(stranger: &Stranger, purpose: Purpose, token: &str, faults: FormFaults) -> TokenPage {
    let w = SignIn::of(stranger.language);
    let (title, action, is_password) = match purpose {
        Purpose::Password => (w.choose_title, "/console/sign-in/password", true),
        Purpose::Verification => (w.verify_title, "/console/sign-in/verify", false),
    };
    TokenPage { blank: stranger.blank(title), w, faults, action, token: token.to_owned(), is_password }
}

pub(super) async fn show_password(
    request: HttpRequest,
    stranger: Stranger,
) -> Result<HttpResponse, ApiError> {
    let address = Address::of(&request);
    let token = address.get("token").unwrap_or_default();
    layout::ok(&page(&stranger, Purpose::Password, token, FormFaults::default()))
}

pub(super) async fn show_verification(
    request: HttpRequest,
    stranger: Stranger,
) -> Result<HttpResponse, ApiError> {
    let address = Address::of(&request);
    let token = address.get("token").unwrap_or_default();
    layout::ok(&page(&stranger, Purpose::Verification, token, FormFaults::default()))
}

pub(super) async fn set_password(
    stranger: Stranger,
    anonymous: Anonymous,
    form: Form,
    authenticator: Data<Authenticator>,
) -> Result<HttpResponse, ApiError> {
    let set = match token(&form) {
        Ok(token) => authenticator.reset_password(anonymous.0, token, form.exact("password")).await,
        Err(error) => Err(error),
    };
    match set {
        Ok(()) => Ok(go("/console/sign-in?done=password-set")),
        Err(error) => again(&stranger, Purpose::Password, &form, error),
    }
}

pub(super) async fn verify(
    stranger: Stranger,
    anonymous: Anonymous,
    form: Form,
    authenticator: Data<Authenticator>,
) -> Result<HttpResponse, ApiError> {
    let verified = match token(&form) {
        Ok(token) => authenticator.verify_email(anonymous.0, token).await,
        Err(error) => Err(error),
    };
    match verified {
        Ok(()) => Ok(go("/console/sign-in?done=verified")),
        Err(error) => again(&stranger, Purpose::Verification, &form, error),
    }
}

fn token(form: &Form) -> Result<OneTimeToken, Error> {
    OneTimeToken::parse(form.get("token").unwrap_or_default()).map_err(|_| UserError::InvalidToken.into())
}

/// Shows the form again, with what is wrong.
fn again(stranger: &Stranger, purpose: Purpose, form: &Form, error: Error) -> Result<HttpResponse, ApiError> {
    let error = ApiError::from(error);
    let faults = if error.code() == "invalid_token" {
        let mut faults = FormFaults::default();
        faults.add("token", SignIn::of(stranger.language).link_used);
        faults
    } else {
        FormFaults::of(error, &["password"], stranger.language)?
    };
    let token = form.get("token").unwrap_or_default();
    layout::show(StatusCode::UNPROCESSABLE_ENTITY, &page(stranger, purpose, token, faults))
}
