//! Whether the stock of a company into which a file was loaded, and nothing else, is what its ledger and the file say.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use bigdecimal::BigDecimal;
use serde_json::Value;
use tokio_postgres::Client;

use super::Expected;
use crate::harness::World;

/// The most differences that are kept with their message.
const COMPLAINTS_AT_MOST: usize = 100;

/// What was compared, and what is wrong.
#[derive(Debug, Default)]
pub struct StockFindings {
    pub levels: i64,
    pub movements: i64,
    /// Products whose stock was compared with the file; none if the file is too large for it.
    pub compared: usize,
    /// What is wrong; at most 100.
    pub complaints: Vec<String>,
}

impl StockFindings {
    /// Compares, with `api stock verify` and with the rows of the file. `refused` is the loader's list of refused rows.
    ///
    /// # Errors
    /// Fails if the program, the database or a file cannot be used.
    pub async fn of(world: &World, orders: &Path, refused: &Path) -> Result<Self> {
        let mut findings = Self::default();
        findings.verify(world).await?;
        let (sql, tenant) = (world.sql().await?, world.tenant().await?.id.to_string());
        findings.look_for_impossible(&sql, &tenant).await?;
        let (orders, refused) = (orders.to_path_buf(), refused.to_path_buf());
        let expected = tokio::task::spawn_blocking(move || Expected::of(&orders, &refused)).await??;
        if let Some(expected) = expected {
            findings.compare(&expected, &on_hand(&sql, &tenant).await?);
        }
        Ok(findings)
    }

    pub fn is_sound(&self) -> bool {
        self.complaints.is_empty()
    }

    fn complain(&mut self, complaint: String) {
        if self.complaints.len() < COMPLAINTS_AT_MOST {
            self.complaints.push(complaint);
        }
    }

    /// Compares the levels with the ledger, and what is reserved with the open orders.
    async fn verify(&mut self, world: &World) -> Result<()> {
        let exit = world.run_api(&["stock", "verify", "--json"]).await?;
        ensure!(matches!(exit.code, Some(0 | 1)), "api stock verify: {exit:?}");
        let report: Value = serde_json::from_str(&exit.stdout).context("api stock verify --json")?;
        self.levels = report["levels"].as_i64().unwrap_or_default();
        self.movements = report["movements"].as_i64().unwrap_or_default();
        if exit.code != Some(0) || report["holds"] != true {
            let differences = report["tenants"][0]["differences"].as_array().cloned().unwrap_or_default();
            self.complain("the stock is not what the ledger and the open orders say".to_owned());
            differences.iter().for_each(|difference| self.complain(difference.to_string()));
        }
        Ok(())
    }

    /// Looks for what can never be, whatever the ledger adds up to.
    async fn look_for_impossible(&mut self, sql: &Client, tenant: &str) -> Result<()> {
        for (what, query) in [
            (
                "movements after which less than nothing is on hand or reserved",
                "SELECT count(*) FROM stock_movements
                 WHERE tenant_id = $1::text::uuid AND (on_hand < 0 OR reserved < 0)",
            ),
            (
                "levels with goods reserved or waited for, without an open order",
                "SELECT count(*) FROM stock_levels AS level
                 WHERE level.tenant_id = $1::text::uuid AND (level.reserved <> 0 OR level.waiting <> 0) AND NOT EXISTS (
                    SELECT FROM stock_reservations AS held
                    JOIN orders ON orders.tenant_id = held.tenant_id AND orders.id = held.order_id
                    WHERE held.tenant_id = level.tenant_id AND held.warehouse_id = level.warehouse_id
                        AND held.product_id = level.product_id AND orders.status IN ('pending', 'confirmed'))",
            ),
        ] {
            let count: i64 = sql.query_one(query, &[&tenant]).await?.get(0);
            if count > 0 {
                self.complain(format!("{count} {what}"));
            }
        }
        Ok(())
    }

    fn compare(&mut self, expected: &Expected, on_hand: &BTreeMap<String, BigDecimal>) {
        self.compared = expected.on_hand.len();
        for (sku, wanted) in &expected.on_hand {
            match on_hand.get(sku) {
                Some(there) if there == wanted => {}
                // It may be that the API refused the product.
                None if !expected.touched.contains(sku) => {}
                there => {
                    let there = there.map_or("nothing is kept".to_owned(), |there| {
                        format!("{} is on hand", there.normalized().to_plain_string())
                    });
                    let wanted = wanted.normalized().to_plain_string();
                    self.complain(format!("{sku}: {there}, by the file {wanted}"));
                }
            }
        }
        for sku in on_hand.keys().filter(|sku| !expected.on_hand.contains_key(*sku)) {
            self.complain(format!("{sku} is kept in stock, and the file does not sell it from stock"));
        }
        for (what, wanted, there) in [
            ("were not sold before", expected.without_sale, expected.refused_without_sale),
            ("are not there", expected.not_there, expected.refused_not_there),
        ] {
            if wanted != there {
                self.complain(format!("{there} rows are refused because goods {what}, by the file {wanted}"));
            }
        }
    }
}

/// Returns what is on hand of each product with a level, in all warehouses.
async fn on_hand(sql: &Client, tenant: &str) -> Result<BTreeMap<String, BigDecimal>> {
    let query = "SELECT products.sku, sum(level.on_hand)::text FROM stock_levels AS level
                 JOIN products ON products.tenant_id = level.tenant_id AND products.id = level.product_id
                 WHERE level.tenant_id = $1::text::uuid GROUP BY products.sku";
    let mut on_hand = BTreeMap::new();
    for row in sql.query(query, &[&tenant]).await? {
        let amount: &str = row.get(1);
        on_hand.insert(row.get(0), amount.parse().with_context(|| format!("{amount:?} is no amount"))?);
    }
    Ok(on_hand)
}
