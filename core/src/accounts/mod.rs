//! Companies, their people and programs: who they are, how they prove it, what they may do.

pub mod api_keys;
pub mod identity;
pub mod login_throttle;
pub mod principals;
pub mod rate_limits;
pub mod sessions;
pub mod tenants;
pub mod users;
