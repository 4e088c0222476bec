//! Read: which error PostgreSQL answered was told from its English text. With another `lc_messages` a lock time-out was a
//! 500, a deadlock was not tried again, and a standby was not recognised.

use anyhow::{Context, Result, ensure};
use comptoir_core::platform::config::SecretUrl;
use comptoir_core::platform::database::{self, DatabaseConfig, StatementFault, sqlstate};
use comptoir_tests::harness::{Api, PrivateServices, World};
use diesel::result::Error;
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use reqwest::Method;
use serde_json::json;

const LANGUAGE: &str = "fr_FR";

fn config(url: &str) -> DatabaseConfig {
    DatabaseConfig {
        url: SecretUrl::new(url),
        tls_mode: String::new(),
        tls_ca_file: String::new(),
        tls_cert_file: String::new(),
        tls_key_file: String::new(),
        pool_size: 1,
        tenant_share_percent: 100,
        wait_timeout_ms: 5_000,
        connect_timeout_ms: 5_000,
        statement_timeout_ms: 30_000,
        lock_timeout_ms: 30_000,
        work_timeout_ms: 60_000,
        idle_in_transaction_timeout_ms: 60_000,
        role: None,
    }
}

async fn fails(connection: &mut AsyncPgConnection, statements: &str) -> Result<Error> {
    let error = connection.batch_execute(statements).await.err().context("it succeeded")?;
    // A transaction that was begun.
    connection.batch_execute("ROLLBACK").await?;
    Ok(error)
}

fn check(error: &Error, code: &str, fault: StatementFault) -> Result<()> {
    let found = sqlstate(error).map(|found| found.code().to_owned());
    ensure!(found.as_deref() == Some(code), "{code}: {found:?}, {error}");
    ensure!(StatementFault::of(error) == fault, "{code}: {:?}, {error}", StatementFault::of(error));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_are_told_apart_by_their_codes() {
    let postgres = PrivateServices::start_postgres_that_speaks(LANGUAGE).expect("PostgreSQL");
    let world = World::new(postgres.services.clone()).await.expect("a world");
    codes(&world).await.expect("the same in every language");
    answers(&world).await.expect("the same in every language");
    drop(world);
}

async fn codes(world: &World) -> Result<()> {
    use StatementFault::{Contention, Other, ReadOnly, Stale, Timeout};
    let config = config(&world.database.url);
    let (mut one, mut two) = (database::connect(&config).await?, database::connect(&config).await?);
    one.batch_execute("CREATE TABLE things (id integer PRIMARY KEY, amount integer CHECK (amount > 0))")
        .await?;
    one.batch_execute("INSERT INTO things VALUES (1, 1), (2, 2)").await?;

    let error = fails(&mut one, "SELECT nothing_of_the_kind()").await?;
    // The programs of another version than the distribution's are built without translations: there only the codes are compared.
    let is_translated = std::env::var("POSTGRES").map_or(true, |version| version.is_empty());
    ensure!(
        !is_translated || error.to_string().contains("n'existe pas"),
        "it does not speak French: {error}"
    );
    check(&error, "42883", Other)?;
    check(&fails(&mut one, "INSERT INTO things VALUES (1, 1)").await?, "23505", Other)?;
    check(&fails(&mut one, "INSERT INTO things VALUES (3, 0)").await?, "23514", Other)?;
    check(&fails(&mut one, "BEGIN READ ONLY; DELETE FROM things").await?, "25006", ReadOnly)?;
    let slow = "BEGIN; SET LOCAL statement_timeout = 50; SELECT pg_sleep(60)";
    check(&fails(&mut one, slow).await?, "57014", Timeout)?;

    two.batch_execute("BEGIN; UPDATE things SET amount = 5 WHERE id = 1").await?;
    let blocked = "BEGIN; SET LOCAL lock_timeout = 50; UPDATE things SET amount = 6 WHERE id = 1";
    check(&fails(&mut one, blocked).await?, "55P03", Timeout)?;
    one.batch_execute("BEGIN; UPDATE things SET amount = 6 WHERE id = 2").await?;
    let (first, second) = tokio::join!(
        one.batch_execute("UPDATE things SET amount = 7 WHERE id = 1"),
        two.batch_execute("UPDATE things SET amount = 7 WHERE id = 2"),
    );
    let error = first.err().or(second.err()).context("no deadlock")?;
    check(&error, "40P01", Contention)?;
    one.batch_execute("ROLLBACK").await?;
    two.batch_execute("ROLLBACK").await?;

    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM things";
    one.batch_execute(begin).await?;
    two.batch_execute("UPDATE things SET amount = 8 WHERE id = 1").await?;
    let error = fails(&mut one, "UPDATE things SET amount = 9 WHERE id = 1").await?;
    check(&error, "40001", Contention)?;

    one.batch_execute("PREPARE all_things AS SELECT * FROM things; EXECUTE all_things").await?;
    two.batch_execute("ALTER TABLE things ALTER COLUMN amount TYPE bigint").await?;
    check(&fails(&mut one, "EXECUTE all_things").await?, "0A000", Stale)
}

async fn answers(world: &World) -> Result<()> {
    let impatient =
        [("COMPTOIR__DATABASE__WAIT_TIMEOUT_MS", "500"), ("COMPTOIR__DATABASE__LOCK_TIMEOUT_MS", "1000")];
    let mut api = Api::start(world, &impatient).await?;
    let customer = api.customer("C-1").await?;
    let path = format!("/customers/{}", customer["id"].as_str().unwrap_or_default());
    let body = json!({"code": "C-1", "name": "Anna", "email": "a@example.com"});
    let answer = api.http.post("/customers", &body).await?;
    assert_eq!((answer.status, answer.code()), (409, "customer_code_taken"), "{}", answer.text);

    let sql = world.sql().await?;
    sql.batch_execute("BEGIN; SELECT FROM customers FOR UPDATE").await?;
    let answer = api.http.send(Method::PATCH, &path, &[("If-Match", "*")], Some(&body)).await?;
    assert_eq!((answer.status, answer.code()), (503, "unavailable"), "{}", answer.text);
    assert!(answer.header("retry-after").is_some());
    sql.batch_execute("COMMIT").await?;
    let answer = api.http.send(Method::PATCH, &path, &[("If-Match", "*")], Some(&body)).await?;
    assert_eq!(answer.status, 200, "{}", answer.text);
    api.daemon.terminate(std::time::Duration::from_secs(30)).await?;
    Ok(())
}
