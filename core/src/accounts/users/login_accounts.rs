//! Accounts: users before they are authenticated, and how they are named and found.
//!
//! An e-mail address has one account in each company that knows it, each with its own password. At log-in, the user names
//! the company, or leaves it out if only one account of the address is active. Finding an account costs the same whether
//! it exists or not.

use diesel::prelude::*;
use diesel::sql_types::{Binary, Bool, Nullable, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::aggregate::UserStatus;
use super::repository::UserRow;
use crate::accounts::identity::passwords::HashedPassword;
use crate::accounts::identity::secrets::SecretHash;
use crate::application::TenantDatabase;
use crate::application::error::Error;
use crate::platform::schema::{tenants, user_tokens, users};
use crate::values::contact::{Email, FoldedEmail};
use crate::values::ids::{TenantId, UserId};
use crate::values::money::Currency;

/// The name of an account as given at log-in, in the form that is compared and looked up. Any text is accepted: a text
/// that is no address, or no company's short name, names no account.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AccountName {
    pub email: FoldedEmail,
    /// The company's short name. Without it, the name means the only active account of the address.
    pub company: Option<String>,
}

impl AccountName {
    pub fn new(email: &str, company: Option<&str>) -> Self {
        // A short name is ASCII in lower case, but a telephone's keyboard may begin it with a capital.
        let company = company.map(|name| name.trim().to_ascii_lowercase());
        Self { email: FoldedEmail::of(email), company }
    }
}

/// A user before they are authenticated, with the data that authentication needs.
#[derive(Debug, Clone)]
pub struct Account {
    pub tenant_id: TenantId,
    pub user_id: UserId,
    pub email: Email,
    pub password: Option<HashedPassword>,
    pub status: UserStatus,
    /// The tenant's.
    pub short_name: String,
    /// The tenant's.
    pub currency: Currency,
}

impl Account {
    /// The name with the company.
    pub fn full_name(&self) -> AccountName {
        AccountName { email: self.email.folded(), company: Some(self.short_name.clone()) }
    }

    /// The name without the company.
    pub fn bare_name(&self) -> AccountName {
        AccountName { email: self.email.folded(), company: None }
    }
}

/// The accounts that a name may mean. Those that can log in come first.
#[derive(Debug, Clone, Default)]
pub struct NamedAccounts(Vec<NamedAccount>);

#[derive(Debug, Clone, Copy)]
struct NamedAccount {
    tenant_id: TenantId,
    user_id: UserId,
    is_active: bool,
}

impl NamedAccounts {
    /// Returns the account for a log-in without the company: the only active one. Inactive accounts are ignored, for two
    /// reasons:
    /// - Any company may register any address. It must not learn from its own inactive account whether another company
    ///   knows the address too.
    /// - Nobody must lose access to their account because another company registers the same address, or has disabled
    ///   them.
    pub fn only_active(&self) -> Option<(TenantId, UserId)> {
        let mut active = self.0.iter().filter(|account| account.is_active);
        match (active.next(), active.next()) {
            (Some(account), None) => Some((account.tenant_id, account.user_id)),
            _ => None,
        }
    }

    /// Whether another account than this one is active. If so, the address alone does not mean this one, even if it
    /// becomes active.
    pub fn is_active_elsewhere(&self, account: (TenantId, UserId)) -> bool {
        self.0.iter().any(|other| other.is_active && (other.tenant_id, other.user_id) != account)
    }

    /// Returns the account that an operator means: the only active one, or, if none is active, the only one.
    pub fn only(&self) -> Option<(TenantId, UserId)> {
        let active = self.0.iter().filter(|account| account.is_active).count();
        match self.0.as_slice() {
            [account, others @ ..] if active == 1 || others.is_empty() => {
                Some((account.tenant_id, account.user_id))
            }
            _ => None,
        }
    }

    /// The number of accounts; 20 means 20 or more.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = (TenantId, UserId)> {
        self.0.iter().map(|account| (account.tenant_id, account.user_id))
    }
}

crate::statement! {
    struct FindLogin<'a> { email: &'a str => Text, company: Option<&'a str> => Nullable<Text> } -> (SqlUuid, SqlUuid, Bool)
    = "SELECT tenant_id, user_id, is_active FROM find_login($1, $2)"
}

crate::statement! {
    struct FindToken<'a> { hash: &'a [u8] => Binary } -> (SqlUuid, SqlUuid)
    = "SELECT tenant_id, token_id FROM find_user_token($1)"
}

/// Finds the accounts that a name may mean.
///
/// # Errors
/// Fails if the database cannot be reached.
pub async fn accounts_named(db: &TenantDatabase, name: &AccountName) -> Result<NamedAccounts, Error> {
    let mut connection = db.database().connection().await?;
    let find = FindLogin::new(name.email.as_str(), name.company.as_deref());
    let found: Vec<(Uuid, Uuid, bool)> = find.load(&mut connection).await?;
    let named = |(tenant, user, is_active)| NamedAccount {
        tenant_id: TenantId::from_uuid(tenant),
        user_id: UserId::from_uuid(user),
        is_active,
    };
    Ok(NamedAccounts(found.into_iter().map(named).collect()))
}

