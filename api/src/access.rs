//! Who may use which route: the one table that says it.
//!
//! The middleware asks it before a body is read, the OpenAPI document is completed from it, docs/permissions.md is
//! generated from it, and a test fails where a route is not in it. A route that is missing here is refused to everybody:
//! without an entry nobody is authenticated, and its handler has no context.

use comptoir_core::application::Permission;

/// What a route asks of its callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Nothing: its purpose is to authenticate, or it tells nothing of a tenant.
    Public,
    /// To be somebody; what is there is their own.
    Authenticated,
    /// To be a person who has logged in; an API key is answered 403.
    LoggedIn,
    Needs(Permission),
}

/// Method, path as in the OpenAPI document, access. HEAD is as GET.
pub const ROUTES: &[(&str, &str, Access)] = {
    use Access::{Authenticated, LoggedIn, Needs, Public};
    use Permission::{
        ApiKeysRead, ApiKeysWrite, AuditRead, CustomersRead, CustomersWrite, OrdersRead, OrdersShip,
        OrdersWrite, ProductsRead, ProductsWrite, TenantRead, TenantWrite, UsersRead, UsersWrite,
    };
    &[
        ("POST", "/api/v1/auth/login", Public),
        ("POST", "/api/v1/auth/refresh", Public),
        ("POST", "/api/v1/auth/verify-email", Public),
        ("POST", "/api/v1/auth/password-reset", Public),
        ("POST", "/api/v1/auth/password-reset/confirm", Public),
        ("POST", "/api/v1/auth/logout", LoggedIn),
        ("POST", "/api/v1/auth/password", LoggedIn),
        ("GET", "/api/v1/me", Authenticated),
        ("GET", "/api/v1/sessions", LoggedIn),
        ("DELETE", "/api/v1/sessions/{id}", LoggedIn),
        ("GET", "/api/v1/users/{id}/sessions", Needs(UsersWrite)),
        ("DELETE", "/api/v1/users/{id}/sessions", Needs(UsersWrite)),
        ("DELETE", "/api/v1/users/{id}/sessions/{session_id}", Needs(UsersWrite)),
        ("GET", "/api/v1/api-keys", Needs(ApiKeysRead)),
        ("POST", "/api/v1/api-keys", Needs(ApiKeysWrite)),
        ("GET", "/api/v1/api-keys/{id}", Needs(ApiKeysRead)),
        ("POST", "/api/v1/api-keys/{id}/revoke", Needs(ApiKeysWrite)),
        ("GET", "/api/v1/customers", Needs(CustomersRead)),
        ("POST", "/api/v1/customers", Needs(CustomersWrite)),
        ("GET", "/api/v1/customers/{id}", Needs(CustomersRead)),
        ("PUT", "/api/v1/customers/{id}", Needs(CustomersWrite)),
        ("DELETE", "/api/v1/customers/{id}", Needs(CustomersWrite)),
        ("GET", "/api/v1/products", Needs(ProductsRead)),
        ("POST", "/api/v1/products", Needs(ProductsWrite)),
        ("GET", "/api/v1/products/{id}", Needs(ProductsRead)),
        ("PUT", "/api/v1/products/{id}", Needs(ProductsWrite)),
        ("DELETE", "/api/v1/products/{id}", Needs(ProductsWrite)),
        ("POST", "/api/v1/products/{id}/archive", Needs(ProductsWrite)),
        ("GET", "/api/v1/orders", Needs(OrdersRead)),
        ("POST", "/api/v1/orders", Needs(OrdersWrite)),
        ("GET", "/api/v1/orders/{id}", Needs(OrdersRead)),
        ("POST", "/api/v1/orders/{id}/confirm", Needs(OrdersWrite)),
        ("POST", "/api/v1/orders/{id}/cancel", Needs(OrdersWrite)),
        ("POST", "/api/v1/orders/{id}/ship", Needs(OrdersShip)),
        ("POST", "/api/v1/orders/{id}/deliver", Needs(OrdersShip)),
        ("GET", "/api/v1/roles", Authenticated),
        ("GET", "/api/v1/audit-events", Needs(AuditRead)),
        ("GET", "/api/v1/audit-events.csv", Needs(AuditRead)),
        ("GET", "/api/v1/tenant", Needs(TenantRead)),
        ("PUT", "/api/v1/tenant", Needs(TenantWrite)),
        ("GET", "/api/v1/users", Needs(UsersRead)),
        ("POST", "/api/v1/users", Needs(UsersWrite)),
        ("GET", "/api/v1/users/{id}", Needs(UsersRead)),
        ("PUT", "/api/v1/users/{id}", Needs(UsersWrite)),
        ("POST", "/api/v1/users/{id}/change-role", Needs(UsersWrite)),
        ("POST", "/api/v1/users/{id}/change-permissions", Needs(UsersWrite)),
        ("POST", "/api/v1/users/{id}/disable", Needs(UsersWrite)),
        ("POST", "/api/v1/users/{id}/enable", Needs(UsersWrite)),
    ]
};

