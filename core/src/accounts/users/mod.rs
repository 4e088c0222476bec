//! Users: the people who work with Comptoir, each for one company.

mod accounts;
mod aggregate;
mod commands;
mod decision;
mod events;
mod queries;
pub(crate) mod repository;
mod tokens;

pub use accounts::{
    Account, AccountName, NamedAccounts, account_named, account_of, account_of_token, accounts_named,
};
pub use aggregate::{Adjustments, NewUser, User, UserError, UserName, UserStatus};
pub use commands::{
    ChangePassword, ChangePermissions, ChangeRole, DisableUser, EnableUser, RegisterUser, ResetPassword,
    UpdateUser, VerifyEmail,
};
pub(crate) use commands::{check_decider, register};
pub use decision::Decision;
pub use events::UserEvent;
pub use queries::{UserFilter, UserSort, UserView, get, list, list_all};
pub use tokens::{IssueToken, IssuedToken, TokenPurpose};
