//! `POST /invoices/{id}/validate` over 32 connections, all of one series, against pgbench, which sends the same statements over as many. From the drawing of a
//! number to the commit each waits for the one before it: that is the price of numbers without gaps.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::harness::{Api, Services, World, address};

use super::pgbench::{headers, run_text, statements_of, text_of};
use super::report::{Claim, Measurement, Series, Wanted};
use super::{Effort, http_load, outbox, progress};

const TEMPLATE: &str = include_str!("invoices.pgbench.sql");
/// Sessions of pgbench, and connections of the HTTP client.
const CONNECTIONS: u64 = 32;
/// Drafts that are measured at most, and those of the warm-up behind them.
const MEASURED: u64 = 40_000;
const WARMING: u64 = 8_000;
const WARM_UP: Duration = Duration::from_secs(1);
/// Lines of a draft, of two units of 10.00 each.
const LINES: usize = 3;

/// Copies a draft under ids that a script can compute.
const COPY: [&str; 2] = [
    "INSERT INTO invoices SELECT copy.* FROM invoices AS i, generate_series(1, $1::bigint) AS copied,
        LATERAL jsonb_populate_record(i, jsonb_build_object('id', '01900000-0000-7000-b200-' || lpad(to_hex(copied), 12, '0'))) AS copy
        WHERE i.id = $2::text::uuid",
    "INSERT INTO invoice_drafts SELECT copy.* FROM invoice_drafts AS d, generate_series(1, $1::bigint) AS copied,
        LATERAL jsonb_populate_record(d, jsonb_build_object('invoice_id', '01900000-0000-7000-b200-' || lpad(to_hex(copied), 12, '0'))) AS copy
        WHERE d.invoice_id = $2::text::uuid",
];
/// What the API wrote of an invoice: its content, the payload of its event, the audit row's before and after, and why its lines have their VAT.
const WRITTEN: &str = "SELECT
    (SELECT content FROM invoice_contents WHERE invoice_id = $1::text::uuid),
    (SELECT payload::text FROM outbox_events WHERE aggregate_id = $1 AND event_type = 'invoice.validated'),
    (SELECT before::text FROM audit_events WHERE resource_id = $1 AND action = 'invoice.validate'),
    (SELECT after::text FROM audit_events WHERE resource_id = $1 AND action = 'invoice.validate'),
    (SELECT min(why) FROM invoice_lines WHERE invoice_id = $1::text::uuid)";

/// Drafts that wait to be validated, and what pgbench writes of each of them.
#[derive(Debug)]
pub struct Drafts {
    variables: Vec<(&'static str, String)>,
}

impl Drafts {
    /// Makes so many drafts of three lines, which are alike.
    ///
    /// # Errors
    /// Fails if the API or the database refuses.
    pub async fn prepare(world: &World, api: &Api, count: u64) -> Result<Self> {
        api.seller().await?;
        let customer = api.buyer("C-1").await?;
        let mut products = Vec::new();
        for number in 1..=LINES {
            let product = api.product(&format!("P-{number}")).await?;
            products.push(product["id"].as_str().context("a product's id")?.to_owned());
        }
        let lines: Vec<_> = products.iter().map(|id| json!({"product_id": id, "quantity": "2"})).collect();
        let body = json!({"customer_id": customer["id"], "lines": lines});
        let (model, example) =
            (api.created("/invoices", &body).await?, api.created("/invoices", &body).await?);
        let id = example["id"].as_str().context("an invoice's id")?;
        let answer = api.http.command(&format!("/invoices/{id}/validate")).await?;
        ensure!(answer.status == 200, "{}", answer.text);

        let sql = world.sql().await?;
        let row = sql.query_one(WRITTEN, &[&id]).await?;
        let [content, validated, before, after, why] =
            [0_usize, 1, 2, 3, 4].map(|column| row.get::<_, Option<String>>(column).unwrap_or_default());
        ensure!(!content.is_empty() && !validated.is_empty() && !after.is_empty(), "nothing was written");
        let (count, model) = (i64::try_from(count)?, model["id"].as_str().context("a draft's id")?);
        for copy in COPY {
            sql.execute(copy, &[&count, &model]).await?;
        }
        sql.batch_execute("VACUUM ANALYZE invoices").await?;
        sql.batch_execute("VACUUM ANALYZE invoice_drafts").await?;
        let customer = customer["id"].as_str().context("a customer's id")?.to_owned();
        let variables = vec![
            ("number", "0".to_owned()),
            ("customer", customer),
            ("products", format!("{{{}}}", products.join(","))),
            ("content", content),
            ("why", why),
            ("validated", validated),
            ("headers", headers().to_string()),
            ("before", before),
            ("after", after),
        ];
        Ok(Self { variables })
    }

