//! The request context: who asks, for which company. Authentication will happen here.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use comptoir_core::context::RequestContext;

use crate::error::ApiError;
use crate::middleware::RequestIdentity;

#[derive(Debug)]
pub(crate) struct Context(pub RequestContext);

impl FromRequest for Context {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let identity = request.extensions().get::<RequestIdentity>().cloned();
        let context = identity.map(|RequestIdentity { request_id, correlation_id, trace }| {
            Self(RequestContext::unauthenticated(request_id, correlation_id, Some(trace.to_string())))
        });
        ready(context.ok_or_else(|| {
            ApiError::new(
                actix_web::http::StatusCode::INTERNAL_SERVER_ERROR,
                "internal",
                "the request has no identity",
            )
        }))
    }
}
