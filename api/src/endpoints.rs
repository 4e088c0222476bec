//! The endpoints: each is registered once, and from that come the router, the OpenAPI document and the table of
//! docs/permissions.md.

use actix_web::dev::ServiceRequest;
use actix_web::http::header::{self, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::{Next, from_fn};
use actix_web::web::{self, ServiceConfig};
use actix_web::{FromRequest, Handler, HttpRequest, HttpResponse, Resource, Responder, Route, guard};
use utoipa::__dev::{SchemaReferences, Tags};
use utoipa::openapi::path::{HttpMethod, Operation};
use utoipa::openapi::{RefOr, Schema};

use crate::access::{self, Access};
use crate::error::ApiError;

/// The handler of one method of one path, with its documentation.
pub(crate) struct Endpoint {
    pub(crate) method: HttpMethod,
    /// The path as in the OpenAPI document: `/api/v1/orders/{id}`.
    pub(crate) path: String,
    pub(crate) access: Access,
    /// Makes the documentation, which only the OpenAPI document needs: every worker registers the endpoints anew.
    pub(crate) documentation: fn() -> Documentation,
    /// The codes of the problems that only such endpoints answer; those of all endpoints go without saying.
    pub(crate) problems: &'static [&'static str],
    route: Route,
}

/// The part of the OpenAPI document that describes one endpoint.
pub(crate) struct Documentation {
    pub(crate) operation: Operation,
    /// The types that the operation names.
    pub(crate) schemas: Vec<(String, RefOr<Schema>)>,
}

fn documentation<P: utoipa::Path + SchemaReferences + for<'t> Tags<'t>>() -> Documentation {
    let (mut operation, mut schemas) = (P::operation(), Vec::new());
    operation.tags.get_or_insert_default().extend(P::tags().into_iter().map(str::to_owned));
    P::schemas(&mut schemas);
    Documentation { operation, schemas }
}

/// Endpoints in the order in which they are documented.
#[derive(Default)]
pub(crate) struct Endpoints(Vec<Endpoint>);

impl Endpoints {
    /// Adds the endpoint of `handler`. `documented` is the type that `#[utoipa::path]` makes beside it: `__path_list`
    /// beside `list`.
    pub(crate) fn with<P, H, Args>(mut self, access: Access, _documented: P, handler: H) -> Self
    where
        P: utoipa::Path + SchemaReferences + for<'t> Tags<'t>,
        H: Handler<Args>,
        H::Output: Responder + 'static,
        Args: FromRequest + 'static,
    {
        debug_assert!(
            is_of_handler(std::any::type_name::<P>(), std::any::type_name::<H>()),
            "{} is registered with the documentation of another handler",
            std::any::type_name::<H>()
        );
        for method in P::methods() {
            let authorized = from_fn(move |request: ServiceRequest, next: Next<_>| {
                access::authorize(access, request, next)
            });
            let route = route(&method).to(handler.clone()).wrap(authorized);
            self.0.push(Endpoint {
                method,
                path: P::path(),
                access,
                documentation: documentation::<P>,
                problems: &[],
                route,
            });
        }
        self
    }

    /// Names the problems that the endpoint before can answer beside those that follow from its parameters and its
    /// access.
    pub(crate) fn problems(mut self, codes: &'static [&'static str]) -> Self {
        if let Some(endpoint) = self.0.last_mut() {
            endpoint.problems = codes;
        }
        self
    }

    pub(crate) fn and(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    /// Registers the endpoints with the router, all methods of a path as one resource.
    pub(crate) fn register(self, services: &mut ServiceConfig) {
        let mut resources: Vec<(String, Vec<Endpoint>)> = Vec::new();
        for endpoint in self.0 {
            match resources.iter_mut().find(|(path, _)| *path == endpoint.path) {
                Some((_, endpoints)) => endpoints.push(endpoint),
                None => resources.push((endpoint.path.clone(), vec![endpoint])),
            }
        }
        for (path, endpoints) in resources {
            let methods: Vec<_> = endpoints.iter().map(|endpoint| method(&endpoint.method)).collect();
            let resource = resource(&path, &methods);
            services.service(endpoints.into_iter().fold(resource, |resource, it| resource.route(it.route)));
        }
    }
}

impl IntoIterator for Endpoints {
    type Item = Endpoint;
    type IntoIter = std::vec::IntoIter<Endpoint>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// Whether the documentation is that of the handler: `a::handlers::__path_list` belongs to `a::handlers::list`.
fn is_of_handler(documented: &str, handler: &str) -> bool {
    documented.replace("__path_", "") == handler
}

/// Converts a documented method to the type that the framework uses.
pub(crate) fn method(documented: &HttpMethod) -> Method {
    match documented {
        HttpMethod::Get => Method::GET,
        HttpMethod::Post => Method::POST,
        HttpMethod::Put => Method::PUT,
        HttpMethod::Delete => Method::DELETE,
        HttpMethod::Options => Method::OPTIONS,
        HttpMethod::Head => Method::HEAD,
        HttpMethod::Patch => Method::PATCH,
        HttpMethod::Trace => Method::TRACE,
    }
}

/// Returns a route for GET, which also serves HEAD: that is GET without the body (RFC 9110, section 9.3.2). The server
/// leaves the body out.
pub(crate) fn get() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

fn route(documented: &HttpMethod) -> Route {
    match documented {
        HttpMethod::Get => get(),
        other => web::method(method(other)),
    }
}

/// Returns a resource that answers other methods than its own with 405 and says which there are.
pub(crate) fn resource(path: &str, methods: &[Method]) -> Resource {
    let allow = allow(methods);
    web::resource(path).default_service(web::to(move |request: HttpRequest| {
        let allow = allow.clone();
        async move {
            let method: String = request.method().as_str().chars().take(20).collect();
            let detail = format!("{method} is not possible here; Allow says what is");
            let error = ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail);
            Err::<HttpResponse, _>(error.with_header(header::ALLOW, allow))
        }
    }))
}

fn allow(methods: &[Method]) -> HeaderValue {
    let mut names: Vec<_> = methods.iter().map(Method::as_str).collect();
    if let Some(get) = names.iter().position(|name| *name == "GET") {
        names.insert(get + 1, "HEAD");
    }
    HeaderValue::try_from(names.join(", ")).unwrap_or_else(|_| HeaderValue::from_static("GET, HEAD"))
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::routes;

    /// `/orders/{id}` and `/orders/{order}` are one path for the router, and two for the document.
    #[test]
    fn each_method_of_each_path_is_registered_once_and_a_path_is_written_in_one_way() {
        let (mut endpoints, mut spellings) = (BTreeSet::new(), BTreeMap::new());
        for endpoint in routes::endpoints() {
            let segments = endpoint.path.split('/');
            let blank: Vec<_> =
                segments.map(|segment| if segment.starts_with('{') { "{}" } else { segment }).collect();
            let blank = blank.join("/");
            let what = format!("{} {}", method(&endpoint.method), endpoint.path);
            assert!(endpoints.insert((method(&endpoint.method).to_string(), blank.clone())), "{what}: twice");
            let spelling = spellings.entry(blank).or_insert_with(|| endpoint.path.clone());
            assert_eq!(*spelling, endpoint.path, "{what}");
        }
    }
}
