//! The pages: each is registered once, with who may see it. They are not in the OpenAPI document nor in the table of
//! docs/permissions.md, which are about the API: what is under `/console` is for people.

use actix_web::dev::ServiceRequest;
use actix_web::http::Method;
use actix_web::middleware::{Next, from_fn};
use actix_web::web::{self, ServiceConfig};
use actix_web::{FromRequest, Handler, Responder, Route};

use super::guard::{self, Takes};
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

    /// Registers the pages with the router, both methods of an address as one resource.
    pub(super) fn register(self, services: &mut ServiceConfig) {
        let mut resources: Vec<(&'static str, Vec<Page>)> = Vec::new();
        for page in self.0 {
            match resources.iter_mut().find(|(path, _)| *path == page.path) {
                Some((_, pages)) => pages.push(page),
                None => resources.push((page.path, vec![page])),
            }
        }
        for (path, pages) in resources {
            let methods: Vec<_> = pages.iter().map(|page| page.method.clone()).collect();
            let resource = resource(path, &methods);
            services.service(pages.into_iter().fold(resource, |resource, page| resource.route(page.route)));
        }
    }
}
