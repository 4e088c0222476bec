//! The request context: the principal and its company, or the operator. The route has authenticated it already.

use std::future::{Ready, ready};
use std::rc::Rc;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use comptoir_core::application::OperatorContext;
use comptoir_core::application::context::{RequestContext, RequestOrigin};
use comptoir_core::application::error::Error;

use crate::authentication::{Caller, unauthenticated};
use crate::error::ApiError;
use crate::middleware::{RequestIds, RequestState};

/// Of a request of a company's user or API key.
#[derive(Debug)]
pub(crate) struct Context(pub RequestContext);

impl FromRequest for Context {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(context(request).and_then(|context| {
            if context.principal.is_of_operators() {
                return Err(Error::NotForOperators.into());
            }
            Ok(Self(context))
        }))
    }
}

/// Of a request of an operator account, which belongs to no company.
#[derive(Debug)]
pub(crate) struct Operator(pub OperatorContext);

impl FromRequest for Operator {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(context(request).and_then(|context| Ok(Self(OperatorContext::of(context)?))))
    }
}

fn context(request: &HttpRequest) -> Result<RequestContext, ApiError> {
    let extensions = request.extensions();
    let state = extensions.get::<Rc<RequestState>>();
    let (state, caller) = state.zip(extensions.get::<Caller>()).ok_or_else(unauthenticated)?;
    let RequestIds { request_id, correlation_id, trace, client_address, client_id } = state.ids.clone();
    let Caller { principal, required } = caller.clone();
    Ok(RequestContext {
        principal,
        required,
        target: request.match_info().get("id").and_then(|id| id.parse().ok()),
        correlation_id,
        request_id,
        traceparent: Some(trace.to_string()),
        client_address: client_address.map(|address| address.to_string()),
        client_id,
    })
}

/// A request whose caller the handler authenticates itself.
#[derive(Debug)]
pub(crate) struct Anonymous(pub RequestOrigin);

impl FromRequest for Anonymous {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let state = request.extensions().get::<Rc<RequestState>>().cloned();
        ready(state.ok_or_else(unauthenticated).map(|state| Self(origin(&state))))
    }
}

/// Returns where a request comes from.
pub(crate) fn origin(state: &RequestState) -> RequestOrigin {
    let RequestIds { request_id, correlation_id, trace, client_address, client_id } = state.ids.clone();
    let traceparent = Some(trace.to_string());
    RequestOrigin { correlation_id, request_id, traceparent, client_address, client_id }
}
