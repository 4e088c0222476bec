//! Users: the people who work with Comptoir, each for one company.

mod aggregate;
mod commands;
mod decider;
mod events;
mod login_accounts;
mod one_time_tokens;
mod queries;
pub(crate) mod repository;

pub use aggregate::{Adjustments, NewUser, User, UserError, UserName, UserStatus};
pub use commands::{
    ChangePassword, ChangePermissions, ChangeRole, DisableUser, EnableUser, RegisterUser,
    RequestPasswordReset, ResetPassword, UpdateUser, VerifyEmail,
};
pub(crate) use commands::{check_decider, register};
pub use decider::Decider;
pub use events::UserEvent;
pub use login_accounts::{
    Account, AccountName, NamedAccounts, account_named, account_of, account_of_token, accounts_named,
};
pub use one_time_tokens::{IssueOneTimeToken, IssuedOneTimeToken, TokenPurpose};
pub(crate) use one_time_tokens::{is_unused, issue};
pub use queries::{UserFilter, UserSort, UserView, get, list, list_all};
