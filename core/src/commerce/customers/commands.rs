//! The commands on customers.

use std::sync::Arc;

use super::aggregate::{Customer, CustomerDetails};
use super::queries::{CustomerView, sees_credit_limits};
use super::repository;
use crate::application::aggregate::{LockMode, change, create, delete};
use crate::application::error::Error;
use crate::application::unit_of_work::{Command, UnitOfWork};
use crate::application::{Actor, Edit, Permission, Principal};
use crate::values::ids::CustomerId;

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
