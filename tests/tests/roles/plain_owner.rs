//! Seen: a role that is no superuser owns the database and migrates. It could not insert events, and the relay saw none of
//! those that a superuser had written: "drained", exit 0, and every check said ok.

use anyhow::{Result, ensure};
use comptoir_tests::harness::{Consumer, QueueOptions, insert_event, order_body};
use serde_json::json;

use super::installation::{Installation, LIMIT};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_stands_alone_on_a_database_whose_owner_may_not_even_make_roles() -> Result<()> {
    let own = Installation::new("NOCREATEROLE").await?;
    let consumer = Consumer::attach(&own.vhost.url, QueueOptions::default()).await?;
    own.succeeds("relay", "owner", &["migrate"]).await?;
    let sql = own.sql("owner").await?;
    let made = "SELECT count(*) FROM pg_roles WHERE starts_with(rolname, $1)";
    let roles: i64 = sql.query_one(made, &[&own.name]).await?.get(0);
    ensure!(roles == 1, "relay migrate made a role");
    let commercial: Option<String> =
        sql.query_one("SELECT to_regclass('customers')::text", &[]).await?.get(0);
    ensure!(commercial.is_none(), "relay migrate made more than the relay needs");

    insert_event(&sql, "a-1", "thing.happened", "1").await?;
    let check = own.run("relay", "owner", &["check"]).await?;
    ensure!(check.code == Some(0), "{check:?}");
    own.succeeds("relay", "owner", &["--once", "--deadline", "30"]).await?;
    consumer.wait_for(1, LIMIT).await?;
    let kept: i64 = sql.query_one("SELECT count(*) FROM outbox_history", &[]).await?.get(0);
    ensure!(kept == 1, "{kept} events in the history");
    let days: i64 = sql
        .query_one("SELECT count(*) FROM pg_inherits WHERE inhparent = 'outbox_history'::regclass", &[])
        .await?
        .get(0);
    ensure!(days > 1, "no day of the history was made");

    // Everything else of the relay's set: the API's is refused in plain words.
    let exit = own.run("api", "owner", &["migrate"]).await?;
    ensure!(
        exit.code == Some(1)
            && exit.stderr.contains("CREATE ROLE")
            && exit.stderr.contains("may not create it"),
        "{exit:?}"
    );
    drop(sql);
    own.remove().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_plain_log_in_is_enough_for_a_trial() -> Result<()> {
    let own = Installation::new("CREATEROLE").await?;
    let consumer = Consumer::attach(&own.vhost.url, QueueOptions::default()).await?;
    own.succeeds("api", "owner", &["migrate"]).await?;
    let key = own.company("owner").await?;
    let (running, http) = own.api("owner", &key).await?;
    let customer = json!({"code": "C-1", "name": "Librairie", "email": "a@example.com"});
    let customer = http.post("/customers", &customer).await?;
    let product =
        json!({"sku": "P-1", "name": "Thé", "unit_price": "10.00", "vat_rate": "20", "stocked": false});
    let product = http.post("/products", &product).await?;
    let order = http.post("/orders", &order_body(&customer.json, &product.json)).await?;
    ensure!(order.status == 201, "{}", order.text);
    own.succeeds("relay", "owner", &["--once", "--deadline", "30"]).await?;
    let sql = own.sql("owner").await?;
    let kept: i64 = sql.query_one("SELECT count(*) FROM outbox_history", &[]).await?.get(0);
    ensure!(kept >= 3, "{kept} events were published");
    consumer.wait_for(usize::try_from(kept)?, LIMIT).await?;
    drop((sql, running));
    own.remove().await
}
