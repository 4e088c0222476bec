//! Whether the accounting export of a company into which a file was loaded, and nothing else, balances; whether it and the sums of sales are what the documents and the
//! payments say; and whether the VAT that is due is what the file says. Asked over HTTP, and compared with the tables and the file.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bigdecimal::{BigDecimal, Zero};
use chrono::{Datelike, Months, NaiveDate};
use reqwest::Client;
use serde_json::Value;
use tokio_postgres::Client as Sql;

use super::expected_invoices::Due;
use super::invoices::plain;

/// How long an answer may take, and how long an API that is away is waited for.
const LIMIT: Duration = Duration::from_secs(600);
const PAUSE: Duration = Duration::from_secs(1);
/// The most differences that are kept with their message.
const COMPLAINTS_AT_MOST: usize = 100;

/// The columns of a line that are looked at, of 18.
const COLUMNS: usize = 18;
const JOURNAL: usize = 0;
const NUMBER: usize = 2;
const ACCOUNT: usize = 4;
const DEBIT: usize = 11;
const CREDIT: usize = 12;
const LETTER: usize = 13;

/// The days of documents and payments, and what they come to.
const STORED: &str = "SELECT min(d.day)::text, max(d.day)::text,
        (SELECT COALESCE(sum(CASE kind WHEN 'credit_note' THEN -gross_total ELSE gross_total END), 0.00)::text FROM invoices WHERE number IS NOT NULL),
        (SELECT COALESCE(sum(CASE i.kind WHEN 'credit_note' THEN -v.base ELSE v.base END), 0.00)::text
            FROM invoice_vat AS v JOIN invoices AS i ON i.tenant_id = v.tenant_id AND i.id = v.invoice_id),
        (SELECT COALESCE(sum(CASE i.kind WHEN 'credit_note' THEN -v.tax ELSE v.tax END), 0.00)::text
            FROM invoice_vat AS v JOIN invoices AS i ON i.tenant_id = v.tenant_id AND i.id = v.invoice_id),
        (SELECT COALESCE(sum(amount), 0.00)::text FROM payments)
    FROM (SELECT issue_date AS day FROM invoices WHERE number IS NOT NULL UNION ALL SELECT received_on FROM payments) AS d";

/// What was compared, and what is wrong. Amounts are in cents.
#[derive(Debug, Default)]
pub struct BookFindings {
    /// Entries of all exports; of each twelve months there is one.
    pub entries: u64,
    /// Lines of customers' accounts that have a letter.
    pub lettered: u64,
    /// The months and rates of which the VAT that is due was compared with the file.
    pub due_compared: u64,
    /// What is wrong; at most 100.
    pub complaints: Vec<String>,
    /// Debit less credit, by account.
    accounts: BTreeMap<String, i128>,
    /// The same of lines with a letter, by letter.
    letters: BTreeMap<String, i128>,
    /// The VAT that is due, month by month; `None` if it was not asked.
    due: Option<Due>,
}

/// What the tables say.
struct Stored {
    first: NaiveDate,
    last: NaiveDate,
    gross: i128,
    net: i128,
    tax: i128,
    paid: i128,
}

