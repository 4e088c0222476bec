//! The pages: each is registered once, with who may see it. They are not in the OpenAPI document nor in the table of
//! docs/permissions.md, which are about the API: what is under `/console` is for people.

use actix_web::dev::ServiceRequest;
use actix_web::http::Method;
use actix_web::middleware::{Next, from_fn};
use actix_web::web::{self, ServiceConfig};
use actix_web::{FromRequest, Handler, HttpRequest, Responder, Route};

use super::guard::{self, Takes};
use super::layout;
use crate::access::Access;
use crate::endpoints::{get, resource};

/// One method of one address.
pub(super) struct Page {
    pub(super) method: Method,
    pub(super) path: &'static str,
    pub(super) access: Access,
    route: Route,
}

/// Pages in the order in which the router tries them.
#[derive(Default)]
pub(super) struct Pages(Vec<Page>);

impl Pages {
    /// Adds a page that is looked at.
    pub(super) fn get<H, Args>(self, access: Access, path: &'static str, handler: H) -> Self
    where
        H: Handler<Args>,
        H::Output: Responder + 'static,
        Args: FromRequest + 'static,
    {
        self.with(Takes::Form, Method::GET, access, path, get().to(handler))
    }

    /// Adds what a form is sent to. The [guard] has read and checked the form before the handler runs.
    pub(super) fn post<H, Args>(self, access: Access, path: &'static str, handler: H) -> Self
    where
        H: Handler<Args>,
        H::Output: Responder + 'static,
        Args: FromRequest + 'static,
    {
        self.with(Takes::Form, Method::POST, access, path, web::post().to(handler))
    }

    /// Adds what a form with a file is sent to. The [guard] has read and checked its fields; the file, which is the last of
    /// them, is the handler's to read ([`super::upload::Upload`]).
    pub(super) fn upload<H, Args>(self, access: Access, path: &'static str, handler: H) -> Self
    where
        H: Handler<Args>,
        H::Output: Responder + 'static,
        Args: FromRequest + 'static,
    {
        self.with(Takes::File, Method::POST, access, path, web::post().to(handler))
    }

    fn with(
        mut self,
        takes: Takes,
        method: Method,
        access: Access,
        path: &'static str,
        route: Route,
    ) -> Self {
        let guarded = from_fn(move |request: ServiceRequest, next: Next<_>| {
            guard::admit((access, takes), request, next)
        });
        self.0.push(Page { method, path, access, route: route.wrap(guarded) });
        self
    }

    pub(super) fn and(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Page> {
        self.0.iter()
    }

    /// Registers the pages with the router, both methods of an address as one resource. What only takes a form can be looked at, too: it
    /// leads to the page above. A refusal is shown at the address that the form was sent to, and from there people load again, follow
    /// a link of the page to itself, or come back from the log-in.
    pub(super) fn register(self, services: &mut ServiceConfig) {
        let looked_at: Vec<&'static str> =
            self.0.iter().filter(|page| page.method == Method::GET).map(|page| page.path).collect();
        let mut resources: Vec<(&'static str, Vec<Page>)> = Vec::new();
        for page in self.0 {
            match resources.iter_mut().find(|(path, _)| *path == page.path) {
                Some((_, pages)) => pages.push(page),
                None => resources.push((page.path, vec![page])),
            }
        }
        for (path, pages) in resources {
            let mut methods: Vec<_> = pages.iter().map(|page| page.method.clone()).collect();
            let kept = above(path, &looked_at);
            if kept.is_some() {
                methods.push(Method::GET);
            }
            let resource = resource(path, &methods);
            let mut resource = pages.into_iter().fold(resource, |resource, page| resource.route(page.route));
            if let Some(kept) = kept {
                let to_above =
                    move |request: HttpRequest| async move { layout::go(beginning(request.path(), kept)) };
                resource = resource.route(get().to(to_above));
            }
            services.service(resource);
        }
    }
}

/// How many parts of a path the page above it has; `None` for what is a page itself.
fn above(path: &str, looked_at: &[&str]) -> Option<usize> {
    if looked_at.contains(&path) {
        return None;
    }
    let mut rest = path;
    while let Some((shorter, _)) = rest.rsplit_once('/') {
        if looked_at.contains(&shorter) {
            return Some(shorter.matches('/').count());
        }
        rest = shorter;
    }
    // `/console`, which leads home.
    Some(1)
}

/// The first parts of a path: two of `/console/orders/1` are `/console/orders`.
fn beginning(path: &str, parts: usize) -> &str {
    path.match_indices('/').nth(parts).map_or(path, |(end, _)| &path[..end])
}
