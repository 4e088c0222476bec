//! pgbench is a floor for the API only as long as it does the same: it sends the same statements, its rows are as long, and the stock is
//! right when it has ended.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use comptoir_tests::bench::{Drafts, ONE_LINE, Script, THREE_LINES, seed};
use comptoir_tests::harness::{Api, Plans, PrivateServices, World};
use serde_json::Value;
use tokio_postgres::Client;

const PRODUCTS: u64 = 1_000;
const SECONDS: u64 = 2;
/// The longest text of each kind that an order leaves behind: of those up to `$1`, which the API wrote, or of those after it, which
/// pgbench wrote. The ids of its orders begin alike.
const LENGTHS: &str = "
    SELECT 'the payload of ' || event_type, max(length(payload::text))::bigint
    FROM outbox_events WHERE (seq > $1) = $2 GROUP BY event_type
    UNION ALL
    SELECT 'the headers of ' || event_type, max(length(headers::text) + length(origin::text))::bigint
    FROM outbox_events WHERE (seq > $1) = $2 GROUP BY event_type
    UNION ALL
    SELECT 'the row of ' || action, max(length(after::text))::bigint
    FROM audit_events WHERE action = 'order.place' AND (resource_id LIKE '01900000-0000-7000-b000-%') = $2 GROUP BY action";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pgbench_does_what_the_api_does() -> Result<()> {
    let server = PrivateServices::start_postgres()?;
    for script in [THREE_LINES, ONE_LINE] {
        let world = World::new(server.services.clone()).await?;
        seed(&world).await?;
        let mut plans = plans_of(&world, &server).await?;
        let api = world.api().await?;
        sends_the_same(script, &api, &mut plans).await?;
        writes_as_much(script, &world).await?;
        api.proof().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pgbench_validates_invoices_as_the_api_does() -> Result<()> {
    let server = PrivateServices::start_postgres()?;
    let world = World::new(server.services.clone()).await?;
    let mut plans = plans_of(&world, &server).await?;
    let api = world.api().await?;
    // More than pgbench validates in these seconds.
    let drafts = Drafts::prepare(&world, &api, 40_000).await?;
    let validate = async |number| -> Result<()> {
        let answer = api.http.command(&Drafts::path(number)).await?;
        ensure!(answer.status == 200, "{}", answer.text);
        Ok(())
    };
    // Far behind those that pgbench takes. The first ones look up who asks, too.
    for number in 39_900..39_903 {
        validate(number).await?;
    }
    plans.forget()?;
    validate(39_903).await?;
    is_the_same(&mut plans, "INSERT INTO \"invoice_contents\"", &Drafts::statements()).await?;
    // pgbench ends with an error if it lacks a draft, or a constraint refuses what it writes.
    drafts.run(&world, SECONDS).await?;
    let query = "SELECT count(*) > 10 AND count(*) = max(position) FROM invoice_contents";
    ensure!(world.sql().await?.query_one(query, &[]).await?.get::<_, bool>(0), "numbers with gaps");
    Ok(())
}

async fn plans_of(world: &World, server: &PrivateServices) -> Result<Plans> {
    let plans = Plans::of(world, server).await?;
    // What the database's functions do themselves is not sent.
    let name = world.database.name();
    let setting = format!("ALTER DATABASE {name} SET auto_explain.log_nested_statements = 'off'");
    world.superuser().await?.batch_execute(&setting).await?;
    Ok(plans)
}

async fn sends_the_same(script: Script, api: &Api, plans: &mut Plans) -> Result<()> {
    let order: Value = serde_json::from_str(&script.order(PRODUCTS))?;
    // The first ones look up who asks, too.
    for _ in 0..3 {
        api.created("/orders", &order).await?;
    }
    plans.forget()?;
    api.created("/orders", &order).await?;
    is_the_same(plans, "INSERT INTO \"orders\"", &script.statements()).await
}

/// Compares the statements of the last transaction that sends this one with those of a script.
async fn is_the_same(plans: &mut Plans, statement: &str, written: &[String]) -> Result<()> {
    let logged = plans.until(|plan| plan.statement.starts_with("SELECT audit_append")).await?;
    let found = logged.iter().find(|plan| plan.statement.starts_with(statement));
    let session = &found.with_context(|| format!("{statement} was not sent"))?.session;
    let sent: Vec<String> = logged
        .iter()
        .filter(|plan| plan.session == *session)
        .map(|plan| plan.statement.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    // The transaction may not be the only one of its session.
    let first = sent.iter().rposition(|statement| statement.starts_with("SELECT true FROM api_keys"));
    let last = sent.iter().rposition(|statement| statement.starts_with("SELECT audit_append"));
    let (first, last) = first.zip(last).context("no beginning, or no end")?;
    let sent = sent.get(first..=last).context("its end came before its beginning")?;
    let equal = sent.iter().zip(written).take_while(|(one, other)| one == other).count();
    ensure!(
        equal == sent.len() && equal == written.len(),
        "statement {} is\n{:?}\nof the API, and\n{:?}\nof the script: write the script as the API is",
        equal + 1,
        sent.get(equal),
        written.get(equal)
    );
    Ok(())
}

async fn writes_as_much(script: Script, world: &World) -> Result<()> {
    let sql = world.sql().await?;
    let last: i64 = sql.query_one("SELECT max(seq) FROM outbox_events", &[]).await?.get(0);
    script.run(world, PRODUCTS, SECONDS).await?;
    let (by_api, by_pgbench) = (lengths(&sql, last, false).await?, lengths(&sql, last, true).await?);
    // Of an order and of a level: their payloads and headers, and the row of the audit trail.
    ensure!(by_api.len() == 5, "the API wrote {by_api:?}");
    for (what, length) in &by_api {
        let other = by_pgbench.get(what).with_context(|| format!("pgbench does not write {what}"))?;
        ensure!(
            (length - other).abs() * 10 <= *length,
            "{what} has {length} characters by the API, {other} by pgbench"
        );
    }
    Ok(())
}

async fn lengths(sql: &Client, last: i64, of_pgbench: bool) -> Result<BTreeMap<String, i64>> {
    let rows = sql.query(LENGTHS, &[&last, &of_pgbench]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}