/// What a route asks, by the pattern of its path. `None` where there is none.
pub fn access(method: &str, pattern: &str) -> Option<Access> {
    let method = if method == "HEAD" { "GET" } else { method };
    ROUTES.iter().find(|(m, p, _)| *m == method && *p == pattern).map(|(_, _, access)| *access)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fmt::Write;
    use std::path::PathBuf;

    use comptoir_core::application::Role;
    use serde_json::Value;

    use super::*;

    /// Method and path of every operation of the document under `/api/v1`.
    fn operations() -> BTreeSet<(String, String)> {
        let document: Value = serde_json::from_str(&crate::openapi::json().expect("rendered")).expect("JSON");
        let paths = document["paths"].as_object().expect("an object");
        let operations = paths.iter().flat_map(|(path, item)| {
            let methods = item.as_object().into_iter().flatten();
            methods.map(move |(method, _)| (method.to_uppercase(), path.clone()))
        });
        operations.filter(|(_, path)| path.starts_with("/api/v1/")).collect()
    }

    #[test]
    fn every_operation_has_its_rule_and_every_rule_its_operation() {
        let rules: BTreeSet<_> =
            ROUTES.iter().map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned())).collect();
        assert_eq!(rules.len(), ROUTES.len(), "a rule is there twice");
        assert_eq!(operations(), rules);
    }

    #[test]
    fn the_documented_matrix_is_what_the_code_says() {
        let mut matrix = String::from("| route | needs |");
        for role in Role::ALL {
            let _ = write!(matrix, " {role} |");
        }
        matrix.push_str("\n|---|---|");
        matrix.push_str(&":-:|".repeat(Role::ALL.len()));
        for (method, path, access) in ROUTES {
            let needs = match access {
                Access::Public => "nothing".to_owned(),
                Access::Authenticated => "to be somebody".to_owned(),
                Access::LoggedIn => "to have logged in".to_owned(),
                Access::Needs(permission) => format!("`{permission}`"),
            };
            let _ = write!(matrix, "\n| `{method} {path}` | {needs} |");
            for role in Role::ALL {
                let may = match access {
                    Access::Needs(permission) => role.permissions().contains(*permission),
                    Access::Public | Access::Authenticated | Access::LoggedIn => true,
                };
                matrix.push_str(if may { " ✓ |" } else { " – |" });
            }
        }
        matrix.push('\n');
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/permissions.md");
        let text = std::fs::read_to_string(&path).expect("docs/permissions.md");
        let (head, rest) = text.split_once("<!-- matrix -->\n").expect("the matrix' beginning");
        let (documented, tail) = rest.split_once("<!-- /matrix -->").expect("the matrix' end");
        if std::env::var_os("UPDATE_PERMISSIONS").is_some() {
            let text = format!("{head}<!-- matrix -->\n{matrix}<!-- /matrix -->{tail}");
            std::fs::write(path, text).expect("written");
            return;
        }
        assert_eq!(
            documented, matrix,
            "UPDATE_PERMISSIONS=1 cargo test -p comptoir-api matrix writes it anew"
        );
    }
}