    /// The path by which a draft is validated. Drafts count from 1.
    pub fn path(number: u64) -> String {
        format!("/invoices/01900000-0000-7000-b200-{number:012x}/validate")
    }

    /// Returns the statements that pgbench sends for each draft, as the API sends them.
    pub fn statements() -> Vec<String> {
        statements_of(TEMPLATE)
    }

    /// Has pgbench validate drafts for so many seconds. Returns the validations per second.
    ///
    /// # Errors
    /// Fails if pgbench cannot be started, or reports an error.
    pub async fn run(&self, world: &World, seconds: u64) -> Result<f64> {
        run_text(&text_of(TEMPLATE), world, CONNECTIONS, &self.variables, seconds).await
    }
}

pub(super) async fn measure(services: &Services, effort: Effort) -> Result<Vec<Measurement>> {
    let seconds = effort.pick(4, 10);
    let mut floor = Series::new("pgbench -M prepared, the same statements");
    let mut program = Series::new("POST /api/v1/invoices/{id}/validate");
    for round in effort.rounds() {
        progress(format!("invoices, round {round}: pgbench"));
        let (world, drafts) = prepared(services).await?;
        floor.push(drafts.run(&world, seconds).await?);
        numbers_are_complete(&world).await?;
        drop(world);

        progress(format!("invoices, round {round}: api"));
        let (world, _) = prepared(services).await?;
        program.push(validated(&world, seconds).await?);
        numbers_are_complete(&world).await?;
        let exit = world.run_api(&["invoices", "verify"]).await?;
        ensure!(exit.code == Some(0), "api invoices verify: {exit:?}");
    }
    let what = "invoices: POST /invoices/{id}/validate / pgbench";
    let claim = Claim::ratio(what, &program, &floor, Wanted::Nothing);
    let measurement = Measurement::new("validations of one series, 32 connections", "invoices/s")
        .series([floor, program])
        .claims([claim]);
    Ok(vec![measurement])
}

async fn prepared(services: &Services) -> Result<(World, Drafts)> {
    let world = outbox::fresh(services).await?;
    let api = Api::start(&world, &[("COMPTOIR__LOG__FILTER", "warn")]).await?;
    let drafts = Drafts::prepare(&world, &api, MEASURED + WARMING).await?;
    drop(api);
    outbox::checkpoint(&world).await;
    Ok((world, drafts))
}

/// Returns the validations per second over HTTP.
async fn validated(world: &World, seconds: u64) -> Result<f64> {
    let api = Api::start(world, &[("COMPTOIR__LOG__FILTER", "warn")]).await?;
    let server = address(api.http.root())?.to_owned();
    let key = &world.tenant().await?.api_key;
    let from = |first: u64| move |number: u64| format!("/api/v1{}", Drafts::path(first + number));
    http_load::command(&server, key, CONNECTIONS, WARM_UP, from(MEASURED + 1)).await?;
    let load = http_load::command(&server, key, CONNECTIONS, Duration::from_secs(seconds), from(1)).await?;
    ensure!(load.answered < MEASURED, "there were not enough drafts");
    #[expect(clippy::cast_precision_loss, reason = "a rate for people to read")]
    let rate = load.answered as f64 / load.elapsed.as_secs_f64();
    Ok(rate)
}

async fn numbers_are_complete(world: &World) -> Result<()> {
    let query = "SELECT count(*), max(position) FROM invoice_contents GROUP BY series, year";
    for row in world.sql().await?.query(query, &[]).await? {
        let (count, last): (i64, i64) = (row.get(0), row.get(1));
        ensure!(count == last && count > 1, "{count} numbers up to {last}");
    }
    Ok(())
}
