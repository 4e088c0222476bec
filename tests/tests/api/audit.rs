//! The audit trail: what can be read of it, and that whatever is done to its rows is found.

use std::time::Duration;

use anyhow::{Result, ensure};
use comptoir_tests::harness::{Answer, Api, Exit, Http, RUNTIME_ROLE, World, api_key, command, run};
use serde_json::Value;
use tokio_postgres::Client;

const COMMAND_LIMIT: Duration = Duration::from_secs(60);

async fn verify(world: &World, arguments: &[&str]) -> Result<Exit> {
    let mut command = command("api")?;
    command.args(["audit", "verify"]).args(arguments).env("DATABASE_URL", &world.database.auditor_url);
    run(command, COMMAND_LIMIT).await
}

async fn assert_sound(world: &World) -> Result<()> {
    let exit = verify(world, &[]).await?;
    ensure!(exit.code == Some(0) && exit.stdout.contains("sound"), "{exit:?}");
    Ok(())
}

/// What `verify --json` says of a trail that it finds broken.
async fn broken(world: &World, arguments: &[&str]) -> Result<Vec<Value>> {
    let exit = verify(world, &[&["--json"], arguments].concat()).await?;
    ensure!(exit.code == Some(1), "the trail should be broken: {exit:?}");
    let report: Value = serde_json::from_str(&exit.stdout)?;
    ensure!(report["sound"] == false && exit.stderr.contains("the audit trail is broken"), "{exit:?}");
    Ok(report["broken"].as_array().cloned().unwrap_or_default())
}

/// A trail of so many rows, some with a state before, one without a state after.
async fn trail(api: &Api, customers: usize) -> Result<()> {
    for number in 0..customers {
        let customer = api.customer(&format!("C-{number}")).await?;
        let path = format!("/customers/{}", customer["id"].as_str().unwrap_or_default());
        let deleted = api.http.send(reqwest::Method::DELETE, &path, &[("If-Match", "\"1\"")], None).await?;
        ensure!(deleted.status == 204, "{}", deleted.text);
    }
    Ok(())
}

/// All rows into one chain, hashed as the database does, so that a row has neighbours to be taken from: which chain a command
/// writes to depends on the connection that it gets.
async fn gather(sql: &Client) -> Result<()> {
    let gathered = "
        DROP TABLE IF EXISTS kept;
        CREATE TEMP TABLE kept AS SELECT * FROM audit_events;
        DELETE FROM audit_events;
        DELETE FROM audit_chains;
        SELECT set_config('comptoir.tenant_id', (SELECT min(tenant_id::text) FROM kept), false);
        DO $$ DECLARE k kept; BEGIN
            FOR k IN SELECT * FROM kept ORDER BY occurred_at, id LOOP
                PERFORM audit_append(k.id, k.occurred_at, k.actor_type, k.actor_id, k.actor_name, k.session_id, k.action,
                    k.resource_type, k.resource_id, k.before, k.after, k.request_id, k.client_address);
            END LOOP;
        END $$";
    Ok(sql.batch_execute(gathered).await?)
}

