//! Seen, where everybody may create something in the schema: an operator that fits better than the system's own, planted for
//! a function that runs as the owner, made the runtime role a superuser. And one that was there before the first migration became
//! a part of a table: its generated column called it for good.

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
    services.batch_execute("SELECT prune_sessions(1, 10); SELECT prune_idempotency_records(1, 10)").await?;

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schema_in_which_a_stranger_planted_something_is_not_migrated() -> Result<()> {
    let own = Installation::new("NOCREATEROLE").await?;
    own.make_roles().await?;
    let owner = own.sql("owner").await?;
    let stranger = own.sql("writer").await?;
    let grant = "GRANT CREATE ON SCHEMA public TO PUBLIC";
    for (planted, named, removed) in [
        (
            "CREATE FUNCTION hashtextextended(text, integer) RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT 1::bigint'",
            "the function public.hashtextextended(text,integer) of",
            "DROP FUNCTION hashtextextended(text, integer)",
        ),
        (
            "CREATE OPERATOR & (LEFTARG = bigint, RIGHTARG = integer, FUNCTION = pg_catalog.int84pl)",
            "the operator public.&(bigint,integer) of",
            "DROP OPERATOR & (bigint, integer)",
        ),
        ("CREATE DOMAIN public.money AS text", "the type public.money of", "DROP DOMAIN public.money"),
        (
            "CREATE TABLE __diesel_schema_migrations (version varchar(50) PRIMARY KEY, run_on timestamp DEFAULT now());
            GRANT ALL ON __diesel_schema_migrations TO PUBLIC",
            "the table public.__diesel_schema_migrations of",
            "DROP TABLE __diesel_schema_migrations",
        ),
    ] {
        owner.batch_execute(grant).await?;
        stranger.batch_execute(planted).await?;
        for program in ["api", "relay"] {
            let refused = own.run(program, "owner", &["migrate"]).await?;
            ensure!(
                refused.code == Some(1) && refused.stderr.contains(named) && refused.stderr.contains("_writer"),
                "{planted}: {refused:?}"
            );
        }
        let made: bool =
            owner.query_one("SELECT to_regclass('outbox_events') IS NOT NULL", &[]).await?.get(0);
        ensure!(!made, "{planted}: migrated all the same");
        stranger.batch_execute(removed).await?;
    }
    // A table does no harm; and nothing of all that is in the way any more.
    owner.batch_execute(grant).await?;
    stranger.batch_execute("CREATE TABLE harmless (a integer)").await?;
    own.succeeds("api", "owner", &["migrate"]).await?;
    let version: i32 =
        owner.query_one("SELECT current_setting('server_version_num')::integer", &[]).await?.get(0);
    // Before, the schema belongs to somebody else, who alone can take it away.
    if version >= 150_000 {
        let refused = stranger.batch_execute("CREATE TABLE more (a integer)").await;
        ensure!(refused.is_err(), "everybody may still create objects in the schema");
    }
    drop((owner, stranger));
    own.remove().await
}

