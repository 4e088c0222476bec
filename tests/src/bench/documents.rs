//! The documents of invoices. The service takes them from its queue, draws them, keeps both files with a link in the chain, and tells of it; the floor is the crate
//! alone, which draws the same texts on as many threads and drops the result. They are those of days of the year that `make demo YEAR=1` makes: invoices of 1 to 200
//! lines, and a credit note of one line for two of five.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use comptoir_documents::{Invoice, render};
use futures::future::try_join_all;
use serde_json::{Value, json};

use crate::harness::{Api, Services, World, until};
use crate::year::REPEATED;

use super::report::{Claim, Measurement, Series, Wanted};
use super::{Effort, Size, outbox, progress, usage};

/// How many invoices of a day have how many lines: of the day of which the year is made, 1 December 2010 of the "Online Retail" data (Chen, Sain, Guo 2012). Its two
/// longest, of 527 and 592 lines, have 200 here.
const DAY: [(usize, usize); 43] = [
    (1, 17),
    (2, 14),
    (3, 3),
    (4, 4),
    (5, 7),
    (6, 6),
    (7, 4),
    (8, 3),
    (9, 5),
    (10, 1),
    (11, 4),
    (12, 4),
    (13, 3),
    (14, 7),
    (15, 3),
    (16, 4),
    (17, 4),
    (18, 3),
    (19, 1),
    (20, 2),
    (21, 1),
    (22, 1),
    (23, 2),
    (24, 1),
    (27, 1),
    (28, 2),
    (31, 1),
    (32, 1),
    (35, 3),
    (40, 1),
    (48, 1),
    (54, 1),
    (57, 1),
    (58, 1),
    (59, 1),
    (64, 1),
    (65, 1),
    (67, 1),
    (71, 1),
    (73, 1),
    (81, 1),
    (85, 1),
    (200, 2),
];
/// The credit notes of a day: one row in sixty of 3,072 comes back.
const CREDITED: usize = 52;
/// Days whose documents are drawn by the crate alone: their texts are kept in memory.
const DAYS_OF_FLOOR: u64 = 10;
/// Invoices that are made ready at the same time.
const AT_ONCE: usize = 8;
/// The least documents in a second before the benchmark gives up, and what it waits in any case.
const SLOWEST_PER_SECOND: u64 = 5;
const LIMIT: Duration = Duration::from_secs(600);
/// As many as the service makes at once: half of the processors.
const MOST_AT_ONCE: usize = 8;
/// Each document that is being made takes up to 110 MiB, and none is kept.
const PEAK_MIB: f64 = 400.0;
/// The peak when all are made, over that when half of them are: memory does not grow with their number.
const GROWTH: f64 = 1.15;

/// Of how many days of the year documents are made.
fn days(effort: Effort) -> u64 {
    match effort.size {
        Size::Quick => 2,
        Size::Standard => 10,
        Size::Full => REPEATED,
    }
}

fn documents_of(days: u64) -> u64 {
    let invoices: usize = DAY.iter().map(|(_, count)| count).sum();
    days * (invoices + CREDITED) as u64
}

pub(super) async fn measure(services: &Services, effort: Effort) -> Result<Vec<Measurement>> {
    let days = days(effort);
    let number = documents_of(days);
    let of_year = format!("{number} documents, {days} of the {REPEATED} days of a year");
    let mut floor = Series::new("comptoir-documents alone, the same texts, as many threads");
    let mut program = Series::new("the service invoice_documents");
    let mut tenth = Series::new("api, when a tenth of them is made");
    let mut half = Series::new("when half of them are made");
    let mut peak = Series::new("when all of them are made");
    let mut pdf = Series::new("PDF");
    let mut longest = Series::new("the largest PDF");
    let mut xml = Series::new("XML");
    for round in effort.rounds() {
        progress(format!("documents, round {round}: {of_year}"));
        let world = outbox::fresh(services).await?;
        let texts = validated(&world, days).await?;
        progress(format!("documents, round {round}: the crate alone"));
        floor.push(tokio::task::spawn_blocking(move || drawn(&texts)).await??);
        progress(format!("documents, round {round}: the service"));
        let made = made(&world, number).await?;
        program.push(made.per_second);
        tenth.push(made.peaks_mib[0]);
        half.push(made.peaks_mib[1]);
        peak.push(made.peaks_mib[2]);
        pdf.push(made.pdf_kib);
        longest.push(made.longest_kib);
        xml.push(made.xml_kib);
    }
    let claims = [
        Claim::ratio("documents: service / crate alone", &program, &floor, Wanted::AtLeast(0.5)),
        Claim::new("documents: peak of api", peak.median(), "MiB", Wanted::AtMost(PEAK_MIB)),
        Claim::ratio("documents: peak of api, all made / half of them", &peak, &half, Wanted::AtMost(GROWTH)),
    ];
    Ok(vec![
        Measurement::new(of_year, "documents/s").series([floor, program]).claims(claims),
        Measurement::new("peak of memory", "MiB").series([tenth, half, peak]),
        Measurement::new("size of a document, on average", "KiB").series([pdf, longest, xml]),
    ])
}

