//! Principals: the identity behind a credential, and its permissions.
//!
//! A request presents a credential, which says who asks. It is verified without the database where possible (a token's
//! signature). The principal and its permissions are cached for each credential. Every transaction for a principal checks
//! that it is still current: with one look-up by primary key, sent together with the transaction's other statements (ADR
//! 10, 14). So a session that ends, a user who is disabled and a role that changes take effect at once, on every replica.

mod authority;
mod remembered;
mod stored;

pub use remembered::{API_KEY_PREFIX, Principals};
pub use stored::StoredPrincipals;

pub(crate) use authority::{Authority, authority};