/// Finds the account for a log-in with this name; `None` if there is none. Without the company, it must be the only
/// active account of the address.
///
/// # Errors
/// Fails if the database cannot be reached.
pub async fn account_named(db: &TenantDatabase, name: &AccountName) -> Result<Option<Account>, Error> {
    let named = accounts_named(db, name).await?;
    let found = if name.company.is_some() { named.only() } else { named.only_active() };
    // If nothing is found, a nil id is looked up: the time must not reveal whether there is such a user.
    let nobody = || (TenantId::from_uuid(Uuid::nil()), UserId::from_uuid(Uuid::nil()));
    let (tenant_id, user_id) = found.unwrap_or_else(nobody);
    account_of(db, tenant_id, user_id).await
}

/// Finds the account of a one-time token, even if the token is used or expired.
///
/// # Errors
/// Fails if the database cannot be reached.
pub async fn account_of_token(db: &TenantDatabase, hash: &SecretHash) -> Result<Option<Account>, Error> {
    let mut connection = db.database().connection().await?;
    let find = FindToken::new(&hash.as_bytes()[..]);
    let found: Option<(Uuid, Uuid)> = find.get_result(&mut connection).await.optional()?;
    drop(connection);
    let Some((tenant, token)) = found else { return Ok(None) };
    let tenant_id = TenantId::from_uuid(tenant);
    let user: Option<Uuid> = db
        .read_in(tenant_id, async |mut connection| {
            let found = user_tokens::table.find((tenant, token)).select(user_tokens::user_id);
            Ok(found.first(&mut connection).await.optional()?)
        })
        .await?;
    match user {
        Some(user) => account_of(db, tenant_id, UserId::from_uuid(user)).await,
        None => Ok(None),
    }
}

/// Loads the account of a user whose id is known.
///
/// # Errors
/// Fails if the database cannot be reached.
pub async fn account_of(
    db: &TenantDatabase,
    tenant_id: TenantId,
    user_id: UserId,
) -> Result<Option<Account>, Error> {
    let found: Option<(UserRow, String, String)> = db
        .read_in(tenant_id, async |mut connection| {
            let row = users::table
                .find((tenant_id.uuid(), user_id.uuid()))
                .inner_join(tenants::table.on(tenants::id.eq(users::tenant_id)))
                .select((UserRow::as_select(), tenants::short_name, tenants::currency));
            Ok(row.first(&mut connection).await.optional()?)
        })
        .await?;
    found
        .map(|(row, short_name, currency)| {
            let user = row.into_user()?;
            let status = user.status();
            Ok(Account {
                tenant_id,
                user_id,
                email: user.email,
                status,
                password: user.password,
                short_name,
                currency: Currency::stored(currency),
            })
        })
        .transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accounts(active: &[bool]) -> NamedAccounts {
        let account = |is_active: &bool| NamedAccount {
            tenant_id: TenantId::generate(),
            user_id: UserId::generate(),
            is_active: *is_active,
        };
        NamedAccounts(active.iter().map(account).collect())
    }

    #[test]
    fn an_address_alone_means_the_only_active_account_and_to_an_operator_the_only_one() {
        for (active, is_clear, is_clear_to_an_operator) in [
            (&[][..], false, false),
            (&[true], true, true),
            (&[false], false, true),
            (&[true, false], true, true),
            (&[true, true], false, false),
            (&[false, false], false, false),
            (&[true, true, false], false, false),
        ] {
            let accounts = accounts(active);
            let first = accounts.iter().next();
            assert_eq!(accounts.only_active(), first.filter(|_| is_clear), "{active:?}");
            assert_eq!(accounts.only(), first.filter(|_| is_clear_to_an_operator), "{active:?}");
        }
    }

    #[test]
    fn an_account_is_active_elsewhere_if_another_one_is() {
        for (active, of_first, of_last) in [
            (&[true][..], false, false),
            (&[false], false, false),
            (&[true, false], false, true),
            (&[false, false], false, false),
            (&[true, true], true, true),
        ] {
            let accounts = accounts(active);
            let (first, last) = (accounts.iter().next(), accounts.iter().last());
            let is_elsewhere = |account: Option<_>| account.map(|one| accounts.is_active_elsewhere(one));
            assert_eq!(is_elsewhere(first), Some(of_first), "{active:?}");
            assert_eq!(is_elsewhere(last), Some(of_last), "{active:?}");
        }
    }

    #[test]
    fn an_account_is_named_in_whatever_case() {
        let typed = AccountName::new(" ADA@docks.example ", Some(" Docks "));
        assert_eq!(typed, AccountName::new("ada@docks.example", Some("docks")));
        assert_ne!(typed, AccountName::new("ada@docks.example", None));
    }
}
