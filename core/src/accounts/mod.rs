//! Companies, their users and API keys, and operators, who belong to no company: identity, authentication and permissions.

pub mod api_keys;
pub mod identity;
pub mod login_throttle;
pub mod operators;
pub mod principals;
pub mod rate_limits;
pub mod sessions;
pub mod tenants;
pub mod users;
