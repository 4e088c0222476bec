//! The API without its database, and with clients that go away.

use std::time::Duration;

use anyhow::{Result, ensure};
use comptoir_tests::harness::{Api, Http, Proxy, World, address, order_body, until, with_address};
use serde_json::json;
use tokio::io::AsyncWriteExt;

/// An API that reaches its database through a proxy.
async fn behind_proxy(world: &World) -> Result<(Api, Proxy)> {
    let proxy = Proxy::start(address(&world.database.url)?).await?;
    let url = with_address(&world.database.api_url, &proxy.address())?;
    let api = Api::start(world, &[("DATABASE_URL", &url)]).await?;
    Ok((api, proxy))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_database_the_api_says_come_back_and_then_goes_on() {
    World::run(async |world| {
        let (api, proxy) = behind_proxy(world).await?;
        let (customer, product) = (api.customer("C-1").await?, api.product("P-1").await?);
        proxy.cut();
        for _ in 0..3 {
            let answer = api.http.post("/orders", &order_body(&customer, &product)).await?;
            assert_eq!(answer.status, 503, "{}", answer.text);
            assert_eq!(answer.header("content-type"), Some("application/problem+json"));
            assert!(answer.header("retry-after").is_some_and(|seconds| seconds.parse::<u32>().is_ok()));
        }
        let answer = api.http.get("/orders").await?;
        assert_eq!(answer.status, 503, "{}", answer.text);
        assert_eq!(api.http.get("//health/live").await?.status, 200, "restarting it would not help");
        assert_eq!(api.http.get("//health/ready").await?.status, 503);
        let health = api.operations.get("//health").await?;
        assert_eq!((health.status, health.field("status")), (503, "failing"), "{}", health.text);
        let database = &health.json["contributors"][0];
        assert_eq!(
            (&database["name"], &database["status"]),
            (&json!("database"), &json!("failing")),
            "{database}"
        );
        proxy.heal();
        until("orders to be accepted again", Duration::from_secs(10), async || {
            api.order(&customer, &product).await
        })
        .await?;
        // What was found a moment ago is answered again: readiness follows within seconds.
        until("readiness to follow", Duration::from_secs(10), async || {
            let answer = api.http.get("//health/ready").await?;
            ensure!(answer.status == 200, "{}", answer.text);
            let health = api.operations.get("//health").await?;
            ensure!(health.status == 200, "{}", health.text);
            Ok(())
        })
        .await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_does_not_answer_is_not_waited_for_without_end() {
    World::run(async |world| {
        let (api, proxy) = behind_proxy(world).await?;
        let (customer, product) = (api.customer("C-1").await?, api.product("P-1").await?);
        proxy.swallow_answers();
        let begin = std::time::Instant::now();
        let answer = api.http.post("/orders", &order_body(&customer, &product)).await?;
        assert_eq!(answer.status, 503, "{}", answer.text);
        assert!(begin.elapsed() < Duration::from_secs(25), "{:?}", begin.elapsed());
        proxy.heal();
        until("orders to be accepted again", Duration::from_secs(30), async || {
            api.order(&customer, &product).await
        })
        .await?;
        Ok(())
    })
    .await;
}

/// Until so many sessions of this database wait for a lock: so many commands have arrived and are in the middle of their work.
async fn waiting_for_locks(world: &World, sessions: i64) -> Result<()> {
    let sql = world.sql().await?;
    until(format!("{sessions} commands to wait for a lock"), Duration::from_secs(10), async || {
        let waiting = "SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        let waiting: i64 = sql.query_one(waiting, &[]).await?.get(0);
        ensure!(waiting >= sessions, "{waiting}");
        Ok(())
    })
    .await
}

/// A client that hangs up (with a reset) after its request has arrived: the order is placed all the same, and no
/// connection of the pool is left with an open transaction.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_disconnects_leaves_no_half_finished_work() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, product) = (api.customer("C-1").await?, api.product("P-1").await?);
        // The first order of a product locks it: all of the following wait for the table alone.
        api.order(&customer, &product).await?;
        let sql = world.sql().await?;
        let address = address(api.http.root())?.to_owned();
        let body = order_body(&customer, &product).to_string();
        // Keeps the command waiting in the middle of its transaction.
        sql.batch_execute("BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE").await?;
        for number in 1..=4 {
            let mut stream = tokio::net::TcpStream::connect(&address).await?;
            let head = format!(
                "POST /api/v1/orders HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
                world.tenant().await?.api_key,
                body.len()
            );
            stream.write_all(format!("{head}{body}").as_bytes()).await?;
            stream.flush().await?;
            waiting_for_locks(world, number).await?;
            // Unread data or a zero linger make a reset.
            #[expect(deprecated, reason = "of no harm here: there is nothing to send")]
            stream.set_linger(Some(Duration::ZERO))?;
            drop(stream);
        }
        sql.batch_execute("COMMIT").await?;
        until("the orders to be placed", Duration::from_secs(10), async || {
            let count: i64 = sql.query_one("SELECT count(*) FROM orders", &[]).await?.get(0);
            ensure!(count == 5, "{count} orders");
            Ok(())
        })
        .await?;
        let administrator = world.administrator().await?;
        until("no transaction to be left open", Duration::from_secs(5), async || {
            let open: i64 = administrator
                .query_one(
                    "SELECT count(*) FROM pg_stat_activity
                     WHERE datname = current_database() AND state LIKE 'idle in transaction%'",
                    &[],
                )
                .await?
                .get(0);
            ensure!(open == 0, "{open} open transactions");
            Ok(())
        })
        .await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_lets_requests_under_way_finish() {
    World::run(async |world| {
        let mut api = world.api().await?;
        let (customer, product) = (api.customer("C-1").await?, api.product("P-1").await?);
        let sql = world.sql().await?;
        sql.batch_execute("BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE").await?;
        let http: Http = api.http.clone();
        let body = order_body(&customer, &product);
        let request = tokio::spawn(async move { http.post("/orders", &body).await });
        waiting_for_locks(world, 1).await?;
        api.daemon.signal(nix::sys::signal::Signal::SIGTERM)?;
        tokio::time::sleep(Duration::from_millis(200)).await;
        sql.batch_execute("COMMIT").await?;
        let answer = request.await??;
        assert_eq!(answer.status, 201, "{}", answer.text);
        let status = api.daemon.wait(Duration::from_secs(25)).await?;
        assert!(status.success(), "{status}");
        Ok(())
    })
    .await;
}
