//! The command that takes goods back.

use std::collections::BTreeSet;

use super::aggregate::{NewReturn, Return, ReturnError, ReturnReason, ReturnReference};
use super::queries::ReturnView;
use super::repository;
use crate::application::aggregate::Aggregate;
use crate::application::error::{Error, check_version};
use crate::application::unit_of_work::{Command, UnitOfWork};
use crate::commerce::credit::{self, Reopens};
use crate::commerce::orders::queue::{self, Waiting};
use crate::commerce::orders::{self, LinePart, Order, OrderError, ReturnedPart};
use crate::commerce::stock;
use crate::values::business_date::BusinessDate;
use crate::values::ids::{OrderId, ProductId, ReturnId};

/// Goods of an order come back. What can be sold again is given to orders that wait for it; what cannot is written off.
#[derive(Debug)]
pub struct ReceiveReturn {
    pub order_id: OrderId,
    /// Of the order.
    pub expected_version: Option<i64>,
    pub reference: Option<ReturnReference>,
    pub reason: ReturnReason,
    /// When they came; `None` stands for today.
    pub received_on: Option<BusinessDate>,
    pub lines: Vec<ReturnedPart>,
}

impl Command for ReceiveReturn {
    type Outcome = ReturnView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<ReturnView, Error> {
        Return::check_line_count(self.lines.len())?;
        // Read without locks, to lock the order together with those that wait for its goods.
        let seen = orders::repository::look(work, self.order_id).await?;
        let mut locked = self.lock(work, &seen).await?;
        let Some(order) = locked.order_mut(self.order_id) else {
            return Err(OrderError::NotFound(self.order_id).into());
        };
        check_version(self.expected_version, order.version())?;
        let parts: Vec<LinePart> = self.lines.iter().map(|returned| returned.part.clone()).collect();
        orders::check_decimals(work, order, &parts).await?;
        let places = order.places();
        // It was amended since, and other orders wait for its goods.
        if places != seen.places() {
            return Err(Error::Overtaken);
        }
        let mut levels = stock::repository::lock(work, &places).await?;

        let now = work.now_after(order.updated_at());
        let received_on = self.received_on.unwrap_or_else(|| BusinessDate::of(now));
        received_on.check(now).map_err(ReturnError::ReceivedOn)?;
        let id = ReturnId::generate();
        let returned = order.take_back(&self.lines, id, received_on, &mut levels, now)?;
        let new = NewReturn {
            reference: self.reference.clone(),
            reason: self.reason.clone(),
            received_on,
            created_by: work.context().principal.name.clone(),
        };
        let (received, event) = Return::receive(id, order, &self.lines, new, now);
        order.save(work).await?;
        orders::repository::write_progress(work, order).await?;
        credit::repository::count_to_invoice(work, &[self.order_id], &[], Reopens::No).await?;
        repository::insert(work, &received).await?;
        work.record(event).await?;
        orders::repository::keep_step(work, &returned).await?;
        work.record(returned).await?;
        let served = locked.serve(&mut levels, work);
        queue::save(work, served).await?;
        levels.save(work).await?;
        let view = ReturnView::of(&received);
        work.audit("return.receive", ("return", id), None, Some(&view))?;
        Ok(view)
    }
}

impl ReceiveReturn {
    /// Locks the order, together with the orders that wait for what comes back.
    async fn lock(&self, work: &mut UnitOfWork<'_>, seen: &Order) -> Result<Waiting, Error> {
        let comes = |part: &&ReturnedPart| part.restocked;
        let product = |part: &ReturnedPart| {
            seen.line(part.part.position).filter(|line| line.stocked).map(|line| line.product_id)
        };
        let products: BTreeSet<ProductId> = self.lines.iter().filter(comes).filter_map(product).collect();
        let products: Vec<ProductId> = products.into_iter().collect();
        queue::lock_with_waiting(work, self.order_id, seen.warehouse_id(), &products).await
    }
}
