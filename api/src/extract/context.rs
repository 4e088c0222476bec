//! The request context: who asks, for which company. The middleware has found out already.

use std::future::{Ready, ready};
use std::rc::Rc;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use comptoir_core::application::context::{RequestContext, RequestOrigin};

use crate::authentication::{Caller, unauthenticated};
use crate::error::ApiError;
use crate::middleware::{Exchange, RequestIdentity};

#[derive(Debug)]
pub(crate) struct Context(pub RequestContext);

impl FromRequest for Context {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let extensions = request.extensions();
        let exchange = extensions.get::<Rc<Exchange>>();
        let known = exchange.zip(extensions.get::<Caller>());
        ready(known.ok_or_else(unauthenticated).map(|(exchange, caller)| {
            let RequestIdentity { request_id, correlation_id, trace, client_address } =
                exchange.identity.clone();
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
            })
        }))
    }
}

/// A request of which the handler finds out who asks.
#[derive(Debug)]
pub(crate) struct Anonymous(pub RequestOrigin);

impl FromRequest for Anonymous {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let exchange = request.extensions().get::<Rc<Exchange>>().cloned();
        ready(exchange.ok_or_else(unauthenticated).map(|exchange| {
            let RequestIdentity { request_id, correlation_id, trace, client_address } =
                exchange.identity.clone();
            let traceparent = Some(trace.to_string());
            Self(RequestOrigin { correlation_id, request_id, traceparent, client_address })
        }))
    }
}
