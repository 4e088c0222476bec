//! The OpenAPI 3.1 document, generated from the endpoints and their types.

mod complete;
mod example;
mod parameters;
pub(crate) mod problems;

use serde_json::Value;
use utoipa::OpenApi as _;
use utoipa::openapi::Server;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};

use crate::access::Access;
use crate::endpoints::{self, Documentation, Endpoint};
use crate::error::{Problem, ProblemCredit, ProblemField};
use crate::{rate_limits, routes};

pub(crate) use parameters::{IdParam, IdempotencyHeader, IfMatchHeader, RequiredIfMatchHeader};

/// The path at which the document is served.
pub const PATH: &str = "/api/openapi.json";

/// Documents what the operation requires of its callers.
fn secure(operation: &mut Operation, access: Access) {
    if access == Access::Public {
        // An empty list takes the requirement of all other operations back.
        operation.security = Some(Vec::new());
        return;
    }
    let description = operation.description.get_or_insert_default();
    if access != Access::Authenticated && !description.is_empty() {
        description.push_str("\n\n");
    }
    if access == Access::LoggedIn {
        description.push_str("For people who have logged in: an API key is answered 403.");
        operation.extensions.get_or_insert_default().insert("x-session".to_owned(), true.into());
    }
    if access == Access::Operator {
        description.push_str("For operator accounts: everybody else is answered 403.");
        operation.extensions.get_or_insert_default().insert("x-operator".to_owned(), true.into());
    }
    if let Access::Needs(permission) = access {
        description.push_str(&format!("Needs the permission `{permission}`."));
        // The same, for programs to read.
        operation
            .extensions
            .get_or_insert_default()
            .insert("x-permission".to_owned(), permission.name().into());
    }
}

const SECURITY_SCHEME: &str = "bearer";

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Comptoir",
        description = include_str!("introduction.md"),
        contact(name = "Comptoir"),
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    security(("bearer" = [])),
    components(schemas(Problem, ProblemField, ProblemCredit)),
    tags(
        (name = "customers", description = "Who buys"),
        (name = "customer-groups", description = "Customers who have the same prices"),
        (name = "suppliers", description = "Who sells to you"),
        (name = "products", description = "What is sold"),
        (name = "price-lists", description = "What products cost a customer, a group of customers, or everybody, from when to when and from which quantity on"),
        (name = "categories", description = "The tree in which products stand"),
        (name = "warehouses", description = "The buildings where goods lie; one of them is the default"),
        (name = "locations", description = "The places in a warehouse"),
        (name = "orders", description = "What was sold to whom: pending → confirmed → shipped → delivered, or cancelled"),
        (name = "shipments", description = "What of an order left together: dispatched → delivered"),
        (name = "returns", description = "What came back of an order"),
        (name = "stock", description = "What lies in which warehouse and in which locations, what of it is promised to orders, and the ledgers that explain it"),
        (name = "stock-documents", description = "What moves goods other than orders: receipts, adjustments, write-offs, transfers, relocations"),
        (name = "purchase-orders", description = "What was ordered from suppliers: ordered → partly received → received, or cancelled"),
        (name = "inventory-counts", description = "What lies in a warehouse as somebody counted it: open → counting → review → closed, or cancelled"),
        (name = "invoices", description = "What customers owe: draft → validated, with a number, and never changed → sent → partly paid → paid"),
        (name = "payments", description = "What customers paid, of which invoice, and what is left: never changed, but reversed"),
        (name = "accounting", description = "What the accounts need to know of sales: VAT that is due, sales as invoiced, entries"),
        (name = "emails", description = "What is sent to people, and what became of it"),
        (name = "imports", description = "Files of customers, suppliers, products, opening stock or prices, worked off row by row"),
        (name = "reports", description = "What is kept from the events that came back through the broker, and the events that could not be"),
        (name = "notifications", description = "What happens in your company, live, or to pull"),
        (name = "tenant", description = "Your company"),
        (name = "users", description = "Who works with Comptoir: unverified → active → disabled"),
        (name = "authentication", description = "How somebody proves who they are"),
        (name = "roles", description = "Who may do what"),
        (name = "audit", description = "Who did what"),
        (name = "sessions", description = "What a log-in begins"),
        (name = "api-keys", description = "How programs prove who they are"),
        (name = "operators", description = "Who looks after the programs, and belongs to no company"),
        (name = "services", description = "What runs beside the requests, for operator accounts"),
        (name = "operations", description = "Health"),
    )
)]
struct Description;

