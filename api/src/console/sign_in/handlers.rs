//! Log-in, forgotten password and log-out, by the commands of the API.

use std::rc::Rc;

use actix_web::http::StatusCode;
use actix_web::http::header::USER_AGENT;
use actix_web::web::Data;
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use askama::Template;
use comptoir_core::accounts::identity::passwords::Password;
use comptoir_core::accounts::sessions::{Authenticator, Entrance, LogOut, SessionError};
use comptoir_core::accounts::users::AccountName;
use comptoir_core::application::Actor;
use comptoir_core::application::error::Error;
use comptoir_core::application::unit_of_work::Executor;

use crate::config::ApiConfig;
use crate::console::Area;
use crate::console::errors::local;
use crate::console::forms::{Form, FormFaults};
use crate::console::layout::{self, Blank, go};
use crate::console::lists::Address;
use crate::console::session::Jar;
use crate::console::typography::Word;
use crate::console::visitor::Stranger;
use crate::console::words::SignIn;
use crate::error::ApiError;
use crate::extract::{Anonymous, Context};
use crate::middleware::RequestState;

/// The maximum length of what is typed here, in characters: no account has more.
const MAX_TYPED: usize = 1_000;

#[derive(Template)]
#[template(path = "console/sign_in/log_in.html")]
pub(crate) struct LogInPage {
    pub(crate) blank: Blank,
    pub(crate) w: &'static SignIn,
    pub(crate) action: &'static str,
    pub(crate) faults: FormFaults,
    pub(crate) notice: Option<Word>,
    /// Whether the browser had a session that is over.
    pub(crate) is_over: bool,
    pub(crate) email: String,
    pub(crate) company: String,
    pub(crate) next: String,
}

pub(super) async fn show(request: HttpRequest, stranger: Stranger) -> Result<HttpResponse, ApiError> {
    let (w, address) = (SignIn::of(stranger.language), Address::of(&request));
    let notice = match address.get("done") {
        Some("logged-out") => Some(w.logged_out),
        Some("password-set") => Some(w.password_set),
        Some("verified") => Some(w.verified),
        _ => None,
    };
    let next = address.get("next").and_then(local).unwrap_or_default().to_owned();
    layout::ok(&LogInPage {
        blank: stranger.blank(w.title),
        w,
        action: Area::Company.sign_in(),
        faults: FormFaults::default(),
        notice,
        is_over: address.is("done", "over"),
        email: String::new(),
        company: String::new(),
        next,
    })
}

pub(super) async fn log_in(
    request: HttpRequest,
    stranger: Stranger,
    anonymous: Anonymous,
    form: Form,
    authenticator: Data<Authenticator>,
) -> Result<HttpResponse, ApiError> {
    let (email, company) = (typed(&form, "email"), typed(&form, "company"));
    let name = AccountName::new(&email, Some(company.as_str()).filter(|company| !company.is_empty()));
    let password = Password::claimed(&shortened(form.exact("password")));
    let user_agent = request.headers().get(USER_AGENT).and_then(|value| value.to_str().ok());
    match authenticator.log_in(anonymous.0, &name, password, user_agent, Entrance::Console).await {
        Ok(tokens) => {
            keep(&request, stranger.jar.keep_user(&tokens));
            Ok(go(after(&form, Area::Company)))
        }
        Err(error) => {
            let w = SignIn::of(stranger.language);
            let (status, faults) = refusal(error.into(), w)?;
            let page = LogInPage {
                blank: stranger.blank(w.title),
                w,
                action: Area::Company.sign_in(),
                faults,
                notice: None,
                is_over: false,
                email,
                company,
                next: form.get("next").and_then(local).unwrap_or_default().to_owned(),
            };
            layout::show(status, &page)
        }
    }
}

/// Where a log-in leads: to the page that was asked for, if it is of this half of the console, or else home.
pub(in crate::console) fn after(form: &Form, area: Area) -> String {
    let next = form
        .get("next")
        .and_then(local)
        .filter(|next| Area::of(next.split('?').next().unwrap_or_default()) == area);
    let next = next.filter(|next| !next.starts_with(area.sign_in()));
    next.unwrap_or(area.home()).to_owned()
}

/// What the page of a refused log-in says.
///
/// # Errors
/// The error itself if it is not about what was typed.
pub(in crate::console) fn refusal(
    error: ApiError,
    w: &'static SignIn,
) -> Result<(StatusCode, FormFaults), ApiError> {
    let said = match error.code() {
        "invalid_credentials" => w.refused,
        "email_not_verified" => w.unverified,
        "too_many_attempts" => w.too_many,
        _ => return Err(error),
    };
    let mut faults = FormFaults::default();
    faults.add("email", said);
    let is_too_many = error.status() == StatusCode::TOO_MANY_REQUESTS;
    // Not 401: that is for a browser without a session, and this page is the way to one.
    let status = if is_too_many { error.status() } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok((status, faults))
}

/// Has the answer set cookies.
pub(in crate::console) fn keep(
    request: &HttpRequest,
    cookies: impl IntoIterator<Item = actix_web::http::header::HeaderValue>,
) {
    if let Some(state) = request.extensions().get::<Rc<RequestState>>() {
        cookies.into_iter().for_each(|cookie| state.set_cookie(cookie));
    }
}

fn typed(form: &Form, name: &str) -> String {
    // PostgreSQL has no U+0000.
    shortened(form.get(name).unwrap_or_default()).replace('\0', "")
}

fn shortened(text: &str) -> String {
    text.chars().take(MAX_TYPED).collect()
}

#[derive(Template)]
#[template(path = "console/sign_in/forgotten.html")]
struct ForgottenPage {
    blank: Blank,
    w: &'static SignIn,
    faults: FormFaults,
    email: String,
    company: String,
    is_sent: bool,
}

pub(super) async fn show_forgotten(stranger: Stranger) -> Result<HttpResponse, ApiError> {
    let w = SignIn::of(stranger.language);
    layout::ok(&ForgottenPage {
        blank: stranger.blank(w.forgotten_title),
        w,
        faults: FormFaults::default(),
        email: String::new(),
        company: String::new(),
        is_sent: false,
    })
}

/// Says the same whether there is such an account or not.
pub(super) async fn forgotten(
    stranger: Stranger,
    anonymous: Anonymous,
    form: Form,
    authenticator: Data<Authenticator>,
) -> Result<HttpResponse, ApiError> {
    let (email, company) = (typed(&form, "email"), typed(&form, "company"));
    let name = AccountName::new(&email, Some(company.as_str()).filter(|company| !company.is_empty()));
    authenticator.forgot_password(anonymous.0, &name).await?;
    let w = SignIn::of(stranger.language);
    layout::ok(&ForgottenPage {
        blank: stranger.blank(w.forgotten_title),
        w,
        faults: FormFaults::default(),
        email,
        company,
        is_sent: true,
    })
}

pub(super) async fn log_out(
    request: HttpRequest,
    context: Context,
    _form: Form,
    executor: Data<Executor>,
    config: Data<ApiConfig>,
) -> Result<HttpResponse, ApiError> {
    let Actor::User { user_id, session_id: Some(session_id) } = context.0.principal.actor else {
        return Err(Error::from(SessionError::NotASession).into());
    };
    executor.run(context.0, LogOut { user_id, session_id }).await?;
    keep(&request, Jar::of(Some(&config)).forget(Area::Company));
    Ok(go("/console/sign-in?done=logged-out"))
}
