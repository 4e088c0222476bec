//! The request context: the principal and its company. The route has authenticated it already.

use std::future::{Ready, ready};
use std::rc::Rc;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use comptoir_core::application::context::{RequestContext, RequestOrigin};

use crate::authentication::{Caller, unauthenticated};
use crate::error::ApiError;
use crate::middleware::{RequestIds, RequestState};

#[derive(Debug)]
pub(crate) struct Context(pub RequestContext);

impl FromRequest for Context {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let extensions = request.extensions();
        let state = extensions.get::<Rc<RequestState>>();
        let known = state.zip(extensions.get::<Caller>());
        ready(known.ok_or_else(unauthenticated).map(|(state, caller)| {
            let RequestIds { request_id, correlation_id, trace, client_address, client_id } =
                state.ids.clone();
            let Caller { principal, required } = caller.clone();
            let traceparent = Some(trace.to_string());
            let client_address = client_address.map(|address| address.to_string());
            let target = request.match_info().get("id").and_then(|id| id.parse().ok());
            Self(RequestContext {
                principal,
                required,
                target,
                correlation_id,
                request_id,
                traceparent,
                client_address,
                client_id,
            })
        }))
    }
}

/// A request whose caller the handler authenticates itself.
#[derive(Debug)]
pub(crate) struct Anonymous(pub RequestOrigin);

impl FromRequest for Anonymous {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let state = request.extensions().get::<Rc<RequestState>>().cloned();
        ready(state.ok_or_else(unauthenticated).map(|state| {
            let RequestIds { request_id, correlation_id, trace, client_address, client_id } =
                state.ids.clone();
            let traceparent = Some(trace.to_string());
            Self(RequestOrigin { correlation_id, request_id, traceparent, client_address, client_id })
        }))
    }
}
