//! Warehouses as pages name and offer them.

use comptoir_core::application::{Permission, TenantDatabase};
use comptoir_core::commerce::warehouses::{self, WarehouseFilter, WarehouseView};
use uuid::Uuid;

use super::forms::Choice;
use super::lists::first;
use super::visitor::Visitor;
use crate::error::ApiError;

/// How many are offered. A company with more finds the others by their filters in the API.
const MOST: u8 = 200;

/// The warehouses of the company, by code.
#[derive(Debug)]
pub(crate) struct Places(Vec<WarehouseView>);

impl Places {
    /// # Errors
    /// Fails if the database cannot be reached.
    pub(crate) async fn of(visitor: &Visitor, database: &TenantDatabase) -> Result<Self, ApiError> {
        if !visitor.may(Permission::WarehousesRead) {
            return Ok(Self(Vec::new()));
        }
        let page =
            warehouses::list(database, &visitor.context, &WarehouseFilter::default(), &first(MOST)?).await?;
        Ok(Self(page.data))
    }

    /// The name of a warehouse; empty if it is not known.
    pub(crate) fn name(&self, id: Uuid) -> String {
        let found = self.0.iter().find(|warehouse| warehouse.id.uuid() == id);
        found.map(|warehouse| warehouse.name.clone()).unwrap_or_default()
    }

    pub(crate) fn code(&self, id: Uuid) -> String {
        let found = self.0.iter().find(|warehouse| warehouse.id.uuid() == id);
        found.map(|warehouse| warehouse.code.clone()).unwrap_or_default()
    }

    /// Whether there is more than one to choose from.
    pub(crate) fn are_several(&self) -> bool {
        self.0.len() > 1
    }

    /// Those in which goods can be.
    pub(crate) fn in_use(&self) -> impl Iterator<Item = &WarehouseView> {
        self.0.iter().filter(|warehouse| warehouse.archived_at.is_none())
    }

    /// Those in which goods can be moved. Without a choice it is the company's default.
    pub(crate) fn to_use(&self, chosen: &str) -> Vec<Choice> {
        let is_chosen = |warehouse: &WarehouseView| {
            if chosen.is_empty() { warehouse.is_default } else { warehouse.id.to_string() == chosen }
        };
        let choice = |warehouse: &WarehouseView| Choice {
            value: warehouse.id.to_string(),
            label: warehouse.name.clone(),
            is_chosen: is_chosen(warehouse),
        };
        self.in_use().map(choice).collect()
    }

    /// Those to which goods can be taken: none is chosen beforehand.
    pub(crate) fn to_choose(&self, nothing: impl ToString, chosen: &str) -> Vec<Choice> {
        let rest =
            self.in_use().map(|warehouse| Choice::new(warehouse.id.to_string(), &warehouse.name, chosen));
        std::iter::once(Choice::new("", nothing, chosen)).chain(rest).collect()
    }

    /// All of them, for a filter.
    pub(crate) fn to_filter(&self, all: impl ToString, chosen: &str) -> Vec<Choice> {
        let rest =
            self.0.iter().map(|warehouse| Choice::new(warehouse.id.to_string(), &warehouse.name, chosen));
        std::iter::once(Choice::new("", all, chosen)).chain(rest).collect()
    }
}
