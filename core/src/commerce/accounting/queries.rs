//! The query on a company's accounts.

use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::accounts::{Account, AccountNumber, Accounts, Purpose, usual};
use super::repository::{self, AccountRow};
use crate::application::TenantDatabase;
use crate::application::context::RequestContext;
use crate::application::error::Error;
use crate::commerce::vat::Category;
use crate::platform::schema::accounting_accounts;
use crate::values::money::VatRate;

/// The accounts on which a company's sales and payments are booked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = AccountingAccounts)]
pub struct AccountsView {
    /// The company's own. Of several that fit, the one of the rate is taken before the one of the category, and that one before the others.
    pub accounts: Vec<AccountView>,
    /// Where everything else is booked.
    pub defaults: Vec<DefaultAccountView>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = AccountingAccount)]
pub struct AccountView {
    pub purpose: Purpose,
    /// Null: of every category.
    pub category: Option<Category>,
    /// In percent; null: of every rate.
    #[schema(value_type = Option<String>, example = "20")]
    pub rate: Option<VatRate>,
    #[schema(value_type = String, example = "707100")]
    pub number: AccountNumber,
    #[schema(example = "Ventes de thé")]
    pub label: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = DefaultAccountingAccount)]
pub struct DefaultAccountView {
    pub purpose: Purpose,
    #[schema(example = "707000")]
    pub number: String,
    #[schema(example = "Ventes de marchandises")]
    pub label: String,
}

impl From<&Account> for AccountView {
    fn from(account: &Account) -> Self {
        Self {
            purpose: account.purpose,
            category: account.category,
            rate: account.rate.clone(),
            number: account.number.clone(),
            label: account.label.to_string(),
        }
    }
}

impl AccountsView {
    pub(super) fn of(accounts: &Accounts) -> Self {
        let default = |(purpose, number, label): (Purpose, &str, &str)| DefaultAccountView {
            purpose,
            number: number.to_owned(),
            label: label.to_owned(),
        };
        Self {
            accounts: accounts.all().iter().map(AccountView::from).collect(),
            defaults: usual().map(default).collect(),
        }
    }
}

/// Reads a company's accounts in a transaction that is open.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn load(mut connection: &AsyncPgConnection, tenant: Uuid) -> Result<Accounts, Error> {
    let rows: Vec<AccountRow> = accounting_accounts::table
        .filter(accounting_accounts::tenant_id.eq(tenant))
        .order(accounting_accounts::position)
        .select(AccountRow::as_select())
        .load(&mut connection)
        .await?;
    repository::stored(rows)
}

/// # Errors
/// Fails if the database cannot be reached.
pub async fn accounts(db: &TenantDatabase, context: &RequestContext) -> Result<AccountsView, Error> {
    let tenant = context.tenant_id().uuid();
    let accounts = db.read(context, async |connection| load(connection, tenant).await).await?;
    Ok(AccountsView::of(&accounts))
}