impl BookFindings {
    /// # Errors
    /// Fails if the API or the database cannot be used.
    pub async fn of(sql: &Sql, api: &str, credential: &str) -> Result<Self> {
        let mut findings = Self::default();
        let Some(stored) = stored(sql).await? else { return Ok(findings) };
        let http = Http { client: Client::builder().timeout(LIMIT).build()?, api, credential };
        for (from, to) in stored.periods() {
            match http.get(&format!("/accounting/fec?from={from}&to={to}")).await? {
                Ok(file) => findings.look_at(from, &file),
                Err(refused) => findings.complain(format!("the export from {from}: {refused}")),
            }
        }
        findings.compare(&stored);
        for by in ["month", "customer", "product"] {
            findings.compare_sales(&http, by, &stored).await?;
        }
        findings.read_due(&http, &stored).await?;
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

    /// Looks at a file: every entry balances, and each journal counts from 1.
    fn look_at(&mut self, from: NaiveDate, file: &[u8]) {
        // It is in ISO 8859-15; what is looked at is ASCII.
        let text = String::from_utf8_lossy(file);
        let mut last: BTreeMap<String, u64> = BTreeMap::new();
        let mut open: Option<(String, i128)> = None;
        for line in text.split_terminator("\r\n").skip(1) {
            let columns: Vec<&str> = line.split('\t').collect();
            let amounts = columns.get(DEBIT).zip(columns.get(CREDIT));
            let amount = amounts.and_then(|(debit, credit)| Some(cents(debit).ok()? - cents(credit).ok()?));
            let (COLUMNS, Some(amount)) = (columns.len(), amount) else {
                self.complain(format!("the export from {from} has a line {line:?}"));
                continue;
            };
            *self.accounts.entry(columns[ACCOUNT].to_owned()).or_default() += amount;
            if !columns[LETTER].is_empty() {
                self.lettered += 1;
                *self.letters.entry(columns[LETTER].to_owned()).or_default() += amount;
            }
            if let Some((number, sum)) = &mut open
                && *number == columns[NUMBER]
            {
                *sum += amount;
                continue;
            }
            self.close(from, open.take());
            open = Some((columns[NUMBER].to_owned(), amount));
            self.entries += 1;
            let place = last.entry(columns[JOURNAL].to_owned()).or_default();
            *place += 1;
            let expected = format!("{}{place:08}", columns[JOURNAL]);
            if columns[NUMBER] != expected {
                self.complain(format!(
                    "the export from {from} has {} in the place of {expected}",
                    columns[NUMBER]
                ));
            }
        }
        self.close(from, open);
    }

    fn close(&mut self, from: NaiveDate, entry: Option<(String, i128)>) {
        if let Some((number, sum)) = entry.filter(|(_, sum)| *sum != 0) {
            self.complain(format!(
                "entry {number} of the export from {from}: debit less credit is {sum} cents"
            ));
        }
    }

    /// What the accounts come to is what the documents and the payments come to.
    fn compare(&mut self, stored: &Stored) {
        let Stored { gross, net, tax, paid, .. } = stored;
        for (what, prefixes, wanted) in [
            ("customers", &["411"][..], gross - paid),
            ("sales", &["70"][..], -net),
            ("VAT", &["4457"][..], -tax),
            ("bank and cash", &["51", "53"][..], *paid),
            ("all accounts", &[""][..], 0),
        ] {
            let is_meant = |account: &String| prefixes.iter().any(|prefix| account.starts_with(prefix));
            let there: i128 =
                self.accounts.iter().filter(|(account, _)| is_meant(account)).map(|(_, sum)| sum).sum();
            if there != wanted {
                self.complain(format!(
                    "the accounts of {what} come to {there} cents, by the documents to {wanted}"
                ));
            }
        }
        // What is closed later has no letter in the file before.
        if stored.periods().len() == 1 {
            let open: Vec<String> =
                self.letters.iter().filter(|(_, sum)| **sum != 0).map(|(letter, _)| letter.clone()).collect();
            for letter in open {
                self.complain(format!("what has the letter {letter} does not close"));
            }
        }
    }

    /// Asks for the VAT that is due in each month.
    async fn read_due(&mut self, http: &Http<'_>, stored: &Stored) -> Result<()> {
        let mut due = Due::new();
        for (from, to) in stored.months() {
            let answer = match http.get(&format!("/accounting/vat-due?from={from}&to={to}")).await? {
                Ok(answer) => answer,
                Err(refused) => {
                    self.complain(format!("the VAT that is due from {from}: {refused}"));
                    return Ok(());
                }
            };
            let answer: Value = serde_json::from_slice(&answer).context("the VAT that is due")?;
            for line in answer["lines"].as_array().into_iter().flatten() {
                // Category O has no rate.
                let number = |member: &str| -> Result<BigDecimal> {
                    let text = line[member].as_str().unwrap_or("0");
                    text.parse().with_context(|| format!("{member} {text:?} is no number"))
                };
                let key = (from.format("%Y-%m").to_string(), number("rate")?.normalized().to_plain_string());
                let (base, tax) = due.entry(key).or_default();
                *base += number("base")?;
                *tax += number("tax")?;
            }
        }
        self.due = Some(due);
        Ok(())
    }

    /// The VAT that is due in each month at each rate is what the file says.
    pub fn compare_due(&mut self, expected: &Due) {
        let Some(there) = self.due.take() else { return };
        let keys: BTreeSet<_> = expected.keys().chain(there.keys()).collect();
        let of = |due: &Due, key: &(String, String)| {
            let sums = due.get(key).filter(|(base, tax)| !base.is_zero() || !tax.is_zero());
            sums.map_or_else(
                || "nothing".to_owned(),
                |(base, tax)| format!("{} and {}", plain(base), plain(tax)),
            )
        };
        for key in keys {
            self.due_compared += 1;
            let (wanted, found) = (of(expected, key), of(&there, key));
            if wanted != found {
                let (month, rate) = key;
                self.complain(format!(
                    "base and VAT that are due in {month} at {rate} %: {found}, by the file {wanted}"
                ));
            }
        }
        self.due = Some(there);
    }

    /// All pages of the sums of sales come to what the documents come to.
    async fn compare_sales(&mut self, http: &Http<'_>, by: &str, stored: &Stored) -> Result<()> {
        let Stored { first, last, gross, net, .. } = stored;
        let path = format!("/accounting/sales?by={by}&from={first}&to={last}&limit=200");
        let (mut nets, mut grosses, mut cursor) = (0, 0, String::new());
        loop {
            let page = match http.get(&format!("{path}{cursor}")).await? {
                Ok(page) => page,
                Err(refused) => {
                    self.complain(format!("sales by {by}: {refused}"));
                    return Ok(());
                }
            };
            let page: Value = serde_json::from_slice(&page).context("a page of sales")?;
            for row in page["data"].as_array().into_iter().flatten() {
                nets += cents(row["net_total"].as_str().unwrap_or_default())?;
                if let Some(amount) = row["gross_total"].as_str() {
                    grosses += cents(amount)?;
                }
            }
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        if nets != *net {
            self.complain(format!("sales by {by} come to {nets} cents, by the documents to {net}"));
        }
        // By product there is no VAT.
        if by != "product" && grosses != *gross {
            self.complain(format!(
                "sales by {by} come to {grosses} cents with VAT, by the documents to {gross}"
            ));
        }
        Ok(())
    }
}

impl Stored {
    /// Twelve months at a time: an export is of no more.
    fn periods(&self) -> Vec<(NaiveDate, NaiveDate)> {
        let mut periods = Vec::new();
        let mut from = self.first;
        while from <= self.last {
            let Some(next) = from.checked_add_months(Months::new(12)) else { break };
            periods.push((from, next.pred_opt().unwrap_or(from)));
            from = next;
        }
        periods
    }

    /// From the first day to the last one.
    fn months(&self) -> Vec<(NaiveDate, NaiveDate)> {
        let mut months = Vec::new();
        let mut next = self.first.with_day(1);
        while let Some(from) = next.filter(|from| *from <= self.last) {
            next = from.checked_add_months(Months::new(1));
            months.push((from, next.and_then(|next| next.pred_opt()).unwrap_or(from)));
        }
        months
    }
}

/// Returns `None` if there is nothing.
async fn stored(sql: &Sql) -> Result<Option<Stored>> {
    let row = sql.query_one(STORED, &[]).await?;
    let (Some(first), Some(last)) = (row.get::<_, Option<&str>>(0), row.get::<_, Option<&str>>(1)) else {
        return Ok(None);
    };
    let (first, last): (NaiveDate, NaiveDate) = (first.parse()?, last.parse()?);
    Ok(Some(Stored {
        first,
        last,
        gross: cents(row.get(2))?,
        net: cents(row.get(3))?,
        tax: cents(row.get(4))?,
        paid: cents(row.get(5))?,
    }))
}

/// An amount with two decimals, after a point or a comma.
fn cents(text: &str) -> Result<i128> {
    let (whole, decimals) = text.rsplit_once(['.', ',']).with_context(|| format!("{text:?} is no amount"))?;
    ensure!(decimals.len() == 2, "{text:?} has not two decimals");
    format!("{whole}{decimals}").parse().with_context(|| format!("{text:?} is no amount"))
}

struct Http<'a> {
    client: Client,
    api: &'a str,
    credential: &'a str,
}

impl Http<'_> {
    /// Asks until there is an answer: the whole of it, or why the API refuses.
    async fn get(&self, path: &str) -> Result<Result<Vec<u8>, String>> {
        let (begin, url) = (Instant::now(), format!("{}/api/v1{path}", self.api));
        loop {
            let asked = self.client.get(&url).bearer_auth(self.credential).send().await;
            // The API may be killed while it answers: it is started again.
            let trouble = match asked {
                Ok(answer) => {
                    let status = answer.status();
                    match answer.bytes().await {
                        Ok(body) if status.is_success() => return Ok(Ok(body.to_vec())),
                        Ok(body) => {
                            let refused = format!("{status} {}", String::from_utf8_lossy(&body));
                            if status.is_client_error() {
                                return Ok(Err(refused));
                            }
                            refused
                        }
                        Err(error) => error.to_string(),
                    }
                }
                Err(error) => error.to_string(),
            };
            ensure!(begin.elapsed() < LIMIT, "GET {url} for {} s: {trouble}", LIMIT.as_secs());
            tokio::time::sleep(PAUSE).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of these lines: journal, number, account, debit, credit, letter.
    fn file(lines: &[[&str; 6]]) -> Vec<u8> {
        let mut text = format!("{}\r\n", ["x"; COLUMNS].join("\t"));
        for &[journal, number, account, debit, credit, letter] in lines {
            let mut columns = [""; COLUMNS];
            (columns[JOURNAL], columns[NUMBER], columns[ACCOUNT]) = (journal, number, account);
            (columns[DEBIT], columns[CREDIT], columns[LETTER]) = (debit, credit, letter);
            text.push_str(&format!("{}\r\n", columns.join("\t")));
        }
        text.into_bytes()
    }

    fn compared(lines: &[[&str; 6]]) -> BookFindings {
        let mut findings = BookFindings::default();
        let day = |month| NaiveDate::from_ymd_opt(2026, month, 29).unwrap();
        let (first, last) = (day(1), day(12));
        findings.look_at(first, &file(lines));
        findings.compare(&Stored { first, last, gross: 12_000, net: 10_000, tax: 2_000, paid: 12_000 });
        findings
    }

    const SOLD: [[&str; 6]; 3] = [
        ["VE", "VE00000001", "411000", "120,00", "0,00", "FA-1"],
        ["VE", "VE00000001", "707000", "0,00", "100,00", ""],
        ["VE", "VE00000001", "445710", "0,00", "20,00", ""],
    ];
    const PAID: [[&str; 6]; 2] = [
        ["BQ", "BQ00000001", "512000", "120,00", "0,00", ""],
        ["BQ", "BQ00000001", "411000", "0,00", "120,00", "FA-1"],
    ];

    #[test]
    fn an_export_that_says_what_the_documents_say_is_sound() {
        let lines: Vec<_> = SOLD.into_iter().chain(PAID).collect();
        let found = compared(&lines);
        assert!(found.is_sound(), "{found:?}");
        assert_eq!((found.entries, found.lettered), (2, 2));
    }

    #[test]
    fn an_export_is_of_twelve_months_at_most() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let of = |first: &str, last: &str| {
            let (first, last) = (day(first), day(last));
            let periods = Stored { first, last, gross: 0, net: 0, tax: 0, paid: 0 }.periods();
            periods.iter().map(|(from, to)| format!("{from} {to}")).collect::<Vec<_>>()
        };
        assert_eq!(of("2025-12-19", "2026-12-02"), ["2025-12-19 2026-12-18"]);
        assert_eq!(of("2024-02-29", "2025-02-28"), ["2024-02-29 2025-02-27", "2025-02-28 2026-02-27"]);
        assert_eq!(of("2026-01-01", "2027-01-01").len(), 2);
    }

    #[test]
    fn vat_that_is_due_is_asked_month_by_month_and_a_cent_or_a_month_too_much_is_found() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let stored =
            Stored { first: day("2025-12-19"), last: day("2026-02-01"), gross: 0, net: 0, tax: 0, paid: 0 };
        let months: Vec<_> = stored.months().iter().map(|(from, to)| format!("{from} {to}")).collect();
        assert_eq!(months, ["2025-12-01 2025-12-31", "2026-01-01 2026-01-31", "2026-02-01 2026-02-28"]);

        let due = |lines: &[(&str, &str, &str)]| -> Due {
            let line = |(month, base, tax): &(&str, &str, &str)| {
                (
                    ((*month).to_owned(), "20".to_owned()),
                    (base.parse::<BigDecimal>().unwrap(), tax.parse::<BigDecimal>().unwrap()),
                )
            };
            lines.iter().map(line).collect()
        };
        let compared = |expected: &Due, there: Due| {
            let mut findings = BookFindings { due: Some(there), ..BookFindings::default() };
            findings.compare_due(expected);
            (findings.due_compared, findings.complaints)
        };
        // What cancels out may be there or not.
        let expected = due(&[("2026-01", "10", "2"), ("2026-02", "0.00", "0.00")]);
        assert_eq!(compared(&expected, due(&[("2026-01", "10.00", "2.00")])), (2, Vec::new()));
        let (count, found) =
            compared(&expected, due(&[("2026-01", "10.00", "2.01"), ("2026-02", "1.00", "0.20")]));
        assert_eq!((count, found.len()), (2, 2), "{found:?}");
        assert!(
            found[0].contains("2026-01 at 20 %: 10.00 and 2.01, by the file 10.00 and 2.00"),
            "{found:?}"
        );
        assert!(found[1].contains("1.00 and 0.20, by the file nothing"), "{found:?}");
        assert_eq!(compared(&expected, Due::new()).1.len(), 1);
    }

    #[test]
    fn a_cent_a_number_a_letter_and_a_line_that_is_missing_are_found() {
        let with = |place: usize, column: usize, text| {
            let mut lines: Vec<[&str; 6]> = SOLD.into_iter().chain(PAID).collect();
            lines[place][column] = text;
            compared(&lines).complaints.join("\n")
        };
        let cent = with(2, 4, "20,01");
        assert!(
            cent.contains("VE00000001 of the export from 2026-01-29: debit less credit is -1")
                && cent.contains("VAT"),
            "{cent}"
        );
        assert!(cent.contains("all accounts"), "{cent}");
        assert!(with(2, 4, "20").contains("has a line"));
        assert!(with(4, 5, "").contains("FA-1 does not close"));
        let gap = with(2, 1, "VE00000003");
        assert!(gap.contains("VE00000003 in the place of VE00000002"), "{gap}");
        assert!(
            compared(&SOLD).complaints.iter().any(|one| one.contains("customers")),
            "the payment is missing"
        );
    }
}
