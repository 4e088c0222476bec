//! Seen, where everybody may create something in the schema: an operator that fits better than the system's own, planted for
//! a function that runs as the owner, made the runtime role a superuser.

use anyhow::{Result, ensure};
use comptoir_tests::harness::{Consumer, QueueOptions};
use serde_json::json;

use super::installation::Installation;

/// What a stranger plants: it writes down who calls it.
const PLANTED: &str = "
    CREATE TABLE caught (caller name);
    GRANT INSERT, SELECT ON caught TO PUBLIC;
    CREATE FUNCTION catch(a text, b text) RETURNS text LANGUAGE plpgsql AS $$
        BEGIN INSERT INTO public.caught VALUES (current_user); RETURN pg_catalog.textcat(a, b); END $$;
    CREATE OPERATOR || (LEFTARG = text, RIGHTARG = text, FUNCTION = catch);
    CREATE FUNCTION same(a uuid, b uuid) RETURNS boolean LANGUAGE plpgsql AS $$
        BEGIN INSERT INTO public.caught VALUES (current_user); RETURN pg_catalog.uuid_eq(a, b); END $$;
    CREATE OPERATOR = (LEFTARG = uuid, RIGHTARG = uuid, FUNCTION = same);
    CREATE FUNCTION same_varchar(a varchar, b varchar) RETURNS boolean LANGUAGE plpgsql AS $$
        BEGIN INSERT INTO public.caught VALUES (current_user); RETURN pg_catalog.texteq(a, b); END $$;
    CREATE OPERATOR = (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = same_varchar);
    CREATE FUNCTION decode(text, varchar) RETURNS bytea LANGUAGE plpgsql AS $$
        BEGIN INSERT INTO public.caught VALUES (current_user); RETURN pg_catalog.decode($1, $2::text); END $$;
    CREATE FUNCTION format(text, name) RETURNS text LANGUAGE plpgsql AS $$
        BEGIN INSERT INTO public.caught VALUES (current_user); RETURN pg_catalog.format($1, $2); END $$;
    CREATE FUNCTION sum_int(a smallint, b bigint) RETURNS bigint LANGUAGE plpgsql AS $$
        BEGIN INSERT INTO public.caught VALUES (current_user); RETURN a::bigint + b; END $$;
    CREATE OPERATOR % (LEFTARG = smallint, RIGHTARG = bigint, FUNCTION = sum_int);";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_planted_in_the_schema_never_runs_as_the_owner() -> Result<()> {
    let own = Installation::new("NOCREATEROLE").await?;
    own.set_up().await?;
    let _consumer = Consumer::attach(&own.vhost.url, QueueOptions::default()).await?;
    let owner = own.sql("owner").await?;
    owner.batch_execute("GRANT CREATE ON SCHEMA public TO PUBLIC").await?;
    own.sql("writer").await?.batch_execute(PLANTED).await?;

    let key = own.company("api").await?;
    let (_running, http) = own.api("api", &key).await?;
    let body = json!({"code": "C-1", "name": "Librairie", "email": "a@example.com"});
    let answer = http.post_with_key("/customers", "one", &body).await?;
    ensure!(answer.status == 201, "{}", answer.text);
    own.succeeds("relay", "relay", &["--once", "--deadline", "30"]).await?;
    let services = own.sql("services").await?;
    services.batch_execute("SELECT prune_sessions(0, 10); SELECT prune_idempotency_records(0, 10)").await?;

    let name = format!("{}_owner", own.name);
    let caught: i64 =
        owner.query_one("SELECT count(*) FROM caught WHERE caller = $1::text::name", &[&name]).await?.get(0);
    ensure!(caught == 0, "a function that runs as the owner called what a stranger had planted");
    // The guard itself: what names no schema does call it.
    owner.batch_execute("SELECT 'a'::text || 'b'::text").await?;
    let check = own.run("relay", "relay", &["check"]).await?;
    ensure!(check.stdout.contains("everybody may create objects"), "{check:?}");
    drop((owner, services));
    own.remove().await
}
