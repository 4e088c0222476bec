//! Whether the invoices of a company into which a file was loaded, and nothing else, are what their chains, what left and the file say.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use bigdecimal::{BigDecimal, Zero};
use chrono::NaiveDate;
use serde_json::Value;
use tokio_postgres::Client;

use super::expected_invoices::{Due, ExpectedInvoices, Sums};
use crate::harness::World;

/// The most differences that are kept with their message.
const COMPLAINTS_AT_MOST: usize = 100;

/// What documents of one kind come to, and what became of it.
#[derive(Debug, Default)]
pub struct Documents {
    pub sums: Sums,
    pub paid: BigDecimal,
    pub credited: BigDecimal,
    pub open: BigDecimal,
}

/// What was compared, and what is wrong.
#[derive(Debug, Default)]
pub struct InvoiceFindings {
    /// The links of all chains.
    pub links: i64,
    /// The last number of each series and year, such as `FA-2026`.
    pub numbers: BTreeMap<String, i64>,
    pub invoices: Documents,
    pub credit_notes: Documents,
    pub payments: i64,
    /// Units that are invoiced, credited ones too.
    pub quantity: BigDecimal,
    /// The documents that were compared with the file; none if it is too large for it.
    pub compared: u64,
    /// The VAT that is due by the file; `None` if it is too large.
    pub due: Option<Due>,
    /// What is wrong; at most 100.
    pub complaints: Vec<String>,
}

impl InvoiceFindings {
    /// Compares, with `api invoices verify` and with the rows of the file. `refused` is the loader's list of refused rows, `rate` the VAT of every product, and
    /// `today` the day on which they were loaded, in UTC.
    ///
    /// # Errors
    /// Fails if the program, the database or a file cannot be used.
    pub async fn of(
        world: &World,
        orders: &Path,
        refused: &Path,
        rate: &str,
        today: NaiveDate,
    ) -> Result<Self> {
        let mut findings = Self::default();
        findings.verify(world).await?;
        let (sql, tenant) = (world.sql().await?, world.tenant().await?.id.to_string());
        findings.look_at_numbers(&sql, &tenant).await?;
        findings.invoices = documents(&sql, &tenant, "invoice").await?;
        findings.credit_notes = documents(&sql, &tenant, "credit_note").await?;
        let count = "SELECT count(*) FROM payments WHERE tenant_id = $1::text::uuid";
        findings.payments = sql.query_one(count, &[&tenant]).await?.get(0);
        findings.compare_amounts();
        findings.compare_quantities(&sql, &tenant).await?;
        let (orders, refused, rate) = (orders.to_path_buf(), refused.to_path_buf(), rate.to_owned());
        let expected =
            tokio::task::spawn_blocking(move || ExpectedInvoices::of(&orders, &refused, &rate, today))
                .await??;
        if let Some(expected) = expected {
            findings.compare(&expected);
            findings.due = Some(expected.due);
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

    async fn verify(&mut self, world: &World) -> Result<()> {
        let exit = world.run_api(&["invoices", "verify", "--json"]).await?;
        ensure!(matches!(exit.code, Some(0 | 1)), "api invoices verify: {exit:?}");
        let report: Value = serde_json::from_str(&exit.stdout).context("api invoices verify --json")?;
        self.links = report["links"].as_i64().unwrap_or_default();
        let broken = report["broken"].as_array().cloned().unwrap_or_default();
        broken.iter().for_each(|one| self.complain(format!("api invoices verify: {one}")));
        if exit.code != Some(0) && broken.is_empty() {
            self.complain(format!("api invoices verify: {}", exit.stderr.trim()));
        }
        Ok(())
    }

    /// Numbers are 1 to the last one, and dates go up with them.
    async fn look_at_numbers(&mut self, sql: &Client, tenant: &str) -> Result<()> {
        let query = "SELECT series || '-' || year, count(DISTINCT position), min(position), max(position)
            FROM invoice_contents WHERE tenant_id = $1::text::uuid GROUP BY series, year";
        for row in sql.query(query, &[&tenant]).await? {
            let (series, count): (String, i64) = (row.get(0), row.get(1));
            let (first, last): (i64, i64) = (row.get(2), row.get(3));
            if (count, first) != (last, 1) {
                self.complain(format!("{series} has {count} numbers from {first} to {last}"));
            }
            self.numbers.insert(series, last);
        }
        let query = "SELECT count(*) FROM (
                SELECT issue_date < lag(issue_date) OVER (PARTITION BY series ORDER BY year, position) AS is_back
                FROM invoice_contents WHERE tenant_id = $1::text::uuid
            ) AS dates WHERE is_back";
        let back: i64 = sql.query_one(query, &[&tenant]).await?.get(0);
        if back > 0 {
            self.complain(format!("{back} invoices are dated before the one in front of them"));
        }
        let query = "SELECT count(*) FROM invoices WHERE tenant_id = $1::text::uuid AND number IS NULL";
        let drafts: i64 = sql.query_one(query, &[&tenant]).await?.get(0);
        if drafts > 0 {
            self.complain(format!("{drafts} drafts are left without a number"));
        }
        Ok(())
    }

    /// What is invoiced is paid, credited or open.
    fn compare_amounts(&mut self) {
        let Documents { sums, paid, credited, open } = &self.invoices;
        if sums.gross != paid + credited + open {
            let complaint = format!(
                "{} is invoiced, and {paid} paid, {credited} credited and {open} open",
                plain(&sums.gross)
            );
            self.complain(complaint);
        }
    }

    /// What is invoiced of an order is what has left of it. That all orders are invoiced is compared with the file.
    async fn compare_quantities(&mut self, sql: &Client, tenant: &str) -> Result<()> {
        let query = "SELECT count(*) FROM (
                SELECT order_id, position, shipped FROM order_lines
                WHERE tenant_id = $1::text::uuid AND shipped <> 0::numeric AND order_id IN (
                    SELECT order_id FROM invoice_lines WHERE tenant_id = $1::text::uuid AND order_id IS NOT NULL)
                EXCEPT
                SELECT line.order_id, line.order_position, sum(line.quantity) FROM invoice_lines AS line
                JOIN invoices AS i ON i.tenant_id = line.tenant_id AND i.id = line.invoice_id AND i.kind = 'invoice'
                WHERE line.tenant_id = $1::text::uuid GROUP BY line.order_id, line.order_position
            ) AS missing";
        let missing: i64 = sql.query_one(query, &[&tenant]).await?.get(0);
        if missing > 0 {
            self.complain(format!(
                "of {missing} lines of orders, another quantity has left than is invoiced"
            ));
        }
        let query = "SELECT COALESCE(sum(line.quantity), 0::numeric)::text FROM invoice_lines AS line
            JOIN invoices AS i ON i.tenant_id = line.tenant_id AND i.id = line.invoice_id AND i.kind = 'invoice'
            WHERE line.tenant_id = $1::text::uuid AND NOT line.deposit";
        self.quantity = amount(sql.query_one(query, &[&tenant]).await?.get(0))?;
        Ok(())
    }