/// An operator for each pair of these types for which the system has none, and functions in the same way: what would fit better
/// wherever a statement relies on a conversion. Each says which it is when it is called.
const FITTING: &str = "
    DO $plant$
    DECLARE
        types text[] := ARRAY['smallint', 'integer', 'bigint', 'numeric', 'double precision', 'text', 'varchar', 'name', 'uuid',
            'jsonb', 'json', 'boolean', 'timestamptz', 'bytea', 'oid', 'regclass', 'regrole', 'interval', '\"char\"'];
        symbol text; one text; other text; result text; called text; arguments text;
        number integer := 0;
    BEGIN
        FOREACH symbol IN ARRAY ARRAY['=', '<>', '<', '<=', '>', '>=', '||', '&', '+', '-', '~', '->>', '%', '*'] LOOP
            FOR one, other IN SELECT a, b FROM unnest(types) AS a, unnest(types) AS b LOOP
                CONTINUE WHEN EXISTS (SELECT FROM pg_operator WHERE oprname = symbol
                    AND oprleft = one::regtype AND oprright = other::regtype);
                number := number + 1;
                result := CASE WHEN symbol IN ('||', '->>') THEN 'text' WHEN symbol IN ('&', '+', '-', '%', '*') THEN one
                    ELSE 'boolean' END;
                EXECUTE format('CREATE FUNCTION planted_%s(%s, %s) RETURNS %s LANGUAGE plpgsql IMMUTABLE
                    AS $$BEGIN RAISE EXCEPTION USING MESSAGE = %L; END$$', number, one, other, result,
                    format('planted: %s %s %s', one, symbol, other));
                EXECUTE format('CREATE OPERATOR %s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = planted_%s)', symbol, one, other, number);
            END LOOP;
        END LOOP;
        FOR called, arguments IN
            SELECT f, a FROM unnest(ARRAY['hashtextextended', 'format', 'current_setting', 'convert_to', 'acldefault', 'pg_has_role',
                'to_regclass', 'has_table_privilege', 'left']) AS f, unnest(types) AS first, unnest(types) AS second,
                unnest(ARRAY[first || ', ' || second]) AS a
            UNION ALL
            SELECT f, a FROM unnest(ARRAY['format', 'octet_length', 'char_length', 'length', 'quote_ident', 'sha256', 'jsonb_typeof',
                'json_typeof', 'jsonb_object_keys', 'current_setting', 'to_regclass']) AS f, unnest(types) AS a
            UNION ALL
            SELECT f, first || ', text, ' || last FROM unnest(ARRAY['replace', 'format', 'set_config']) AS f, unnest(types) AS first,
                unnest(types) AS last
            UNION ALL
            SELECT 'make_interval', p || ' integer' FROM unnest(ARRAY['days', 'hours']) AS p
        LOOP
            CONTINUE WHEN arguments !~ 'days|hours' AND to_regprocedure('pg_catalog.' || called || '(' || arguments || ')') IS NOT NULL;
            CONTINUE WHEN called = 'make_interval' AND to_regprocedure('public.make_interval(integer)') IS NOT NULL;
            EXECUTE format('CREATE FUNCTION %s(%s) RETURNS text LANGUAGE plpgsql IMMUTABLE
                AS $$BEGIN RAISE EXCEPTION USING MESSAGE = %L; END$$', called, arguments, format('planted: %s(%s)', called, arguments));
        END LOOP;
    END
    $plant$";

/// What the migrations made and what depends on one of those.
const BOUND: &str = "
    SELECT pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid) || ': '::text
        || pg_catalog.pg_describe_object(d.refclassid, d.refobjid, 0)
    FROM pg_depend AS d
    LEFT JOIN pg_operator AS o ON d.refclassid::bigint = 'pg_operator'::regclass::bigint AND o.oid OPERATOR(pg_catalog.=) d.refobjid
    LEFT JOIN pg_proc AS p ON d.refclassid::bigint = 'pg_proc'::regclass::bigint AND p.oid OPERATOR(pg_catalog.=) d.refobjid
    WHERE d.classid::bigint <> 'pg_operator'::regclass::bigint AND (o.oprnamespace::bigint = 'public'::regnamespace::bigint
        OR p.prosrc LIKE '%planted: %'::text)
        -- What an extension brings refers to its own operators.
        AND NOT EXISTS (SELECT FROM pg_depend AS e WHERE e.deptype::text = 'e'::text AND e.classid::bigint = d.refclassid::bigint
            AND e.objid::bigint = d.refobjid::bigint)";

/// Whatever of the schema runs as the owner, or belongs to a table.
const USES: &str = "
    SET LOCAL comptoir.tenant_id = '00000000-0000-0000-0000-000000000001';
    SELECT outbox_append(ARRAY[gen_random_uuid()], ARRAY['a'], ARRAY['b'], ARRAY[1::bigint], ARRAY['c'], ARRAY[1::smallint],
        ARRAY['{}'], ARRAY['{}'], ARRAY[now()]);
    INSERT INTO outbox_events (aggregate_type, aggregate_id, event_type, payload, headers)
        VALUES ('a', 'b', 'c', '1', pg_catalog.jsonb_build_object('a', pg_catalog.repeat('x', 300)));
    SELECT audit_append(gen_random_uuid(), now(), 'user', NULL, 'a', NULL, 'b', 'c', 'd', '{}', '{}', 'e', NULL);
    SELECT prune_sessions(1, 1); SELECT prune_idempotency_records(1, 1);
    SELECT find_login('a', 'b'); SELECT find_user_token(''); SELECT find_refresh_token(''); SELECT find_api_key('');
    SELECT outbox_history_make_day('2020-01-01'); SELECT outbox_history_exclude_day('2020-01-02');
    SELECT outbox_history_prove_exclusion('2020-01-02'); SELECT outbox_history_end_exclusions();
    SELECT outbox_history_drop_day('2020-01-01');
    INSERT INTO tenants VALUES (gen_random_uuid(), 1, 'abc', 'a', 'none', NULL, NULL, NULL, 'EUR', 'UTC', now(), now());
    INSERT INTO customers VALUES (gen_random_uuid(), gen_random_uuid(), 1, 'a', 'b', 'c', NULL, '[]', now(), now());
    INSERT INTO products VALUES (gen_random_uuid(), gen_random_uuid(), 1, 'a', 'b', 1, 20, false, NULL, now(), now());
    INSERT INTO login_throttles VALUES (pg_catalog.sha256('a'::bytea), 1, now(), NULL, gen_random_uuid());";

/// The owner's own objects are not refused, so it can be seen that the migrations would not be caught by a stranger's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_there_before_the_first_migration_is_no_part_of_any_table() -> Result<()> {
    let own = Installation::new("NOCREATEROLE").await?;
    let owner = own.sql("owner").await?;
    owner.batch_execute(FITTING).await?;
    own.set_up().await?;
    let bound: Vec<String> = owner.query(BOUND, &[]).await?.iter().map(|row| row.get(0)).collect();
    ensure!(bound.is_empty(), "{bound:#?}");
    owner.batch_execute(&format!("BEGIN; {USES} ROLLBACK")).await?;
    drop(owner);
    own.remove().await
}