/// Each column of a row, and SQL that changes a little of it.
const CHANGES: [(&str, &str); 21] = [
    ("tenant_id", "gen_random_uuid()"),
    ("chain", "(chain + 1) % 64"),
    ("position", "position + 1000"),
    ("id", "gen_random_uuid()"),
    ("occurred_at", "occurred_at + interval '1 microsecond'"),
    ("actor_type", "'user'"),
    (
        "actor_id",
        "overlay(actor_id::text placing CASE left(actor_id::text, 1) WHEN '0' THEN '1' ELSE '0' END from 1 for 1)::uuid",
    ),
    ("actor_name", "actor_name || ' '"),
    ("session_id", "gen_random_uuid()"),
    ("action", "upper(left(action, 1)) || substr(action, 2)"),
    ("resource_type", "'Customer'"),
    ("resource_id", "left(resource_id, -1) || 'g'"),
    ("before", "jsonb_build_object('a', before)"),
    ("after", "replace(after::text, 'C-', 'D-')::jsonb"),
    ("salt", "gen_random_uuid()"),
    ("before_digest", "set_byte(before_digest, 31, get_byte(before_digest, 31) # 1)"),
    ("after_digest", "set_byte(after_digest, 0, get_byte(after_digest, 0) # 128)"),
    ("request_id", "request_id || '0'"),
    ("client_address", "'127.0.0.2'"),
    ("previous_hash", "set_byte(previous_hash, 31, get_byte(previous_hash, 31) # 1)"),
    ("hash", "set_byte(hash, 0, get_byte(hash, 0) # 128)"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_change_in_any_column_of_any_row_is_found() {
    World::run(async |world| {
        let api = world.api().await?;
        trail(&api, 3).await?;
        let sql = world.sql().await?;
        // What a change writes must differ from what chance has put there: an actor whose id begins with what is written first.
        sql.batch_execute(
            "UPDATE audit_events SET actor_id = overlay(actor_id::text placing '0' from 1 for 1)::uuid
            WHERE occurred_at = (SELECT min(occurred_at) FROM audit_events)",
        )
        .await?;
        gather(&sql).await?;
        assert_sound(world).await?;
        sql.batch_execute("CREATE TABLE saved AS SELECT * FROM audit_events").await?;
        let columns = "SELECT attname FROM pg_attribute WHERE attrelid = 'audit_events'::regclass AND attnum > 0";
        let columns = sql.query(columns, &[]).await?;
        assert_eq!(columns.len(), CHANGES.len(), "every column is tried");
        for (column, change) in CHANGES {
            // The first one, one in the middle, the last one.
            for position in [1_i64, 3, 6] {
                let changed = format!(
                    "UPDATE audit_events SET {column} = {change} WHERE position = {position} AND {column} IS DISTINCT FROM {change}"
                );
                if sql.execute(&changed, &[]).await? == 0 {
                    // Some rows have no state before, or none after.
                    ensure!(column.contains("after") || column.contains("before"), "nothing changed by {changed}");
                    continue;
                }
                let found = broken(world, &[]).await?;
                // The row itself, wherever it is now, or the next one.
                let is_near = |one: &Value| {
                    [0, 1, 1000].map(|away| Some(position + away)).contains(&one["position"].as_i64())
                };
                assert!(found.iter().any(is_near), "{column} at {position}: {found:?}");
                sql.batch_execute("TRUNCATE audit_events; INSERT INTO audit_events SELECT * FROM saved").await?;
            }
        }
        assert_sound(world).await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_are_removed_swapped_or_slipped_in_are_found() {
    World::run(async |world| {
        let api = world.api().await?;
        trail(&api, 3).await?;
        let sql = world.sql().await?;
        gather(&sql).await?;
        sql.batch_execute(
            "CREATE TABLE saved AS SELECT * FROM audit_events; CREATE TABLE saved_chains AS SELECT * FROM audit_chains",
        )
        .await?;
        for (tampering, position, rule) in [
            ("DELETE FROM audit_events WHERE position = 3", 4, "gap"),
            ("DELETE FROM audit_events WHERE position = 1", 2, "gap"),
            ("DELETE FROM audit_events WHERE position > 4", 6, "head"),
            ("DELETE FROM audit_events", 6, "head"),
            ("DELETE FROM audit_chains", 6, "head"),
            ("UPDATE audit_chains SET position = 5", 6, "head"),
            ("UPDATE audit_chains SET hash = sha256('x')", 6, "head"),
            (
                "UPDATE audit_events AS e SET position = 5 - position WHERE position IN (2, 3)",
                2,
                "link",
            ),
            (
                "INSERT INTO audit_events SELECT tenant_id, chain, 7, gen_random_uuid(), occurred_at, actor_type, actor_id,
                    actor_name, session_id, action, resource_type, resource_id, before, after, salt, before_digest, after_digest,
                    request_id, client_address, hash, sha256('x') FROM audit_events WHERE position = 6",
                7,
                "content",
            ),
            (
                "UPDATE audit_events SET position = position + 1 WHERE position > 3;
                INSERT INTO audit_events SELECT tenant_id, chain, 4, gen_random_uuid(), occurred_at, actor_type, actor_id,
                    actor_name, session_id, action, resource_type, resource_id, before, after, salt, before_digest, after_digest,
                    request_id, client_address, previous_hash, hash FROM audit_events WHERE position = 3",
                4,
                "link",
            ),
        ] {
            // The primary key would refuse positions that are exchanged row by row.
            sql.batch_execute("ALTER TABLE audit_events DROP CONSTRAINT IF EXISTS audit_events_pkey").await?;
            sql.batch_execute(tampering).await?;
            let found = broken(world, &[]).await?;
            assert_eq!(found.len(), 1, "{tampering}: {found:?}");
            assert_eq!((found[0]["position"].as_i64(), found[0]["rule"].as_str()), (Some(position), Some(rule)), "{tampering}");
            sql.batch_execute(
                "TRUNCATE audit_events, audit_chains; INSERT INTO audit_events SELECT * FROM saved;
                INSERT INTO audit_chains SELECT * FROM saved_chains",
            )
            .await?;
        }
        assert_sound(world).await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_anew_as_a_whole_differs_from_its_anchors() {
    World::run(async |world| {
        let api = world.api().await?;
        trail(&api, 2).await?;
        let sql = world.sql().await?;
        gather(&sql).await?;
        let anchors = world.logs().join("anchors").display().to_string();
        let saved = verify(world, &["--save-anchors", &anchors]).await?;
        assert_eq!(saved.code, Some(0), "{saved:?}");
        trail(&api, 1).await?;
        let later = verify(world, &["--anchors", &anchors]).await?;
        assert_eq!(later.code, Some(0), "what came later does not matter: {later:?}");
        // Cut off, with a head that fits.
        sql.batch_execute(
            "DELETE FROM audit_events AS e USING audit_chains AS c WHERE e.chain = c.chain AND c.position >= 4 AND e.position > 3;
            UPDATE audit_chains AS c SET position = e.position, hash = e.hash FROM audit_events AS e
            WHERE e.chain = c.chain AND c.position >= 4 AND e.position = 3",
        )
        .await?;
        assert_sound(world).await?;
        let found = broken(world, &["--anchors", &anchors]).await?;
        assert_eq!((found[0]["position"].as_i64(), found[0]["rule"].as_str()), (Some(4), Some("anchor_missing")));
        // Another story, hashed as it should be.
        sql.batch_execute("UPDATE audit_events SET action = 'customer.update'").await?;
        gather(&sql).await?;
        assert_sound(world).await?;
        let found = broken(world, &["--anchors", &anchors]).await?;
        assert!(["anchor", "anchor_missing"].contains(&found[0]["rule"].as_str().unwrap_or_default()), "{found:?}");
        let unreadable = verify(world, &["--anchors", "/nonexistent"]).await?;
        assert_eq!(unreadable.code, Some(1), "{unreadable:?}");
        // All of it, heads and all.
        sql.batch_execute("TRUNCATE audit_events, audit_chains").await?;
        let found = broken(world, &["--anchors", &anchors]).await?;
        assert!(!found.is_empty() && found.iter().all(|one| one["rule"] == "anchor_missing"), "{found:?}");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_erased_is_gone_and_sound_and_who_erased_it_is_said() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, other) = (api.customer("C-1").await?, api.customer("C-2").await?);
        let (id, other) = (customer["id"].as_str().unwrap_or_default(), other["id"].as_str().unwrap_or_default());
        let deleted =
            api.http.send(reqwest::Method::DELETE, &format!("/customers/{id}"), &[("If-Match", "\"1\"")], None).await?;
        assert_eq!(deleted.status, 204, "{}", deleted.text);
        let tenant = world.tenant().await?.id.to_string();
        let erase = async |id: &str| {
            let resource = ["--resource-type", "customer", "--resource-id", id];
            world.run_api(&[&["audit", "erase", "--tenant", &tenant][..], &resource].concat()).await
        };
        let erased = erase(id).await?;
        assert_eq!(erased.code, Some(0), "{erased:?}");
        assert!(erased.stdout.contains("of 2 rows"), "{}", erased.stdout);

        let verdict = verify(world, &["--json"]).await?;
        assert_eq!(verdict.code, Some(0), "{verdict:?}");
        let verdict: Value = serde_json::from_str(&verdict.stdout)?;
        assert_eq!((&verdict["sound"], &verdict["rows"], &verdict["erased"]), (&true.into(), &4.into(), &2.into()));
        let rows = listed(&api.http, &format!("?resource_id={id}&sort=occurred_at")).await?;
        let shown = |row: &Value| (row["erased"] == true, row["before"].is_null() && row["after"].is_null());
        assert_eq!(rows.iter().map(shown).collect::<Vec<_>>(), [(true, true), (true, true), (false, false)]);
        let record = &rows[2];
        assert_eq!((&record["action"], &record["actor_type"]), (&"audit.erase".into(), &"operator".into()));
        assert_eq!(record["after"], serde_json::json!({"rows": 2}));
        let sql = world.sql().await?;
        let left: i64 = sql
            .query_one("SELECT count(*) FROM audit_events AS e WHERE action <> 'audit.erase' AND e::text LIKE '%\"C-1\"%'", &[])
            .await?
            .get(0);
        assert_eq!(left, 0, "no column holds the text");

        let again = erase(id).await?;
        assert!(again.code == Some(1) && again.stderr.contains("nothing to erase"), "{again:?}");
        // Somebody who may change the table, and says nothing.
        sql.execute("UPDATE audit_events SET before = NULL, after = NULL, salt = NULL WHERE resource_id = $1", &[&other])
            .await?;
        let found = broken(world, &[]).await?;
        assert_eq!((found.len(), found[0]["rule"].as_str()), (1, Some("erasure")), "{found:?}");
        Ok(())
    })
    .await;
}

/// Two companies have rows about resources of the same names, in chains of the same number.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_verified_and_erased_of_one_company_is_not_anothers_nor_of_another_kind() {
    World::run(async |world| {
        let sql = world.sql().await?;
        let ours = world.tenant().await?.id;
        let theirs = comptoir_tests::harness::Tenant::create(&sql, "Other").await?.id;
        // One session: which chain a row goes to depends on it.
        for (tenant, kind) in [(ours, "customer"), (theirs, "customer"), (ours, "product"), (theirs, "product")] {
            sql.batch_execute(&format!(
                "SELECT set_config('comptoir.tenant_id', '{tenant}', false);
                SELECT audit_append(gen_random_uuid(), now(), 'operator', NULL, 'somebody', NULL, 'a.change', '{kind}', '1', NULL,
                    '{{\"name\": \"Ada\"}}', 'a request', NULL)"
            ))
            .await?;
        }
        assert_sound(world).await?;
        let ours = ours.to_string();
        let erase = async |kind: &str| {
            let resource = ["--resource-type", kind, "--resource-id", "1"];
            world.run_api(&[&["audit", "erase", "--tenant", &ours][..], &resource].concat()).await
        };
        let nothing = erase("supplier").await?;
        assert!(nothing.code == Some(1) && nothing.stderr.contains("nothing to erase"), "{nothing:?}");
        let erased = erase("customer").await?;
        assert!(erased.code == Some(0) && erased.stdout.contains("of 1 row"), "{erased:?}");
        assert_sound(world).await?;
        // That one company's was erased by an operator does not explain that another's is gone.
        let gone = "UPDATE audit_events SET before = NULL, after = NULL, salt = NULL
            WHERE resource_type = 'customer' AND action = 'a.change' AND salt IS NOT NULL RETURNING tenant_id::text";
        let gone = sql.query_one(gone, &[]).await?;
        assert_eq!(gone.get::<_, String>(0), theirs.to_string());
        let found = broken(world, &[]).await?;
        assert_eq!((found.len(), &found[0]["rule"]), (1, &"erasure".into()), "{found:?}");
        assert_eq!(found[0]["tenant_id"], theirs.to_string());
        assert_eq!(verify(world, &["--tenant", &ours]).await?.code, Some(0));
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_see_everything_is_not_told_that_it_is_sound() {
    World::run(async |world| {
        let url = format!(
            "{}{}options=-c%20role%3D{RUNTIME_ROLE}",
            world.database.api_url,
            if world.database.api_url.contains('?') { '&' } else { '?' }
        );
        let mut command = command("api")?;
        command.args(["audit", "verify"]).env("DATABASE_URL", url);
        let exit = run(command, COMMAND_LIMIT).await?;
        assert_eq!(exit.code, Some(1), "{exit:?}");
        assert!(exit.stderr.contains("does not see the rows of all tenants"), "{}", exit.stderr);
        Ok(())
    })
    .await;
}

async fn listed(http: &Http, query: &str) -> Result<Vec<Value>> {
    let answer = http.get(&format!("/audit-events{query}")).await?;
    ensure!(answer.status == 200, "{query}: {}", answer.text);
    Ok(answer.json["data"].as_array().cloned().unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_trail_says_who_did_what_and_is_filtered_and_paged() {
    World::run(async |world| {
        let api = world.api().await?;
        let customer = api.customer("C-1").await?;
        let product = api.product("P-1").await?;
        let order = api.order(&customer, &product).await?;
        let all = listed(&api.http, "").await?;
        let actions: Vec<_> = all.iter().map(|one| one["action"].as_str().unwrap_or_default()).collect();
        assert_eq!(actions, ["order.place", "product.create", "customer.create"], "newest first");
        let placed = &all[0];
        assert_eq!((&placed["resource_type"], &placed["resource_id"]), (&"order".into(), &order["id"]));
        assert_eq!(placed["actor_type"], "api_key");
        assert_eq!(placed["client_address"], "127.0.0.1");
        assert_eq!((&placed["before"], placed["after"].is_object()), (&Value::Null, true));
        let actor = placed["actor_id"].as_str().unwrap_or_default();
        let at = placed["occurred_at"].as_str().unwrap_or_default();
        for (query, expected) in [
            ("?action=product.create".to_owned(), 1),
            ("?resource_type=order".to_owned(), 1),
            (format!("?resource_id={}", customer["id"].as_str().unwrap_or_default()), 1),
            (format!("?actor_id={actor}"), 3),
            ("?actor_id=00000000-0000-0000-0000-000000000000".to_owned(), 0),
            (format!("?occurred_from={at}"), 1),
            (format!("?occurred_before={at}"), 2),
        ] {
            assert_eq!(listed(&api.http, &query).await?.len(), expected, "{query}");
        }
        let first = api.http.get("/audit-events?limit=2&sort=occurred_at").await?;
        let cursor = first.json["next_cursor"].as_str().unwrap_or_default();
        let rest = listed(&api.http, &format!("?limit=2&sort=occurred_at&cursor={cursor}")).await?;
        assert_eq!(rest.len(), 1);
        assert_eq!(rest[0]["id"], placed["id"]);
        for query in ["?actor_id=me", "?occurred_from=yesterday", "?sort=action", "?nonsense=1", "?limit=0"] {
            assert_eq!(api.http.get(&format!("/audit-events{query}")).await?.status, 422, "{query}");
        }
        Ok(())
    })
    .await;
}

fn csv_rows(answer: &Answer) -> Result<Vec<csv::StringRecord>> {
    let mut reader = csv::Reader::from_reader(answer.text.as_bytes());
    Ok(reader.records().collect::<Result<_, _>>()?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_export_is_csv_that_no_spreadsheet_runs() {
    World::run(async |world| {
        let api = world.api().await?;
        let hostile = [("X-Request-Id", "=HYPERLINK(1)")];
        let body = serde_json::json!({"code": "C-1", "name": "One, \"two\"", "email": "someone@example.com"});
        let created = api.http.send(reqwest::Method::POST, "/customers", &hostile, Some(&body)).await?;
        assert_eq!(created.status, 201, "{}", created.text);
        for number in 0..250 {
            api.customer(&format!("D-{number}")).await?;
        }
        let exported = api.http.get("/audit-events.csv").await?;
        assert_eq!(exported.status, 200, "{}", exported.text);
        assert_eq!(exported.header("content-type"), Some("text/csv; charset=utf-8; header=present"));
        assert!(exported.text.starts_with("occurred_at,id,actor_type,"), "{:.200}", exported.text);
        assert_eq!(exported.text.matches("\r\n").count(), 252, "a line each, as RFC 4180 ends them");
        let rows = csv_rows(&exported)?;
        assert_eq!(rows.len(), 251, "more than one page");
        let first = rows.last().expect("a row");
        assert_eq!(&first[11], "'=HYPERLINK(1)");
        let after: Value = serde_json::from_str(&first[10])?;
        assert_eq!(after["name"], "One, \"two\"");
        let filtered = api.http.get("/audit-events.csv?action=order.place").await?;
        assert_eq!(csv_rows(&filtered)?.len(), 0);
        assert_eq!(api.http.get("/audit-events.csv?limit=1").await?.status, 422);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_trail_is_for_those_who_may_read_it_and_of_their_own_tenant() {
    World::run(async |world| {
        let api = world.api().await?;
        api.customer("C-1").await?;
        let sql = world.sql().await?;
        let tenant = world.tenant().await?;
        let without = api.http.clone().with_credential(&api_key(&sql, tenant.id, &["orders:read"]).await?);
        for path in ["/audit-events", "/audit-events.csv"] {
            assert_eq!(without.get(path).await?.status, 403, "{path}");
        }
        let other = comptoir_tests::harness::Tenant::create(&sql, "Other").await?;
        let other = api.http.clone().with_credential(&other.api_key);
        assert_eq!(listed(&other, "").await?.len(), 0);
        assert_eq!(csv_rows(&other.get("/audit-events.csv").await?)?.len(), 0);
        Ok(())
    })
    .await;
}
