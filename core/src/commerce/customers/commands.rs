//! What can be asked of customers.

use super::aggregate::{Customer, CustomerDetails, CustomerError};
use super::queries::CustomerView;
use super::repository;
use crate::application::error::{Error, check_version};
use crate::application::unit_of_work::{Command, UnitOfWork};
use crate::values::ids::CustomerId;

#[derive(Debug)]
pub struct CreateCustomer {
    pub details: CustomerDetails,
}

impl Command for CreateCustomer {
    type Outcome = CustomerView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<CustomerView, Error> {
        let (customer, event) = Customer::create(CustomerId::generate(), self.details.clone(), work.now());
        repository::insert(work, &customer).await?;
        work.record(event).await?;
        let view = CustomerView::of(&customer);
        work.audit("customer.create", ("customer", view.id), None, Some(&view))?;
        Ok(view)
    }
}

#[derive(Debug)]
pub struct UpdateCustomer {
    pub id: CustomerId,
    pub expected_version: Option<i64>,
    pub details: CustomerDetails,
}

impl Command for UpdateCustomer {
    type Outcome = CustomerView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<CustomerView, Error> {
        let mut customer = repository::load(work, self.id).await?.ok_or(CustomerError::NotFound(self.id))?;
        check_version(self.expected_version, customer.version())?;
        let now = work.now_after(customer.updated_at());
        let before = CustomerView::of(&customer);
        let Some(event) = customer.update(self.details.clone(), now) else { return Ok(before) };
        repository::update(work, &customer).await?;
        work.record(event).await?;
        let after = CustomerView::of(&customer);
        work.audit("customer.update", ("customer", self.id), Some(&before), Some(&after))?;
        Ok(after)
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
        let customer =
            repository::load_for_deletion(work, self.id).await?.ok_or(CustomerError::NotFound(self.id))?;
        check_version(self.expected_version, customer.version())?;
        let has_orders = repository::has_orders(work, self.id).await?;
        let now = work.now_after(customer.updated_at());
        let before = CustomerView::of(&customer);
        let event = customer.delete(has_orders, now)?;
        repository::delete(work, self.id).await?;
        work.record(event).await?;
        work.audit("customer.delete", ("customer", self.id), Some(&before), None)
    }
}
