//! The command on a company's accounts.

use super::accounts::{Account, Accounts};
use super::error::AccountingError;
use super::queries::AccountsView;
use super::repository;
use crate::accounts::tenants;
use crate::application::error::Error;
use crate::application::unit_of_work::{Command, UnitOfWork};

/// Replaces the accounts that a company has of its own.
#[derive(Debug)]
pub struct SetAccounts {
    pub accounts: Vec<Account>,
}

impl Command for SetAccounts {
    type Outcome = AccountsView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<AccountsView, Error> {
        let accounts = Accounts::new(self.accounts.clone()).map_err(AccountingError::Accounts)?;
        // Of two at once, the second sees what the first has set.
        tenants::repository::load(work).await?;
        let before = repository::load(work).await?;
        let after = AccountsView::of(&accounts);
        if before != accounts {
            repository::replace(work, &accounts).await?;
            let (tenant, before) = (work.tenant(), AccountsView::of(&before));
            work.audit("accounting.set_accounts", ("tenant", tenant), Some(&before), Some(&after))?;
        }
        Ok(after)
    }
}
