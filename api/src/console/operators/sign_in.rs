//! Log-in and log-out of operator accounts, by the commands of the API.

use actix_web::http::header::USER_AGENT;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use comptoir_core::accounts::identity::passwords::Password;
use comptoir_core::accounts::operators::{LogOutOperator, OperatorAuthenticator};
use comptoir_core::accounts::sessions::{Entrance, SessionError};
use comptoir_core::application::error::Error;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::values::contact::FoldedEmail;

use crate::config::ApiConfig;
use crate::console::Area;
use crate::console::errors::local;
use crate::console::forms::{Form, FormFaults};
use crate::console::layout::{self, go};
use crate::console::lists::Address;
use crate::console::session::Jar;
use crate::console::sign_in::{LogInPage, after, keep, refusal};
use crate::console::visitor::Stranger;
use crate::console::words::SignIn;
use crate::error::ApiError;
use crate::extract::{Anonymous, Operator};

/// The maximum length of what is typed here, in characters: no account has more.
const MAX_TYPED: usize = 1_000;

pub(super) async fn show(request: HttpRequest, stranger: Stranger) -> Result<HttpResponse, ApiError> {
    let (w, address) = (SignIn::of(stranger.language), Address::of(&request));
    let notice = address.is("done", "logged-out").then_some(w.logged_out);
    let next = address.get("next").and_then(local).unwrap_or_default();
    let is_over = address.is("done", "over");
    let page = LogInPage { notice, is_over, ..page(&stranger, FormFaults::default(), String::new(), next) };
    layout::ok(&page)
}

fn page(stranger: &Stranger, faults: FormFaults, email: String, next: &str) -> LogInPage {
    let w = SignIn::of(stranger.language);
    LogInPage {
        blank: stranger.blank(w.operators_title),
        w,
        action: Area::Operators.sign_in(),
        faults,
        notice: None,
        is_over: false,
        email,
        company: String::new(),
        next: next.to_owned(),
    }
}

pub(super) async fn log_in(
    request: HttpRequest,
    stranger: Stranger,
    anonymous: Anonymous,
    form: Form,
    authenticator: Data<OperatorAuthenticator>,
) -> Result<HttpResponse, ApiError> {
    let shortened = |text: &str| text.chars().take(MAX_TYPED).collect::<String>();
    let email = shortened(form.get("email").unwrap_or_default()).replace('\0', "");
    let password = Password::claimed(&shortened(form.exact("password")));
    let user_agent = request.headers().get(USER_AGENT).and_then(|value| value.to_str().ok());
    let folded = FoldedEmail::of(&email);
    match authenticator.log_in(anonymous.0, &folded, password, user_agent, Entrance::Console).await {
        Ok(tokens) => {
            keep(&request, stranger.jar.keep_operator(&tokens));
            Ok(go(after(&form, Area::Operators)))
        }
        Err(error) => {
            let (status, faults) = refusal(error.into(), SignIn::of(stranger.language))?;
            let next = form.get("next").and_then(local).unwrap_or_default();
            layout::show(status, &page(&stranger, faults, email, next))
        }
    }
}

pub(super) async fn log_out(
    request: HttpRequest,
    operator: Operator,
    _form: Form,
    executor: Data<Executor>,
    config: Data<ApiConfig>,
) -> Result<HttpResponse, ApiError> {
    let session_id = operator.0.principal().session_id();
    let session_id = session_id.ok_or(Error::from(SessionError::NotASession))?;
    executor.run_as_operator(operator.0, LogOutOperator { session_id }).await?;
    keep(&request, Jar::of(Some(&config)).forget(Area::Operators));
    Ok(go("/console/operators/sign-in?done=logged-out"))
}
