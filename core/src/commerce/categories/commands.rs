//! The commands on categories. Each holds the lock of the company's tree, so that nothing else moves in it meanwhile.

use super::aggregate::{Category, CategoryDetails};
use super::queries::CategoryView;
use super::repository;
use crate::application::Edit;
use crate::application::aggregate::{LockMode, change, create, delete};
use crate::application::error::Error;
use crate::application::unit_of_work::{Command, UnitOfWork};
use crate::values::ids::CategoryId;

#[derive(Debug)]
pub struct CreateCategory {
    pub details: CategoryDetails,
}

impl Command for CreateCategory {
    type Outcome = CategoryView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<CategoryView, Error> {
        repository::lock_tree(work).await?;
        let id = CategoryId::generate();
        let place = repository::place(work, id, self.details.parent_id).await?;
        let created = Category::create(id, self.details.clone(), &place, work.now())?;
        create(work, "category.create", created, CategoryView::of).await
    }
}

#[derive(Debug)]
pub struct UpdateCategory {
    pub id: CategoryId,
    pub expected_version: Option<i64>,
    pub edit: Edit<CategoryView, CategoryDetails>,
}

impl Command for UpdateCategory {
    type Outcome = CategoryView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<CategoryView, Error> {
        repository::lock_tree(work).await?;
        let category = repository::load(work, self.id, LockMode::Change).await?;
        // What is wrong with the edit is said below, after its version.
        let wanted = self.edit.apply(&CategoryView::of(&category)).ok();
        let parent = wanted.and_then(|details| details.parent_id);
        let place = repository::place(work, self.id, parent).await?;
        let decide = |category: &mut Category, now| {
            let details = self.edit.apply(&CategoryView::of(category))?;
            Ok::<_, Error>(category.update(details, &place, now)?)
        };
        let category = change(work, "category.update", category, self.expected_version, decide).await?;
        Ok(CategoryView::of(&category))
    }
}

#[derive(Debug)]
pub struct DeleteCategory {
    pub id: CategoryId,
    pub expected_version: Option<i64>,
}

impl Command for DeleteCategory {
    type Outcome = ();

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<(), Error> {
        repository::lock_tree(work).await?;
        let category = repository::load(work, self.id, LockMode::Withdraw).await?;
        let in_use = repository::is_in_use(work, self.id).await?;
        delete(work, "category.delete", category, self.expected_version, |category, now| {
            category.delete(in_use, now)
        })
        .await
    }
}
