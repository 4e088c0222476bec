//! The commands on stock that move nothing.

use super::aggregate::{ReorderRule, StockError};
use super::queries::StockView;
use super::repository;
use crate::application::error::{Error, check_version};
use crate::application::unit_of_work::{Command, UnitOfWork};
use crate::commerce::{products, warehouses};
use crate::values::ids::StockId;

/// Says when to order more of a product for a warehouse, or ends it.
#[derive(Debug)]
pub struct SetReorderRule {
    pub id: StockId,
    pub expected_version: Option<i64>,
    pub rule: Option<ReorderRule>,
}

impl Command for SetReorderRule {
    type Outcome = StockView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<StockView, Error> {
        // Held before the level is locked: no warehouse is archived, which ends the rules of its levels, while one gets a rule.
        let is_open = match &self.rule {
            Some(_) => {
                let warehouse = repository::warehouse_of(work, self.id).await?;
                warehouses::repository::hold_open(work, warehouse).await?
            }
            None => true,
        };
        let (mut levels, (warehouse, product)) = repository::load(work, self.id).await?;
        let level = levels.get_mut(warehouse, product).ok_or(StockError::NotFound(self.id))?;
        check_version(self.expected_version, level.version())?;
        // Whoever archives the product, or keeps it in stock no more, locks the level after, and ends its rule.
        if self.rule.is_some() && !(is_open && products::repository::is_kept(work, product).await?) {
            return Err(StockError::NoLongerOrdered { product }.into());
        }
        if let Some(rule) = &self.rule
            && let Some(measure) = products::repository::measures(work, &[product]).await?.get(&product)
        {
            rule.check_decimals(measure)?;
        }
        let before = StockView::of(level);
        level.set_reorder(self.rule.clone());
        if !level.is_changed() {
            return Ok(before.seen_by(&work.context().principal));
        }
        let after = levels.save(work).await?;
        let after = after.get(warehouse, product).map_or_else(|| before.clone(), StockView::of);
        work.audit("stock.set_reorder_rule", ("stock", self.id), Some(&before), Some(&after))?;
        Ok(after.seen_by(&work.context().principal))
    }
}

/// Tells of levels what was not told yet, because they change so often. Returns how many were told.
#[derive(Debug)]
pub struct TellLevels {
    pub ids: Vec<StockId>,
}

impl Command for TellLevels {
    type Outcome = usize;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<usize, Error> {
        repository::tell(work, &self.ids).await
    }
}
