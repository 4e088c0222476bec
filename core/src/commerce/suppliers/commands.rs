//! The commands on suppliers.

use super::aggregate::{Supplier, SupplierDetails};
use super::queries::SupplierView;
use super::repository;
use crate::application::Edit;
use crate::application::aggregate::{LockMode, change, create, delete};
use crate::application::error::Error;
use crate::application::unit_of_work::{Command, UnitOfWork};
use crate::values::ids::SupplierId;

#[derive(Debug)]
pub struct CreateSupplier {
    pub details: SupplierDetails,
}

impl Command for CreateSupplier {
    type Outcome = SupplierView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<SupplierView, Error> {
        let created = Supplier::create(SupplierId::generate(), self.details.clone(), work.now());
        create(work, "supplier.create", created, SupplierView::of).await
    }
}

#[derive(Debug)]
pub struct UpdateSupplier {
    pub id: SupplierId,
    pub expected_version: Option<i64>,
    pub edit: Edit<SupplierView, SupplierDetails>,
}

impl Command for UpdateSupplier {
    type Outcome = SupplierView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<SupplierView, Error> {
        let supplier = repository::load(work, self.id, LockMode::Change).await?;
        let decide = |supplier: &mut Supplier, now| {
            let details = self.edit.apply(&SupplierView::of(supplier))?;
            Ok::<_, Error>(supplier.update(details, now))
        };
        let supplier = change(work, "supplier.update", supplier, self.expected_version, decide).await?;
        Ok(SupplierView::of(&supplier))
    }
}

#[derive(Debug)]
pub struct DeleteSupplier {
    pub id: SupplierId,
    pub expected_version: Option<i64>,
}

impl Command for DeleteSupplier {
    type Outcome = ();

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<(), Error> {
        let supplier = repository::load(work, self.id, LockMode::Withdraw).await?;
        delete(work, "supplier.delete", supplier, self.expected_version, |supplier, now| {
            Ok::<_, Error>(supplier.delete(now))
        })
        .await
    }
}
