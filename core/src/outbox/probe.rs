//! The statements of a relay, which `relay check` tries in a transaction that is rolled back.

use uuid::Uuid;

use crate::platform::check::Step;

/// Returns every statement that the relay and its operators need, in the order of an event's life.
pub fn relay_trial() -> Vec<Step> {
    let (id, replica) = (Uuid::new_v4(), Uuid::new_v4());
    let columns = "seq, id, tenant_id, aggregate_type, aggregate_id, aggregate_version, event_type, schema_version, payload,
        headers, occurred_at, shard, retry_count, next_attempt_at, last_error";
    vec![
        Step::new(
            "append an event",
            format!(
                "INSERT INTO outbox_events (id, aggregate_type, aggregate_id, event_type, payload)
                VALUES ('{id}', 'relay_check', '{id}', 'relay.check', '{{}}')"
            ),
        ),
        Step::holds(
            "read it as the relay does",
            &format!("EXISTS (SELECT FROM outbox_events WHERE id = '{id}')"),
            "the event that was just written is not seen: a policy of row-level security hides it",
        ),
        Step::holds(
            "see what others have written",
            "NOT row_security_active('outbox_events') AND NOT row_security_active('outbox_dead_letters')
                AND NOT row_security_active('outbox_history')",
            "row-level security is on for the outbox and holds for this role: events of others may be hidden",
        ),
        Step::new(
            "put off a retry",
            format!(
                "UPDATE outbox_events SET retry_count = 1, next_attempt_at = now(), last_error = 'a check',
                    transaction_id = pg_current_xact_id()::text::bigint WHERE id = '{id}'"
            ),
        ),
        Step::new(
            "make a dead letter, and take it back",
            format!(
                "INSERT INTO outbox_dead_letters ({columns}, reason) SELECT {columns}, 'a check' FROM outbox_events WHERE id = '{id}';
                UPDATE outbox_dead_letters SET last_error = 'a check', payload = payload WHERE id = '{id}';
                DELETE FROM outbox_dead_letters WHERE id = '{id}'"
            ),
        ),
        Step::new(
            "move it to the history",
            format!(
                "WITH gone AS (DELETE FROM outbox_events WHERE id = '{id}' RETURNING *)
                INSERT INTO outbox_history ({columns}) SELECT {columns} FROM gone"
            ),
        ),
        Step::holds(
            "read the history",
            &format!("EXISTS (SELECT FROM outbox_history WHERE id = '{id}' AND published_at > now() - interval '1 hour')"),
            "the event that was just published is not in the history: a policy of row-level security hides it",
        ),
        Step::new(
            "keep the history",
            "SELECT outbox_history_drop_day('2000-01-01');
            UPDATE relay_upkeep SET claimed_until = claimed_until WHERE false;
            DELETE FROM outbox_history_default WHERE false",
        ),
        Step::new(
            "be a replica and lease shards",
            format!(
                "INSERT INTO relay_replicas (id, name, version, lease_ttl_ms) VALUES ('{replica}', 'relay check', '0', 1);
                UPDATE relay_replicas SET last_seen_at = now() WHERE id = '{replica}';
                DELETE FROM relay_replicas WHERE id = '{replica}';
                UPDATE relay_shards SET epoch = epoch WHERE shard = (
                    SELECT shard FROM relay_shards LIMIT 1 FOR UPDATE SKIP LOCKED)"
            ),
        ),
        Step::new(
            "write down an operation",
            format!(
                "INSERT INTO outbox_operations (id, operator, host, operation, filter)
                VALUES ('{replica}', 'relay check', '', 'discard', '{{}}');
                INSERT INTO outbox_operation_events (operation_id, event_id) VALUES ('{replica}', '{id}');
                UPDATE outbox_operations SET finished_at = now() WHERE id = '{replica}'"
            ),
        ),
    ]
}
