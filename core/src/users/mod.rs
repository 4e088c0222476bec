//! Users: the people who work with Comptoir, each for one company.

mod aggregate;
mod commands;
mod events;
mod queries;
pub(crate) mod repository;
mod tokens;

pub use aggregate::{Adjustments, Decision, NewUser, User, UserError, UserName, UserStatus};
pub(crate) use commands::register;
pub use commands::{
    ChangePassword, ChangePermissions, ChangeRole, DisableUser, EnableUser, RegisterUser, ResetPassword,
    UpdateUser, VerifyEmail,
};
pub use events::UserEvent;
pub use queries::{
    Account, UserFilter, UserSort, UserView, account_of_email, account_of_token, get, list, list_all,
};
pub use tokens::{IssueToken, IssuedToken, TokenPurpose};