/// Builds the document from the description and from what each endpoint documents.
///
/// # Errors
/// Never fails for a document that has been written once; the tests write it.
fn document() -> Result<Value, serde_json::Error> {
    let mut document = Description::openapi();
    document.servers = Some(vec![Server::new("/")]);
    let components = document.components.get_or_insert_default();
    let scheme = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some(
            "An access token from POST /api/v1/auth/login or /api/v1/operators/auth/login, or an API key",
        ))
        .build();
    components.add_security_scheme(SECURITY_SCHEME, SecurityScheme::Http(scheme));
    let mut responses = Vec::new();
    for Endpoint { method, path, access, documentation, problems, .. } in routes::endpoints() {
        let Documentation { mut operation, schemas } = documentation();
        secure(&mut operation, access);
        let is_probe = !rate_limits::is_limited(&path);
        let problems = problems::of(&operation, access, is_probe, problems);
        let name = endpoints::method(&method).as_str().to_lowercase();
        responses.push((path.clone(), name, problems::responses(&problems)));
        components.schemas.extend(schemas);
        document.paths.add_path_operation(path, vec![method], operation);
    }
    let mut document = serde_json::to_value(&document)?;
    for (path, method, responses) in responses {
        if let Some(described) = document["paths"][path][method]["responses"].as_object_mut() {
            described.extend(responses);
        }
    }
    document["components"]["examples"] = problems::examples().into();
    complete::complete(&mut document);
    Ok(document)
}

/// Returns the document as JSON.
///
/// # Errors
/// Never fails for a document that has been written once; the tests write it.
pub fn json() -> Result<String, serde_json::Error> {
    serde_json::to_string(&document()?)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::PathBuf;

    #[test]
    fn what_the_document_refers_to_is_there() {
        let document = super::document().expect("rendered");
        let mut found = BTreeSet::new();
        super::complete::references(&document, &mut found);
        assert!(found.len() > 100, "{} references", found.len());
        for reference in found {
            let pointer = reference.trim_start_matches('#');
            assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
        }
    }

    /// Clients are generated from the file: a change of it is seen in review, and one that breaks them has to be meant.
    #[test]
    fn the_document_is_the_one_that_is_checked_in() {
        let document = super::document().expect("rendered");
        let mut text = serde_json::to_string_pretty(&document).expect("rendered");
        text.push('\n');
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
        let checked_in = std::fs::read_to_string(&path).expect("api/openapi.json");
        if text == checked_in {
            return;
        }
        let before = serde_json::from_str(&checked_in).expect("api/openapi.json is JSON");
        let breaks = comptoir_compatibility::openapi(&before, &document);
        let update = std::env::var("UPDATE_OPENAPI").unwrap_or_default();
        if update == "breaking" || (!update.is_empty() && breaks.is_empty()) {
            std::fs::write(path, text).expect("written");
            return;
        }
        if breaks.is_empty() {
            panic!(
                "api/openapi.json differs, and breaks no client: UPDATE_OPENAPI=1 cargo test --workspace --lib openapi writes it anew"
            );
        }
        panic!(
            "api/openapi.json differs and BREAKS CLIENTS, {} times:\n  {}\nKeep the old form beside the new one; if it must be, \
            UPDATE_OPENAPI=breaking writes it, and CHANGELOG.md says so",
            breaks.len(),
            breaks.join("\n  ")
        );
    }
}
