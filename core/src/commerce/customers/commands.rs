//! The commands on customers.

use std::sync::Arc;

use serde::Serialize;

use super::aggregate::{Customer, CustomerDetails};
use super::anonymising::AnonymisationReason;
use super::queries::{CustomerView, sees_credit_limits};
use super::repository;
use crate::accounts::tenants;
use crate::application::aggregate::{Aggregate, LockMode, change, create, delete};
use crate::application::error::{Error, check_version};
use crate::application::unit_of_work::{Command, UnitOfWork};
use crate::application::{Actor, Edit, Permission, Principal};
use crate::mail;
use crate::values::ids::CustomerId;

/// What the audit trail calls it that a customer is anonymised.
pub(super) const ANONYMISE: &str = "customer.anonymise";

/// Whether a principal may set credit limits. Somebody at the command line of the machine holds no permission, and may do everything.
fn may_set_credit_limit(principal: &Principal) -> bool {
    principal.may(Permission::CustomersCredit) || principal.actor == Actor::Operator
}

#[derive(Debug)]
pub struct CreateCustomer {
    pub details: CustomerDetails,
}

impl Command for CreateCustomer {
    type Outcome = CustomerView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<CustomerView, Error> {
        self.details.check_credit_limit(None, may_set_credit_limit(&work.context().principal))?;
        let created = Customer::create(CustomerId::generate(), self.details.clone(), work.now());
        let view = create(work, "customer.create", created, CustomerView::of).await?;
        Ok(view.seen_by(&work.context().principal))
    }
}

#[derive(Debug)]
pub struct UpdateCustomer {
    pub id: CustomerId,
    pub expected_version: Option<i64>,
    pub edit: Edit<CustomerView, CustomerDetails>,
}

impl Command for UpdateCustomer {
    type Outcome = CustomerView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<CustomerView, Error> {
        let customer = repository::load(work, self.id, LockMode::Change).await?;
        let principal = Arc::clone(&work.context().principal);
        let (sees, may_set) = (sees_credit_limits(&principal), may_set_credit_limit(&principal));
        let decide = |customer: &mut Customer, now| {
            customer.check_known()?;
            let mut details = self.edit.apply(&CustomerView::of(customer).seen_by(&principal))?;
            let limit = customer.details().credit_limit.as_ref();
            // By what is shown: nobody finds the limit by guessing.
            details.check_credit_limit(limit.filter(|_| sees), may_set)?;
            // Whoever does not see the limit sends none back: the customer keeps its own.
            if !sees && details.credit_limit.is_none() {
                details.credit_limit = limit.cloned();
            }
            Ok::<_, Error>(customer.update(details, now))
        };
        let customer = change(work, "customer.update", customer, self.expected_version, decide).await?;
        Ok(CustomerView::of(&customer).seen_by(&principal))
    }
}

#[derive(Debug)]
pub struct DeleteCustomer {
    pub id: CustomerId,
    pub expected_version: Option<i64>,
}

impl Command for DeleteCustomer {
    type Outcome = ();

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<(), Error> {
        let customer = repository::load(work, self.id, LockMode::Withdraw).await?;
        let has_orders = repository::has_orders(work, self.id).await?;
        let has_invoices = repository::has_invoices(work, self.id).await?;
        delete(work, "customer.delete", customer, self.expected_version, |customer, now| {
            customer.delete(has_orders, has_invoices, now)
        })
        .await
    }
}

/// Takes from a customer whom no law keeps all that says who it was, here and in what refers to it (docs/retention.md).
#[derive(Debug)]
pub struct AnonymiseCustomer {
    pub id: CustomerId,
    pub expected_version: Option<i64>,
    pub reason: AnonymisationReason,
}

/// What the audit trail says of it: never what it was before.
#[derive(Debug, Serialize)]
struct Anonymised<'a> {
    reason: &'a str,
    drafts: usize,
    orders: usize,
    emails: usize,
}

impl Command for AnonymiseCustomer {
    type Outcome = CustomerView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<CustomerView, Error> {
        // Whoever refers to the customer meanwhile waits for this, or is waited for: nothing is placed or invoiced unseen.
        let mut customer = repository::load(work, self.id, LockMode::Withdraw).await?;
        check_version(self.expected_version, customer.version())?;
        let now = work.now_after(customer.updated_at());
        let today = tenants::repository::look_at(work).await?.details().time_zone.date_of(now);
        let trade = repository::trade(work, self.id).await?;
        let address = customer.details().email.clone();
        let Some(event) = customer.anonymise(&trade, today, now)? else {
            return Ok(CustomerView::of(&customer));
        };
        customer.save(work).await?;
        let drafts = repository::forget_in_drafts(work, self.id).await?;
        let orders = repository::forget_in_orders(work, self.id).await?;
        // E-mails name an address alone: one that another customer has as well is not forgotten.
        let is_shared = repository::is_address_of_another(work, self.id, &address).await?;
        let emails = if is_shared { 0 } else { mail::forget(work, &address).await? };
        work.record(event).await?;
        let after = Anonymised { reason: self.reason.as_str(), drafts, orders, emails };
        work.audit(ANONYMISE, (Customer::NAME, self.id), None, Some(&after))?;
        Ok(CustomerView::of(&customer))
    }
}