    fn compare(&mut self, expected: &ExpectedInvoices) {
        self.compared = expected.invoices.documents + expected.credit_notes.documents;
        let mut complaints = Vec::new();
        if expected.quantity != self.quantity {
            let (wanted, there) = (expected.quantity.normalized(), self.quantity.normalized());
            let (wanted, there) = (wanted.to_plain_string(), there.to_plain_string());
            complaints.push(format!("{there} units are invoiced, by the file {wanted}"));
        }
        for (what, wanted, there) in [
            ("invoices", &expected.invoices, &self.invoices.sums),
            ("credit notes", &expected.credit_notes, &self.credit_notes.sums),
        ] {
            if wanted.documents != there.documents {
                complaints.push(format!("{} {what}, by the file {}", there.documents, wanted.documents));
            }
            if wanted.gross != there.gross {
                let (wanted, there) = (plain(&wanted.gross), plain(&there.gross));
                complaints.push(format!("{what} come to {there}, by the file to {wanted}"));
            }
            let rates: BTreeSet<&String> = wanted.vat.keys().chain(there.vat.keys()).collect();
            for rate in rates {
                let of = |sums: &Sums| {
                    sums.vat
                        .get(rate)
                        .map_or_else(String::new, |(base, tax)| format!("{} and {}", plain(base), plain(tax)))
                };
                if of(wanted) != of(there) {
                    let (wanted, there) = (of(wanted), of(there));
                    complaints
                        .push(format!("base and VAT of {what} at {rate} %: {there}, by the file {wanted}"));
                }
            }
        }
        complaints.into_iter().for_each(|complaint| self.complain(complaint));
    }
}

/// What documents of this kind come to, from what is stored for sums.
async fn documents(sql: &Client, tenant: &str, kind: &str) -> Result<Documents> {
    let query = "SELECT count(*), COALESCE(sum(gross_total), 0::numeric)::text, COALESCE(sum(paid), 0::numeric)::text,
            COALESCE(sum(credited), 0::numeric)::text, COALESCE(sum(gross_total - paid - credited), 0::numeric)::text
        FROM invoices WHERE tenant_id = $1::text::uuid AND kind = $2 AND number IS NOT NULL";
    let row = sql.query_one(query, &[&tenant, &kind]).await?;
    let count: i64 = row.get(0);
    let mut documents = Documents {
        sums: Sums { documents: u64::try_from(count)?, gross: amount(row.get(1))?, ..Sums::default() },
        paid: amount(row.get(2))?,
        credited: amount(row.get(3))?,
        open: amount(row.get(4))?,
    };
    let query =
        "SELECT COALESCE(v.rate, 0::numeric)::text, sum(v.base)::text, sum(v.tax)::text FROM invoice_vat AS v
        JOIN invoices AS i ON i.tenant_id = v.tenant_id AND i.id = v.invoice_id AND i.kind = $2
        WHERE v.tenant_id = $1::text::uuid GROUP BY v.rate";
    for row in sql.query(query, &[&tenant, &kind]).await? {
        let rate = amount(row.get(0))?.normalized().to_plain_string();
        let (base, tax) =
            documents.sums.vat.entry(rate).or_insert_with(|| (BigDecimal::zero(), BigDecimal::zero()));
        *base += amount(row.get(1))?;
        *tax += amount(row.get(2))?;
    }
    Ok(documents)
}

fn amount(text: &str) -> Result<BigDecimal> {
    text.parse().with_context(|| format!("{text:?} is no amount"))
}

pub(super) fn plain(amount: &BigDecimal) -> String {
    amount.with_scale(2).to_plain_string()
}
