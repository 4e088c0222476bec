//! The access to routes. Each route declares it where it is registered ([`Endpoints`](crate::endpoints::Endpoints)). It
//! is checked here, by the route that serves the request, before the body is read.

use std::rc::Rc;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage};
use comptoir_core::accounts::rate_limits::Subject;
use comptoir_core::application::Permission;

use crate::authentication::{authenticate, unauthenticated};
use crate::middleware::RequestState;

/// The authentication and the permission that a route requires of its callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Requires nothing: the route authenticates its callers itself, or shows no tenant's data.
    Public,
    /// Requires a valid credential. The route serves the caller's own data.
    Authenticated,
    /// Requires a person who has logged in; an API key is answered 403.
    LoggedIn,
    Needs(Permission),
    /// Requires an operator account. Every other access is for companies, and refuses one.
    Operator,
}

/// Passes the request on to the handler if its caller may use the route.
///
/// # Errors
/// 401 without a valid credential, 403 without the permission or on the wrong side of companies and operators, 429 beyond the caller's rate limit, 503 without the
/// database.
pub(crate) async fn authorize(
    access: Access,
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if access != Access::Public {
        let state = request.extensions().get::<Rc<RequestState>>().cloned().ok_or_else(unauthenticated)?;
        let caller = authenticate(&request, access, |principal| state.identify(principal)).await?;
        if let Some(id) = caller.principal.id() {
            state.limits.admit(Subject::Principal(id))?;
        }
        request.extensions_mut().insert(caller);
    }
    next.call(request).await
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;
    use std::path::PathBuf;

    use comptoir_core::application::Role;

    use super::*;
    use crate::{endpoints, routes};

    #[test]
    fn the_documented_matrix_is_what_the_endpoints_say() {
        let mut matrix = String::from("| route | needs |");
        for role in Role::ALL {
            let _ = write!(matrix, " {role} |");
        }
        matrix.push_str(" operator |\n|---|---|");
        matrix.push_str(&":-:|".repeat(Role::ALL.len() + 1));
        let endpoints = routes::endpoints().into_iter();
        for endpoint in endpoints.filter(|endpoint| endpoint.path.starts_with("/api/v1/")) {
            let needs = match endpoint.access {
                Access::Public => "nothing".to_owned(),
                Access::Authenticated => "to be somebody".to_owned(),
                Access::LoggedIn => "to have logged in".to_owned(),
                Access::Needs(permission) => format!("`{permission}`"),
                Access::Operator => "an operator account".to_owned(),
            };
            let method = endpoints::method(&endpoint.method);
            let _ = write!(matrix, "\n| `{method} {}` | {needs} |", endpoint.path);
            for role in Role::ALL {
                let may = match endpoint.access {
                    Access::Needs(permission) => role.permissions().contains(permission),
                    Access::Public | Access::Authenticated | Access::LoggedIn => true,
                    Access::Operator => false,
                };
                matrix.push_str(if may { " ✓ |" } else { " – |" });
            }
            let may = matches!(endpoint.access, Access::Public | Access::Operator);
            matrix.push_str(if may { " ✓ |" } else { " – |" });
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
            "UPDATE_PERMISSIONS=1 cargo test --workspace --lib matrix writes it anew"
        );
    }
}