/// Validates the invoices and credit notes of so many days, day by day. Returns what those of the first days say.
async fn validated(world: &World, days: u64) -> Result<Vec<String>> {
    let api = Api::start(world, &[("COMPTOIR__LOG__FILTER", "warn")]).await?;
    api.seller().await?;
    let customer = api.buyer("C-1").await?;
    let day: Vec<usize> = DAY.iter().flat_map(|(lines, count)| vec![*lines; *count]).collect();
    for _ in 0..days {
        let mut invoices = Vec::with_capacity(day.len());
        for part in day.chunks(AT_ONCE) {
            invoices.extend(try_join_all(part.iter().map(|lines| invoiced(&api, &customer, *lines))).await?);
        }
        // Of one customer, they would wait for each other.
        for id in invoices.iter().take(CREDITED) {
            credited(&api, id).await?;
        }
    }
    let sql = world.sql().await?;
    let count: i64 = sql.query_one("SELECT count(*) FROM invoice_contents", &[]).await?.get(0);
    ensure!(count == i64::try_from(documents_of(days))?, "{count} documents are to be made");
    let first = i64::try_from(documents_of(days.min(DAYS_OF_FLOOR)))?;
    let query = "SELECT content FROM invoice_contents ORDER BY validated_at LIMIT $1::bigint";
    let rows = sql.query(query, &[&first]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// An invoice of so many lines, as the file's are: a code, a name, a few of it. Returns its id.
async fn invoiced(api: &Api, customer: &Value, lines: usize) -> Result<String> {
    let line = |position: usize| {
        json!({
            "sku": format!("{}A", 20_000 + position), "name": "WHITE HANGING HEART T-LIGHT HOLDER", "quantity": (1 + position % 12).to_string(),
            "unit_price": format!("{}.55", 1 + position % 9), "vat": {"rate": "20"},
        })
    };
    let lines: Vec<Value> = (0..lines).map(line).collect();
    let draft = api.created("/invoices", &json!({"customer_id": customer["id"], "lines": lines})).await?;
    validate(api, &draft).await
}

/// A credit note of one of what the first line of an invoice sells.
async fn credited(api: &Api, invoice: &str) -> Result<String> {
    let body = json!({"lines": [{"line": 1, "quantity": "1"}]});
    let draft = api.created(&format!("/invoices/{invoice}/credit-notes"), &body).await?;
    validate(api, &draft).await
}

async fn validate(api: &Api, draft: &Value) -> Result<String> {
    let id = draft["id"].as_str().context("an id")?;
    let answer = api.http.command(&format!("/invoices/{id}/validate")).await?;
    ensure!(answer.status == 200, "{}", answer.text);
    Ok(id.to_owned())
}

/// Draws these texts, and returns how many in a second.
fn drawn(texts: &[String]) -> Result<f64> {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = (processors / 2).clamp(1, MOST_AT_ONCE);
    let begin = Instant::now();
    std::thread::scope(|scope| {
        let parts = texts.chunks(texts.len().div_ceil(threads).max(1));
        let running: Vec<_> = parts
            .map(|part| {
                scope.spawn(move || {
                    part.iter().try_for_each(|text| -> Result<()> {
                        let invoice: Invoice = serde_json::from_str(text)?;
                        render(&invoice).map(drop).map_err(anyhow::Error::from)
                    })
                })
            })
            .collect();
        running.into_iter().try_for_each(|thread| -> Result<()> {
            thread.join().map_err(|_| anyhow::anyhow!("a thread that drew documents panicked"))?
        })
    })?;
    #[expect(clippy::cast_precision_loss, reason = "a rate for people to read")]
    let number = texts.len() as f64;
    Ok(number / begin.elapsed().as_secs_f64())
}

struct Made {
    per_second: f64,
    /// When a tenth, a half, and all of them are made.
    peaks_mib: [f64; 3],
    pdf_kib: f64,
    longest_kib: f64,
    xml_kib: f64,
}

/// Has the service make what waits.
async fn made(world: &World, number: u64) -> Result<Made> {
    let environment =
        [("COMPTOIR__SERVICES__INVOICE_DOCUMENTS__ENABLED", "true"), ("COMPTOIR__LOG__FILTER", "warn")];
    let sql = world.sql().await?;
    let api = Api::start(world, &environment).await?;
    let limit = LIMIT.max(Duration::from_secs(number / SLOWEST_PER_SECOND));
    let peak_when = async |most_left: u64| {
        let most_left = i64::try_from(most_left)?;
        until("documents to be made", limit, async || {
            let row = sql.query_one("SELECT count(*) FROM invoice_document_queue", &[]).await?;
            let left: i64 = row.get(0);
            ensure!(left <= most_left, "{left} are left");
            Ok(())
        })
        .await?;
        usage::peak_mib(api.daemon.pid())
    };
    let peaks_mib =
        [peak_when(number - number / 10).await?, peak_when(number / 2).await?, peak_when(0).await?];
    // By the times at which they were kept: the start of the program does not count.
    let figures = "SELECT count(*), (count(*) - 1) / extract(epoch FROM max(rendered_at) - min(rendered_at))::double precision,
            avg(octet_length(pdf))::double precision / 1024, max(octet_length(pdf))::double precision / 1024,
            avg(octet_length(xml))::double precision / 1024
        FROM invoice_documents";
    let row = sql.query_one(figures, &[]).await?;
    ensure!(row.get::<_, i64>(0) == i64::try_from(number)?, "documents are missing");
    Ok(Made {
        per_second: row.get(1),
        peaks_mib,
        pdf_kib: row.get(2),
        longest_kib: row.get(3),
        xml_kib: row.get(4),
    })
}
