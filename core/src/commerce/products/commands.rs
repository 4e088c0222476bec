//! The commands on products.

use super::aggregate::{Product, ProductDetails};
use super::events::ProductEvent;
use super::queries::ProductView;
use super::repository;
use crate::application::Edit;
use crate::application::aggregate::{Aggregate, LockMode, change, create};
use crate::application::error::{Error, check_version};
use crate::application::unit_of_work::{Command, UnitOfWork};
use crate::values::ids::ProductId;

#[derive(Debug)]
pub struct CreateProduct {
    pub details: ProductDetails,
}

impl Command for CreateProduct {
    type Outcome = ProductView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<ProductView, Error> {
        let created = Product::create(ProductId::generate(), self.details.clone(), work.now());
        create(work, "product.create", created, ProductView::of).await
    }
}

#[derive(Debug)]
pub struct UpdateProduct {
    pub id: ProductId,
    pub expected_version: Option<i64>,
    pub edit: Edit<ProductView, ProductDetails>,
}

impl Command for UpdateProduct {
    type Outcome = ProductView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<ProductView, Error> {
        let product = repository::load(work, self.id, LockMode::Change).await?;
        let decide = |product: &mut Product, now| {
            let details = self.edit.apply(&ProductView::of(product))?;
            Ok::<_, Error>(product.update(details, now)?)
        };
        let product = change(work, "product.update", product, self.expected_version, decide).await?;
        Ok(ProductView::of(&product))
    }
}

#[derive(Debug)]
pub struct ArchiveProduct {
    pub id: ProductId,
    pub expected_version: Option<i64>,
}

impl Command for ArchiveProduct {
    type Outcome = ProductView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<ProductView, Error> {
        let product = repository::load(work, self.id, LockMode::Withdraw).await?;
        let decide = |product: &mut Product, now| product.archive(now).map(Some);
        let product = change(work, "product.archive", product, self.expected_version, decide).await?;
        Ok(ProductView::of(&product))
    }
}

/// Deletes a product that was never ordered; archives a product that was ordered.
#[derive(Debug)]
pub struct DeleteOrArchiveProduct {
    pub id: ProductId,
    pub expected_version: Option<i64>,
}

impl Command for DeleteOrArchiveProduct {
    type Outcome = ();

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<(), Error> {
        let mut product = repository::load(work, self.id, LockMode::Withdraw).await?;
        check_version(self.expected_version, product.version())?;
        let now = work.now_after(product.updated_at());
        let before = ProductView::of(&product);
        let event = product.remove(now)?;
        let after = match &event {
            ProductEvent::Deleted(_) => {
                repository::delete(work, self.id).await?;
                None
            }
            _ => {
                product.save(work).await?;
                Some(ProductView::of(&product))
            }
        };
        work.record(event).await?;
        let action = if after.is_some() { "product.archive" } else { "product.delete" };
        work.audit(action, ("product", self.id), Some(&before), after.as_ref())
    }
}
