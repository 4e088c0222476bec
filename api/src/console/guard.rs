//! What stands before every page: the session, whether its holder may see the page, and whether a form is one of ours. A
//! handler never runs without it: it is put around the route where the page is registered ([`super::pages`]).

use std::rc::Rc;
use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::Next;
use actix_web::web::{Bytes, Data};
use actix_web::{Error, FromRequest, HttpMessage};
use comptoir_core::accounts::identity::secrets::FormSecret;
use comptoir_core::accounts::rate_limits::Subject;
use comptoir_core::values::ids::SessionId;

use super::forms::Form;
use super::session::{self, Jar};
use super::{Area, csrf, upload};
use crate::access::Access;
use crate::authentication::{self, unauthenticated};
use crate::config::ApiConfig;
use crate::error::ApiError;
use crate::extract::{media_type, origin, read};
use crate::middleware::RequestState;

const FORM: &str = "application/x-www-form-urlencoded";

/// The text that the forms of a page must have ([`csrf`]).
#[derive(Debug, Clone)]
pub(super) struct FormToken(pub(super) String);

/// What a form may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    /// Fields alone.
    Form,
    /// Fields, and a file behind them.
    File,
}

/// Passes the request on to the page if the browser's session may see it.
///
/// # Errors
/// 401 without a session, 403 without the permission or for a form that is not ours, 429 beyond the rate limit, 503 without
/// the database.
pub(super) async fn admit(
    (access, takes): (Access, Takes),
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let state = request.extensions().get::<Rc<RequestState>>().cloned().ok_or_else(unauthenticated)?;
    let jar = Jar::of(request.app_data::<Data<ApiConfig>>());
    let secret = form_secret(&request, jar, &state);
    let session = if access == Access::Public {
        None
    } else {
        let session = enter(&request, access, jar, &state).await?;
        Some(session)
    };
    let request = match takes {
        _ if is_read(request.method()) => request,
        Takes::Form => with_form(request, &secret, session).await?,
        Takes::File => with_file(request, &secret, session).await?,
    };
    request.extensions_mut().insert(FormToken(secret.token(session)));
    next.call(request).await
}

/// Finds out whose session it is, and whether they may see the page.
async fn enter(
    request: &ServiceRequest,
    access: Access,
    jar: Jar,
    state: &RequestState,
) -> Result<SessionId, ApiError> {
    let area = Area::of(request.path());
    let found = session::credential(request, jar, area, origin(state)).await;
    let (credential, cookies) = found.inspect_err(|error| forget(error, jar, area, state))?;
    // Even if what follows fails: the browser's old tokens are not good for long any more.
    cookies.into_iter().for_each(|cookie| state.set_cookie(cookie));
    let admitted =
        authentication::admit(request, credential, access, |principal| state.identify(principal)).await;
    let caller = admitted.inspect_err(|error| forget(error, jar, area, state))?;
    let session = caller.principal.session_id().ok_or_else(unauthenticated)?;
    if let Some(id) = caller.principal.id() {
        state.limits.admit(Subject::Principal(id))?;
    }
    request.extensions_mut().insert(caller);
    Ok(session)
}

/// Has the browser forget a session that is over.
fn forget(error: &ApiError, jar: Jar, area: Area, state: &RequestState) {
    if error.status() == actix_web::http::StatusCode::UNAUTHORIZED {
        jar.forget(area).into_iter().for_each(|cookie| state.set_cookie(cookie));
    }
}

/// Returns the browser's form secret, and gives it one if it has none.
fn form_secret(request: &ServiceRequest, jar: Jar, state: &RequestState) -> FormSecret {
    jar.form_secret(request.headers()).unwrap_or_else(|| {
        let secret = FormSecret::generate();
        jar.keep_form_secret(&secret).into_iter().for_each(|cookie| state.set_cookie(cookie));
        secret
    })
}

fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// Reads the form of a request and checks that it is ours.
async fn with_form(
    request: ServiceRequest,
    secret: &FormSecret,
    session: Option<SessionId>,
) -> Result<ServiceRequest, ApiError> {
    csrf::check_origin(request.headers())?;
    let (request, mut payload) = request.into_parts();
    if media_type(&request)? != FORM {
        let status = actix_web::http::StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return Err(ApiError::new(status, "unsupported_media_type", "the console takes forms"));
    }
    let body = Bytes::from_request(&request, &mut payload);
    let body = read(&request, body).await?;
    let form = Form::parse(request.path(), &body)?;
    csrf::check_token(secret, session, form.get(csrf::FIELD))?;
    request.extensions_mut().insert(form);
    Ok(ServiceRequest::from_parts(request, payload))
}

/// Reads the fields of a form that has a file, and checks that it is ours before anything of the file is read.
async fn with_file(
    request: ServiceRequest,
    secret: &FormSecret,
    session: Option<SessionId>,
) -> Result<ServiceRequest, ApiError> {
    csrf::check_origin(request.headers())?;
    let (request, payload) = request.into_parts();
    let boundary = upload::boundary(request.headers())?;
    let timeout = request.app_data::<Data<ApiConfig>>().map(|limits| limits.body_timeout_ms);
    let fields = upload::fields(payload, &boundary);
    let (pairs, file) = match timeout {
        Some(timeout) => tokio::time::timeout(Duration::from_millis(timeout), fields)
            .await
            .unwrap_or_else(|_| Err(ApiError::timed_out()))?,
        None => fields.await?,
    };
    let form = Form::of_fields(request.path(), pairs)?;
    csrf::check_token(secret, session, form.get(csrf::FIELD))?;
    request.extensions_mut().insert(form);
    request.extensions_mut().insert(file);
    Ok(ServiceRequest::from_parts(request, Payload::None))
}
