//! What each role may do, table by table: what docs/roles.md says, and not a privilege more.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};

use super::installation::Installation;

/// On tables; of columns only the writer has some.
const TABLES: &str = "
    SELECT r.rolname::text, c.relname::text, string_agg(p, ',' ORDER BY p)
    FROM pg_roles AS r, pg_class AS c, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) AS p
    WHERE starts_with(r.rolname, $1) AND c.relkind IN ('r', 'p', 'v', 'S') AND c.relnamespace = 'public'::regnamespace
        AND c.relkind <> 'S' AND has_table_privilege(r.oid, c.oid, p)
    GROUP BY 1, 2 ORDER BY 1, 2";

const FUNCTIONS: &str = "
    SELECT r.rolname::text, string_agg(p.proname::text, ',' ORDER BY p.proname)
    FROM pg_roles AS r, pg_proc AS p
    WHERE starts_with(r.rolname, $1) AND p.pronamespace = 'public'::regnamespace AND p.prosecdef
        AND has_function_privilege(r.oid, p.oid, 'EXECUTE')
    GROUP BY 1";

/// Of one role.
fn expected(role: &str) -> &'static [(&'static str, &'static str)] {
    match role {
        "runtime" => &[
            ("__diesel_schema_migrations", "SELECT"),
            ("api_keys", "INSERT,SELECT,UPDATE"),
            ("audit_events", "SELECT"),
            ("customers", "DELETE,INSERT,SELECT,UPDATE"),
            ("idempotency_records", "INSERT,SELECT"),
            ("login_throttles", "DELETE,INSERT,SELECT,UPDATE"),
            ("order_lines", "INSERT,SELECT"),
            ("orders", "INSERT,SELECT,UPDATE"),
            ("products", "DELETE,INSERT,SELECT,UPDATE"),
            ("rate_limit_counts", "DELETE,INSERT,SELECT,UPDATE"),
            ("refresh_tokens", "INSERT,SELECT,UPDATE"),
            ("sessions", "INSERT,SELECT,UPDATE"),
            ("tenants", "INSERT,SELECT,UPDATE"),
            ("user_tokens", "DELETE,INSERT,SELECT,UPDATE"),
            ("users", "INSERT,SELECT,UPDATE"),
        ],
        "services" => {
            &[("outbox_dead_letters", "SELECT"), ("outbox_events", "SELECT"), ("outbox_history", "SELECT")]
        }
        "relay" => &[
            ("__diesel_schema_migrations", "SELECT"),
            ("outbox_dead_letters", "DELETE,INSERT,SELECT,UPDATE"),
            ("outbox_events", "DELETE,SELECT,UPDATE"),
            ("outbox_history", "INSERT,SELECT"),
            ("outbox_history_default", "DELETE,SELECT"),
            ("outbox_operation_events", "INSERT,SELECT"),
            ("outbox_operations", "INSERT,SELECT,UPDATE"),
            ("relay_replicas", "DELETE,INSERT,SELECT,UPDATE"),
            ("relay_shards", "SELECT,UPDATE"),
            ("relay_upkeep", "SELECT,UPDATE"),
        ],
        "auditor" => &[("audit_chains", "SELECT"), ("audit_events", "SELECT"), ("tenants", "SELECT")],
        // Columns alone, and nothing.
        _ => &[],
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_role_has_what_its_program_uses_and_nothing_else() -> Result<()> {
    let own = Installation::new("NOCREATEROLE").await?;
    own.set_up().await?;
    let owner = own.sql("owner").await?;
    let mut found: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    let prefix = format!("{}_", own.name);
    for row in owner.query(TABLES, &[&prefix]).await? {
        let role: String = row.get(0);
        found.entry(role.replace(&prefix, "")).or_default().push((row.get(1), row.get(2)));
    }
    found.remove("owner");
    for role in ["runtime", "api", "services", "relay", "writer", "auditor"] {
        let has: Vec<(&str, &str)> = found
            .get(role)
            .into_iter()
            .flatten()
            .map(|(table, may)| (table.as_str(), may.as_str()))
            .collect();
        assert_eq!(has, expected(role), "{role}");
    }
    let mut functions: BTreeMap<String, String> = BTreeMap::new();
    for row in owner.query(FUNCTIONS, &[&prefix]).await? {
        let role: String = row.get(0);
        functions.insert(role.replace(&prefix, ""), row.get(1));
    }
    functions.remove("owner");
    for (role, names) in [
        ("runtime", "audit_append,find_api_key,find_login,find_refresh_token,find_user_token,outbox_append"),
        ("services", "prune_idempotency_records,prune_sessions"),
        (
            "relay",
            "outbox_history_drop_day,outbox_history_end_exclusions,outbox_history_exclude_day,outbox_history_make_day,\
             outbox_history_prove_exclusion",
        ),
    ] {
        assert_eq!(functions.remove(role).as_deref(), Some(names), "{role}");
    }
    assert_eq!(functions, BTreeMap::new(), "functions that run as the owner");

    let writer = own.sql("writer").await?;
    let columns = "INSERT INTO outbox_events (aggregate_type, aggregate_id, event_type, payload, tenant_id, id, aggregate_version,
        schema_version, headers, occurred_at)
        VALUES ('thing', 'a', 'thing.happened', '1', gen_random_uuid(), gen_random_uuid(), 1, 1, '{}', now())";
    writer.batch_execute(columns).await?;
    for refused in [
        "INSERT INTO outbox_events (transaction_id, aggregate_type, aggregate_id, event_type, payload)
            VALUES (1, 'thing', 'a', 'thing.happened', '1')",
        "INSERT INTO outbox_events (retry_count, aggregate_type, aggregate_id, event_type, payload)
            VALUES (1, 'thing', 'a', 'thing.happened', '1')",
        "SELECT FROM outbox_events",
        "DELETE FROM outbox_events",
        "CREATE TABLE mine (a integer)",
        "CALL outbox_grant_relay(current_user::regrole)",
    ] {
        let error = writer.batch_execute(refused).await.expect_err(refused);
        assert_eq!(error.code().map(|code| code.code()), Some("42501"), "{refused}: {error:?}");
    }
    // `COPY` works: no row-level security is in its way.
    let copied = writer
        .copy_in::<_, bytes::Bytes>(
            "COPY outbox_events (aggregate_type, aggregate_id, event_type, payload) FROM STDIN",
        )
        .await;
    ensure!(copied.is_ok(), "COPY is refused");
    drop((copied, writer, owner));
    own.remove().await
}
