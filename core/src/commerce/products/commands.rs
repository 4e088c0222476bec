//! What can be asked of products.

use super::aggregate::{Product, ProductDetails, ProductError};
use super::events::ProductEvent;
use super::queries::ProductView;
use super::repository;
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
        let (product, event) = Product::create(ProductId::generate(), self.details.clone(), work.now());
        repository::insert(work, &product).await?;
        work.record(event).await?;
        let view = ProductView::of(&product);
        work.audit("product.create", ("product", view.id), None, Some(&view))?;
        Ok(view)
    }
}

#[derive(Debug)]
pub struct UpdateProduct {
    pub id: ProductId,
    pub expected_version: Option<i64>,
    pub details: ProductDetails,
}

impl Command for UpdateProduct {
    type Outcome = ProductView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<ProductView, Error> {
        let mut product = repository::load(work, self.id).await?.ok_or(ProductError::NotFound(self.id))?;
        check_version(self.expected_version, product.version())?;
        let now = work.now_after(product.updated_at());
        let before = ProductView::of(&product);
        let Some(event) = product.update(self.details.clone(), now)? else { return Ok(before) };
        repository::update(work, &product).await?;
        work.record(event).await?;
        let after = ProductView::of(&product);
        work.audit("product.update", ("product", self.id), Some(&before), Some(&after))?;
        Ok(after)
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
        let mut product =
            repository::load_for_withdrawal(work, self.id).await?.ok_or(ProductError::NotFound(self.id))?;
        check_version(self.expected_version, product.version())?;
        let now = work.now_after(product.updated_at());
        let before = ProductView::of(&product);
        let event = product.archive(now)?;
        repository::update(work, &product).await?;
        work.record(event).await?;
        let after = ProductView::of(&product);
        work.audit("product.archive", ("product", self.id), Some(&before), Some(&after))?;
        Ok(after)
    }
}

/// Deletes a product that was never ordered, archives one that was.
#[derive(Debug)]
pub struct RemoveProduct {
    pub id: ProductId,
    pub expected_version: Option<i64>,
}

impl Command for RemoveProduct {
    type Outcome = ();

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<(), Error> {
        let mut product =
            repository::load_for_withdrawal(work, self.id).await?.ok_or(ProductError::NotFound(self.id))?;
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
                repository::update(work, &product).await?;
                Some(ProductView::of(&product))
            }
        };
        work.record(event).await?;
        let action = if after.is_some() { "product.archive" } else { "product.delete" };
        work.audit(action, ("product", self.id), Some(&before), after.as_ref())
    }
}
