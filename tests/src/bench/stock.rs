//! How many orders can reserve the same goods, and how many different ones: orders of one line against pgbench, which sends the same
//! statements. Whoever orders a product waits for whoever ordered it just before, from the lock of its level to the commit. Receipts of
//! one product wait in the same way.

use anyhow::Result;

use crate::harness::Services;

use super::orders::{PRODUCTS, compared, posted, seeded};
use super::pgbench::ONE_LINE;
use super::report::{Claim, Measurement, Series, Wanted};
use super::{Effort, progress};

const RECEIPT: &str =
    r#"{"lines":[{"product_id":"01900000-0000-7000-9000-000000000001","quantity":"1","unit_cost":"7.25"}]}"#;

pub(super) async fn measure(services: &Services, effort: Effort) -> Result<Vec<Measurement>> {
    let mut measurements = Vec::new();
    for (of, products) in [("one product", 1), ("1,000 products", PRODUCTS)] {
        let [floor, program] =
            compared(&format!("stock, {of}"), ONE_LINE, products, services, effort).await?;
        let what = format!("stock: orders of {of}, POST /orders / pgbench");
        let claim = Claim::ratio(what, &program, &floor, Wanted::Nothing);
        let title = format!("orders of one line, of {of}, 16 connections");
        measurements.push(Measurement::new(title, "orders/s").series([floor, program]).claims([claim]));
    }
    measurements.push(receipts(services, effort).await?);
    Ok(measurements)
}

async fn receipts(services: &Services, effort: Effort) -> Result<Measurement> {
    let mut program = Series::new("POST /api/v1/stock-receipts");
    for round in effort.rounds() {
        progress(format!("stock, receipts, round {round}"));
        let world = seeded(services).await?;
        let body = |_| RECEIPT.to_owned();
        program.push(posted(&world, "/api/v1/stock-receipts", effort.pick(4, 10), body).await?);
    }
    Ok(Measurement::new("receipts of one line, of one product, 16 connections", "receipts/s")
        .series([program]))
}
