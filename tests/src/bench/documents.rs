//! The documents of invoices. The service takes them from its queue, draws them, keeps both files with a link in the chain, and tells of it; the floor is the crate
//! alone, which draws the same texts on as many threads and drops the result. Invoices of four lines, as a small shop sends them, and one of 1,000.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use comptoir_documents::{Invoice, render};
use serde_json::{Value, json};

use crate::harness::{Api, Services, World, until};

use super::report::{Claim, Measurement, Series, Wanted};
use super::{Effort, outbox, progress, usage};

const LINES: usize = 4;
const LIMIT: Duration = Duration::from_secs(600);
/// As many as the service makes at once: half of the processors.
const MOST_AT_ONCE: usize = 8;
/// Each document that is being made takes up to 110 MiB, and none is kept.
const PEAK_MIB: f64 = 400.0;
/// The peak when all are made, over that when half of them are: memory does not grow with their number.
const GROWTH: f64 = 1.15;

pub(super) async fn measure(services: &Services, effort: Effort) -> Result<Vec<Measurement>> {
    let number = effort.pick(60, 1_000);
    let mut floor = Series::new("comptoir-documents alone, the same texts, as many threads");
    let mut program = Series::new("the service invoice_documents");
    let mut peak = Series::new(format!("api, while it makes {number} documents and one of 1,000 lines"));
    let mut half = Series::new("when half of them are made");
    let mut size = Series::new("PDF of four lines");
    let mut long = Series::new("PDF of 1,000 lines");
    for round in effort.rounds() {
        progress(format!("documents, round {round}: {number} invoices"));
        let world = outbox::fresh(services).await?;
        let texts = validated(&world, number).await?;
        progress(format!("documents, round {round}: the crate alone"));
        floor.push(tokio::task::spawn_blocking(move || drawn(&texts)).await??);
        progress(format!("documents, round {round}: the service"));
        let made = made(&world, number).await?;
        program.push(made.per_second);
        peak.push(made.peak_mib);
        half.push(made.half_mib);
        size.push(made.kib);
        long.push(made.long_kib);
    }
    let claims = [
        Claim::ratio("documents: service / crate alone", &program, &floor, Wanted::AtLeast(0.5)),
        Claim::new("documents: peak of api", peak.median(), "MiB", Wanted::AtMost(PEAK_MIB)),
        Claim::ratio("documents: peak of api, all made / half of them", &peak, &half, Wanted::AtMost(GROWTH)),
    ];
    Ok(vec![
        Measurement::new("documents of four lines", "documents/s").series([floor, program]).claims(claims),
        Measurement::new("memory", "MiB").series([peak, half]),
        Measurement::new("size of a document", "KiB").series([size, long]),
    ])
}

/// Validates invoices, and one of 1,000 lines before them: it is made first, so what comes after it shows whether memory grows. Returns what the short ones say.
async fn validated(world: &World, number: usize) -> Result<Vec<String>> {
    let api = Api::start(world, &[("COMPTOIR__LOG__FILTER", "warn")]).await?;
    api.seller().await?;
    let (customer, product) = (api.buyer("C-1").await?, api.product("TEA").await?);
    validate(&api, &customer, &product, 1_000).await?;
    for _ in 0..number {
        validate(&api, &customer, &product, LINES).await?;
    }
    let sql = world.sql().await?;
    let rows = sql.query("SELECT content FROM invoice_contents ORDER BY position OFFSET 1", &[]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

async fn validate(api: &Api, customer: &Value, product: &Value, lines: usize) -> Result<()> {
    let line = json!({"product_id": product["id"], "quantity": "2.5", "description": "Récolte de printemps, sachet refermable"});
    let lines = vec![line; lines];
    let draft = api.created("/invoices", &json!({"customer_id": customer["id"], "lines": lines})).await?;
    let path = format!("/invoices/{}/validate", draft["id"].as_str().context("an id")?);
    let answer = api.http.command(&path).await?;
    ensure!(answer.status == 200, "{}", answer.text);
    Ok(())
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
    peak_mib: f64,
    half_mib: f64,
    kib: f64,
    long_kib: f64,
}

/// Has the service make what waits.
async fn made(world: &World, number: usize) -> Result<Made> {
    let environment =
        [("COMPTOIR__SERVICES__INVOICE_DOCUMENTS__ENABLED", "true"), ("COMPTOIR__LOG__FILTER", "warn")];
    let sql = world.sql().await?;
    let api = Api::start(world, &environment).await?;
    // The long one is among those that are made.
    let left = "SELECT (SELECT count(*) FROM invoice_document_queue), EXISTS (SELECT FROM invoice_documents WHERE pages > 5)";
    let peak_when = async |most_left: i64| {
        until("documents to be made", LIMIT, async || {
            let row = sql.query_one(left, &[]).await?;
            let (left, is_long_made): (i64, bool) = (row.get(0), row.get(1));
            ensure!(left <= most_left && is_long_made, "{left} are left");
            Ok(())
        })
        .await?;
        usage::peak_mib(api.daemon.pid())
    };
    let half_mib = peak_when(i64::try_from(number / 2)?).await?;
    let peak_mib = peak_when(0).await?;
    // By the times at which they were kept: the start of the program does not count.
    let figures = "SELECT count(*),
            (count(*) - 1) / extract(epoch FROM max(d.rendered_at) - min(d.rendered_at))::double precision,
            avg(octet_length(d.pdf))::double precision / 1024,
            (SELECT max(octet_length(o.pdf))::double precision / 1024 FROM invoice_documents AS o WHERE o.pages > 5)
        FROM invoice_documents AS d WHERE d.pages <= 5";
    let row = sql.query_one(figures, &[]).await?;
    ensure!(row.get::<_, i64>(0) == i64::try_from(number)?, "documents of four lines are missing");
    Ok(Made { per_second: row.get(1), peak_mib, half_mib, kib: row.get(2), long_kib: row.get(3) })
}
