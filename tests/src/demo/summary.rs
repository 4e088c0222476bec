//! The demo's result for people: a table and a verdict.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use comfy_table::{CellAlignment, Table, presets};

use crate::harness::{Consumer, Misfits, World, committed_events};
use crate::ledger::{Fate, Findings};
use crate::loader::Report;

use super::books::BookFindings;
use super::invoices::{Documents, InvoiceFindings, plain};
use super::stock::StockFindings;

/// The most complaints of each kind that are listed one by one.
const LISTED: usize = 10;

/// What was compared beside the events, and the documents that were left to look at.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) stock: StockFindings,
    pub(super) invoices: InvoiceFindings,
    pub(super) books: BookFindings,
    pub(super) left: Vec<PathBuf>,
}

#[derive(Debug)]
pub(super) struct Summary {
    report: Report,
    /// Orders in the database, by state.
    orders: BTreeMap<String, u64>,
    events: BTreeMap<String, u64>,
    dead_letters: usize,
    findings: Findings,
    misfits: Misfits,
    checked: Checked,
    latency: Option<(Duration, Duration)>,
    refused_file: PathBuf,
    elapsed: Duration,
}

impl Summary {
    pub(super) async fn new(
        world: &World,
        consumer: &Consumer,
        report: Report,
        checked: Checked,
        refused_file: PathBuf,
        elapsed: Duration,
    ) -> Result<Self> {
        let sql = world.sql().await?;
        let committed = committed_events(&sql).await?;
        let mut orders = BTreeMap::new();
        for row in sql.query("SELECT status, count(*) FROM orders GROUP BY status", &[]).await? {
            orders.insert(row.get(0), u64::try_from(row.get::<_, i64>(1))?);
        }
        let mut events: BTreeMap<String, u64> = BTreeMap::new();
        for event in &committed {
            *events.entry(event.event_type.clone()).or_default() += 1;
        }
        Ok(Self {
            report,
            orders,
            events,
            dead_letters: committed.iter().filter(|event| event.fate == Fate::DeadLettered).count(),
            findings: consumer.with_ledger(|ledger| ledger.check(&committed)),
            misfits: consumer.misfits(),
            checked,
            latency: consumer.with_ledger(|ledger| Some((ledger.latency(0.5)?, ledger.latency(0.99)?))),
            refused_file,
            elapsed,
        })
    }

    /// Whether everything could be loaded, every committed event arrived, and no other, in order and as its contract says, and the stock and
    /// the invoices are what the file says.
    pub(super) fn is_sound(&self) -> bool {
        self.report.is_complete() && self.has_arrived() && self.is_as_the_file_says()
    }

    fn has_arrived(&self) -> bool {
        self.findings.is_sound() && self.misfits.count == 0
    }

    fn is_as_the_file_says(&self) -> bool {
        let Checked { stock, invoices, books, .. } = &self.checked;
        stock.is_sound() && invoices.is_sound() && books.is_sound()
    }

    fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(presets::UTF8_FULL_CONDENSED);
        let mut rows = Rows { table: &mut table, section: "" };
        rows.begin("orders");
        for (status, count) in &self.orders {
            rows.add(status, count);
        }
        if self.report.refused_invoices > 0 {
            rows.add("invoices with no row accepted", &self.report.refused_invoices);
        }
        rows.begin("stock");
        rows.add("receipts", &self.report.receipts);
        rows.add("returns", &self.report.returns);
        rows.add("write-offs", &self.report.write_offs);
        let stock = &self.checked.stock;
        rows.add("products in stock", &stock.levels);
        rows.add("movements in the ledger", &stock.movements);
        rows.add("products compared with the file", &stock.compared);
        rows.add("differences", &stock.complaints.len());
        self.add_invoices(&mut rows);
        rows.begin("events committed");
        for (event_type, count) in &self.events {
            rows.add(event_type, count);
        }
        rows.begin("events");
        rows.add("committed", &self.findings.committed);
        rows.add("arrived", &(self.findings.committed - self.findings.missing.len()));
        rows.add("missing", &self.findings.missing.len());
        rows.add("never committed", &self.findings.ghosts.len());
        rows.add("out of order", &self.findings.disorder.len());
        rows.add("not as their contracts say", &self.misfits.count);
        rows.add("dead letters", &self.dead_letters);
        rows.add(
            "repeats (of them by the broker)",
            &format!("{} ({})", self.findings.repeats, self.findings.redelivered),
        );
        rows.begin("refused rows, or parts");
        if self.report.refused_rows.is_empty() {
            rows.add("none", &0);
        }
        for (reason, count) in &self.report.refused_rows {
            rows.add(reason, count);
        }
        rows.begin("speed");
        rows.add("rows", &self.report.rows);
        let goods = self.report.elapsed.saturating_sub(self.report.invoicing);
        rows.add("rows/s, without the time of the invoices", &rate(self.report.rows, goods));
        let documents = self.report.numbered + self.report.credit_notes + self.report.payments;
        rows.add("invoices, credit notes and payments/s", &rate(documents, self.report.invoicing));
        rows.add("HTTP requests", &self.report.requests);
        rows.add("of them sent again", &self.report.retries);
        rows.add("HTTP requests/s", &rate(self.report.requests, self.report.elapsed));
        rows.add(
            "events/s, from first order to last arrival",
            &rate(self.findings.committed as u64, self.elapsed),
        );
        if let Some((median, slow)) = self.latency {
            rows.add("commit to delivery, p50", &millis(median));
            rows.add("commit to delivery, p99", &millis(slow));
        }
        if let Some(column) = table.column_mut(2) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        table
    }

    fn add_invoices(&self, rows: &mut Rows<'_>) {
        let found = &self.checked.invoices;
        let Documents { sums, paid, credited, open } = &found.invoices;
        rows.begin("invoices");
        for (series, last) in &found.numbers {
            rows.add("numbers without gaps", &format!("{series}: 1 to {last}"));
        }
        rows.add("invoiced", &plain(&sums.gross));
        rows.add("paid", &plain(paid));
        rows.add("credited", &plain(credited));
        rows.add("open", &plain(open));
        rows.add("payments", &found.payments);
        for (what, sums) in [("invoiced", sums), ("credited", &found.credit_notes.sums)] {
            for (rate, (base, tax)) in &sums.vat {
                rows.add(&format!("{what} at {rate} % VAT"), &format!("{} + {}", plain(base), plain(tax)));
            }
        }
        for (reason, count) in &self.report.not_documented {
            rows.add(&format!("without a document: {reason}"), count);
        }
        rows.add("links of their chains", &found.links);
        rows.add("documents compared with the file", &found.compared);
        rows.add("differences", &found.complaints.len());
        let books = &self.checked.books;
        rows.begin("accounts");
        rows.add("entries exported, balanced", &books.entries);
        rows.add("lines with a letter", &books.lettered);
        rows.add("VAT due, months and rates compared with the file", &books.due_compared);
        rows.add("differences", &books.complaints.len());
    }
}

/// Adds rows and names a section only once.
struct Rows<'a> {
    table: &'a mut Table,
    section: &'static str,
}

impl Rows<'_> {
    fn begin(&mut self, section: &'static str) {
        self.section = section;
    }

    fn add(&mut self, what: &str, value: &impl fmt::Display) {
        self.table.add_row([std::mem::take(&mut self.section), what, &value.to_string()]);
    }
}

#[expect(clippy::cast_precision_loss, reason = "for people to read")]
fn rate(count: u64, time: Duration) -> String {
    format!("{:.0}", count as f64 / time.as_secs_f64().max(0.001))
}

fn millis(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.table())?;
        if !self.report.refused_rows.is_empty() {
            writeln!(f, "Refused rows are listed in {}", self.refused_file.display())?;
        }
        for failure in &self.report.failures {
            writeln!(f, "not loaded: {failure}")?;
        }
        for line in self.findings.complaints(LISTED) {
            writeln!(f, "{line}")?;
        }
        let Checked { stock, invoices, books, .. } = &self.checked;
        let checked = [&stock.complaints, &invoices.complaints, &books.complaints];
        for complaints in [&self.misfits.first].into_iter().chain(checked) {
            for line in complaints.iter().take(LISTED) {
                writeln!(f, "{line}")?;
            }
        }
        for path in &self.checked.left {
            writeln!(f, "To look at: {}", path.display())?;
        }
        if self.has_arrived() && self.is_as_the_file_says() {
            writeln!(
                f,
                "Everything that was committed arrived, nothing else did, in order per aggregate and as the contracts say."
            )?;
            write!(f, "The stock, the invoices and the accounts are what their ledgers and the file say.")?;
        } else {
            write!(f, "NOT everything is as it should be: see above.")?;
        }
        if !self.report.is_complete() {
            write!(f, "\n{} invoices could not be loaded.", self.report.failed_invoices)?;
        }
        Ok(())
    }
}
