//! The console: pages for the company's people, and for those who run the installation (docs/console.md).
//!
//! Server-rendered, from the same commands, queries and permissions as the API: what a page may show or do is decided where
//! it is decided for the API. One folder a subject, as the routes have; [`pages`] lists them.

mod accounting;
mod answers;
mod assets;
mod audit;
mod categories;
mod choose;
mod code128;
mod counts;
mod csrf;
mod customer_groups;
mod customers;
mod emails;
mod errors;
mod format;
mod forms;
mod guard;
mod home;
mod imports;
mod invoices;
mod keys;
mod layout;
mod lists;
mod live;
mod menu;
mod names;
mod operators;
mod orders;
mod pages;
mod parts;
mod payments;
mod permissions;
mod places;
mod preparation;
mod price_lists;
mod products;
mod profile;
mod projections;
mod purchases;
mod receivables;
mod reports;
mod returns;
mod scan;
mod session;
mod settings;
mod shipments;
mod sign_in;
mod status;
mod stock;
mod suppliers;
mod typography;
mod undone;
mod upload;
mod users;
mod visitor;
mod waiting;
mod warehouses;
mod words;

use actix_web::HttpResponse;
use actix_web::http::Method;
use actix_web::http::header::LOCATION;
use actix_web::web::ServiceConfig;

pub(crate) use errors::Visit;
pub(crate) use operators::OfAll;

use self::pages::Pages;
use crate::endpoints::{get, resource};

/// Where all of it is.
pub(crate) const PREFIX: &str = "/console/";
/// The page that files are sent to, which takes longer than others.
pub(crate) const IMPORTS: &str = "/console/imports/new";
/// Where the operators' pages are, and no others.
const OPERATORS: &str = "/console/operators";

/// Every page, a line a subject.
fn pages() -> Pages {
    sign_in::pages()
        .and(home::pages())
        .and(profile::pages())
        .and(orders::pages())
        .and(invoices::pages())
        // Before the payments: their paths could be taken for ids.
        .and(receivables::pages())
        .and(payments::pages())
        .and(accounting::pages())
        .and(reports::pages())
        .and(preparation::pages())
        .and(shipments::pages())
        .and(returns::pages())
        .and(purchases::pages())
        .and(customers::pages())
        .and(products::pages())
        .and(categories::pages())
        .and(price_lists::pages())
        .and(customer_groups::pages())
        .and(suppliers::pages())
        .and(imports::pages())
        .and(stock::pages())
        .and(warehouses::pages())
        .and(counts::pages())
        .and(users::pages())
        .and(keys::pages())
        .and(audit::pages())
        .and(settings::pages())
        .and(emails::pages())
        .and(projections::pages())
        .and(choose::pages())
        .and(live::pages())
        .and(operators::pages())
}

pub(crate) fn configure(services: &mut ServiceConfig) {
    assets::configure(services);
    pages().register(services);
    let to_home = get().to(async || HttpResponse::Found().insert_header((LOCATION, PREFIX)).finish());
    services.service(resource("/console", &[Method::GET]).route(to_home));
}

/// Whether a path belongs to the console.
pub(crate) fn has(path: &str) -> bool {
    path == "/console" || path.starts_with(PREFIX)
}

/// The two halves of the console, which share no session and no data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Area {
    Company,
    Operators,
}

impl Area {
    fn of(path: &str) -> Self {
        let rest = path.strip_prefix(OPERATORS);
        if rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
            Self::Operators
        } else {
            Self::Company
        }
    }

    /// Where somebody without a session is sent.
    const fn sign_in(self) -> &'static str {
        match self {
            Self::Company => "/console/sign-in",
            Self::Operators => "/console/operators/sign-in",
        }
    }

    const fn home(self) -> &'static str {
        match self {
            Self::Company => PREFIX,
            Self::Operators => OPERATORS,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::access::Access;

    /// The one rule by which pages are told from the API.
    #[test]
    fn every_page_is_under_the_console_and_the_operators_have_their_own() {
        let mut seen = BTreeSet::new();
        for page in pages().iter() {
            assert!(has(page.path), "{}", page.path);
            assert!(seen.insert((page.method.to_string(), page.path)), "{}: twice", page.path);
            let of_operators = Area::of(page.path) == Area::Operators;
            assert!(
                page.access == Access::Public || (page.access == Access::Operator) == of_operators,
                "{}",
                page.path
            );
            // A key of a program has no session, and so no cookies.
            assert_ne!(page.access, Access::Authenticated, "{}: say LoggedIn", page.path);
        }
    }

    /// A refusal is shown at the address that its form was sent to, which people load again and come back to.
    #[actix_web::test]
    async fn what_only_takes_a_form_leads_to_a_page_when_it_is_looked_at() {
        use actix_web::http::StatusCode;
        use actix_web::test::{TestRequest, call_service, init_service};

        // Every part that is named is one that a browser would send.
        let asked = |path: &str| {
            let parts = path.split('/').map(|part| if part.starts_with('{') { "0198" } else { part });
            parts.collect::<Vec<_>>().join("/")
        };
        let looked_at: BTreeSet<String> = pages()
            .iter()
            .filter(|page| page.method == Method::GET)
            .map(|page| asked(page.path))
            .chain(["/console".to_owned()])
            .collect();
        let app = init_service(actix_web::App::new().configure(configure)).await;
        let mut led = 0;
        for page in pages().iter().filter(|page| page.method == Method::POST) {
            let path = asked(page.path);
            if looked_at.contains(&path) {
                continue;
            }
            let answer = call_service(&app, TestRequest::get().uri(&path).to_request()).await;
            let to = answer.headers().get(LOCATION).and_then(|to| to.to_str().ok()).unwrap_or_default();
            assert_eq!(answer.status(), StatusCode::SEE_OTHER, "{path}");
            assert!(
                looked_at.contains(to) && path.starts_with(to) && Area::of(to) == Area::of(&path),
                "{path}: {to}"
            );
            led += 1;
        }
        assert!(led > 20, "{led}");
    }

    #[test]
    fn a_path_is_of_one_half() {
        assert_eq!(Area::of("/console/operators"), Area::Operators);
        assert_eq!(Area::of("/console/operators/services"), Area::Operators);
        assert_eq!(Area::of("/console/operators-of-machines"), Area::Company);
        assert_eq!(Area::of("/console/orders"), Area::Company);
        assert!(!has("/consoles") && has("/console"));
    }
}
