//! Who somebody is who presents a credential, and what they may do.
//!
//! A request presents a credential, which is verified without the database where it can be (a token's signature) and says
//! who asks. What they may do is remembered for each credential, and found to be still true, or not, in every transaction
//! that works for them, by one look-up by primary key that travels with the transaction's other statements (ADR 10, 14). So
//! a session that ends, a user who is disabled and a role that changes count at once, on every replica.

mod authority;
mod remembered;
mod stored;

pub use remembered::{API_KEY_PREFIX, Principals};
pub use stored::StoredPrincipals;

pub(crate) use authority::{Authority, authority};
