//! The commands on groups of customers.

use super::aggregate::{CustomerGroup, CustomerGroupDetails};
use super::queries::CustomerGroupView;
use super::repository;
use crate::application::Edit;
use crate::application::aggregate::{LockMode, change, create, delete};
use crate::application::error::Error;
use crate::application::unit_of_work::{Command, UnitOfWork};
use crate::values::ids::CustomerGroupId;

#[derive(Debug)]
pub struct CreateCustomerGroup {
    pub details: CustomerGroupDetails,
}

impl Command for CreateCustomerGroup {
    type Outcome = CustomerGroupView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<CustomerGroupView, Error> {
        let created = CustomerGroup::create(CustomerGroupId::generate(), self.details.clone(), work.now());
        create(work, "customer_group.create", created, CustomerGroupView::of).await
    }
}

#[derive(Debug)]
pub struct UpdateCustomerGroup {
    pub id: CustomerGroupId,
    pub expected_version: Option<i64>,
    pub edit: Edit<CustomerGroupView, CustomerGroupDetails>,
}

impl Command for UpdateCustomerGroup {
    type Outcome = CustomerGroupView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<CustomerGroupView, Error> {
        let group = repository::load(work, self.id, LockMode::Change).await?;
        let decide = |group: &mut CustomerGroup, now| {
            let details = self.edit.apply(&CustomerGroupView::of(group))?;
            Ok::<_, Error>(group.update(details, now))
        };
        let group = change(work, "customer_group.update", group, self.expected_version, decide).await?;
        Ok(CustomerGroupView::of(&group))
    }
}

#[derive(Debug)]
pub struct DeleteCustomerGroup {
    pub id: CustomerGroupId,
    pub expected_version: Option<i64>,
}

impl Command for DeleteCustomerGroup {
    type Outcome = ();

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<(), Error> {
        let group = repository::load(work, self.id, LockMode::Withdraw).await?;
        delete(work, "customer_group.delete", group, self.expected_version, |group, now| {
            Ok::<_, Error>(group.delete(now))
        })
        .await
    }
}
