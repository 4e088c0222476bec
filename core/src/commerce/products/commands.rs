//! The commands on products.

use super::aggregate::{Product, ProductDetails, ProductError};
use super::events::ProductEvent;
use super::queries::ProductView;
use super::repository;
use crate::application::Edit;
use crate::application::aggregate::{Aggregate, LockMode, change, create};
use crate::application::error::{Error, check_version};
use crate::application::unit_of_work::{Command, UnitOfWork};
use crate::commerce::categories;
use crate::values::ids::{CategoryId, ProductId};

/// Refuses a category that does not exist; keeps one that does from being deleted until the unit of work ends.
async fn hold_category(work: &mut UnitOfWork<'_>, id: Option<CategoryId>) -> Result<(), Error> {
    match id {
        Some(id) if !categories::repository::hold(work, id).await? => {
            Err(ProductError::CategoryUnknown(id).into())
        }
        _ => Ok(()),
    }
}

#[derive(Debug)]
pub struct CreateProduct {
    pub details: ProductDetails,
}

impl Command for CreateProduct {
    type Outcome = ProductView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<ProductView, Error> {
        hold_category(work, self.details.category_id).await?;
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
        // The category is locked before the product. An edit that names one names the same, whatever the product is like; the
        // product's own cannot be deleted while it is in it.
        let planned = self.planned(work).await?;
        let named = planned.category;
        let held = hold_category(work, named).await;
        // Whoever is about to receive or to order the product has read that it is kept in stock: they are waited for.
        let lock = if planned.ends_stock { LockMode::Withdraw } else { LockMode::Change };
        let product = repository::load(work, self.id, lock).await?;
        let decide = |product: &mut Product, now| {
            let details = self.edit.apply(&ProductView::of(product))?;
            if ends_stock(product, &details) && !planned.ends_stock {
                return Err(Error::Overtaken);
            }
            let (actual, before, after) =
                (product.version(), product.details().category_id, details.category_id);
            let changed = product.update(details, now)?;
            if after != before {
                // The edit was refused for what the product was, and is none the less possible now.
                if after.is_some() && after != named {
                    return Err(Error::VersionMismatch { actual });
                }
                held?;
            }
            Ok::<_, Error>(changed)
        };
        let product = change(work, "product.update", product, self.expected_version, decide).await?;
        Ok(ProductView::of(&product))
    }
}

/// What an edit would make of the product as it is before it is locked.
#[derive(Debug, Clone, Copy, Default)]
struct Planned {
    category: Option<CategoryId>,
    ends_stock: bool,
}

fn ends_stock(product: &Product, details: &ProductDetails) -> bool {
    product.details().stocked && !details.stocked
}

impl UpdateProduct {
    async fn planned(&self, work: &mut UnitOfWork<'_>) -> Result<Planned, Error> {
        let product = repository::look_at(work, self.id).await?;
        // What is wrong with the edit is said once the product is locked.
        let Ok(details) = self.edit.apply(&ProductView::of(&product)) else { return Ok(Planned::default()) };
        Ok(Planned { category: details.category_id, ends_stock: ends_stock(&product, &details) })
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
