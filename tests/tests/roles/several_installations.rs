//! Seen: the runtime role had one name for the whole server. A second database, owned by somebody else, never got it.

use anyhow::{Result, ensure};
use comptoir_tests::harness::{Consumer, QueueOptions, connect, with_path};
use serde_json::json;
use tokio_postgres::error::SqlState;

use super::installation::Installation;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_installations_on_a_server_share_nothing() -> Result<()> {
    let (one, other) = (Installation::new("CREATEROLE").await?, Installation::new("NOCREATEROLE").await?);
    for own in [&one, &other] {
        own.set_up().await?;
        let _consumer = Consumer::attach(&own.vhost.url, QueueOptions::default()).await?;
        let key = own.company("api").await?;
        let (_running, http) = own.api("api", &key).await?;
        let body = json!({"code": "C-1", "name": "Librairie", "email": "a@example.com"});
        let answer = http.post("/customers", &body).await?;
        ensure!(answer.status == 201, "{}", answer.text);
        let exit = own.succeeds("relay", "relay", &["--once", "--deadline", "30"]).await?;
        ensure!(exit.code == Some(0), "{exit:?}");
        let sql = own.sql("owner").await?;
        let kept: i64 = sql.query_one("SELECT count(*) FROM outbox_history", &[]).await?.get(0);
        ensure!(kept > 0, "no event was published");
    }
    // Not even connected to: deploy/postgres/roles.sql shuts each to the roles of the other.
    let roles = ["api", "services", "relay", "writer", "auditor", "owner"];
    for (role, (from, to)) in
        roles.into_iter().flat_map(|role| [(role, (&one, &other)), (role, (&other, &one))])
    {
        let refused =
            tokio_postgres::connect(&with_path(&from.url(role)?, &to.name)?, tokio_postgres::NoTls).await;
        let code = refused.err().and_then(|error| error.code().cloned());
        ensure!(
            code == Some(SqlState::INSUFFICIENT_PRIVILEGE),
            "{role} of one installation connects to another: {code:?}"
        );
    }
    // And where everybody may, as on a server that was set up otherwise, they can do nothing there.
    other
        .sql("owner")
        .await?
        .batch_execute(&format!("GRANT CONNECT ON DATABASE {} TO PUBLIC", other.name))
        .await?;
    for role in roles {
        let stranger = connect(&with_path(&one.url(role)?, &other.name)?).await?;
        for table in ["customers", "outbox_events", "outbox_history", "audit_events", "tenants"] {
            let refused = stranger.query(&format!("SELECT FROM {table} LIMIT 1"), &[]).await;
            ensure!(refused.is_err(), "{role} of one installation reads {table} of another");
        }
        let taken = stranger.batch_execute(&format!("SET ROLE {}_runtime", other.name)).await;
        ensure!(taken.is_err(), "{role} of one installation becomes the runtime role of another");
    }
    one.remove().await?;
    other.remove().await
}
