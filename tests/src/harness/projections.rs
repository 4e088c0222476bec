//! What the projections must be: a recomputation from the write model that shares nothing with the program's own.

use std::time::Duration;

use anyhow::{Result, ensure};
use tokio_postgres::Client;

use super::{World, until};

/// Each report as it must be, and as it is, with a name.
const REPORTS: [(&str, &str, &str); 6] = [
    (
        "order_timeline",
        // From the orders themselves, where the program reads the audit trail.
        "SELECT * FROM (
            SELECT o.tenant_id, o.id, free.version, own.event, own.at, o.reference, o.customer_id,
                CASE own.event WHEN 'order.shipped' THEN o.tracking_number END AS tracking_number,
                CASE own.event WHEN 'order.cancelled' THEN o.cancellation_reason END AS reason
            FROM orders AS o, LATERAL (
                SELECT t.event, t.at, row_number() OVER (ORDER BY t.place) AS number
                FROM (VALUES (1, 'order.placed', o.placed_at), (2, 'order.confirmed', o.confirmed_at), (3, 'order.shipped', o.shipped_at),
                    (4, 'order.delivered', o.delivered_at),
                    (5, 'order.cancelled', CASE o.status WHEN 'cancelled' THEN o.cancelled_at END)) AS t (place, event, at)
                WHERE t.at IS NOT NULL AND NOT EXISTS (SELECT FROM order_steps AS s
                    WHERE s.tenant_id = o.tenant_id AND s.order_id = o.id AND s.event = t.event)
            ) AS own, LATERAL (
                SELECT v.version, row_number() OVER (ORDER BY v.version) AS number FROM generate_series(1::bigint, o.version) AS v (version)
                WHERE NOT EXISTS (SELECT FROM order_steps AS s
                    WHERE s.tenant_id = o.tenant_id AND s.order_id = o.id AND s.version = v.version)
            ) AS free
            WHERE free.number = own.number
            UNION ALL
            SELECT s.tenant_id, s.order_id, s.version, s.event, s.occurred_at, o.reference, o.customer_id, s.tracking_number,
                CASE s.event WHEN 'order.cancelled' THEN o.cancellation_reason END
            FROM order_steps AS s JOIN orders AS o ON o.tenant_id = s.tenant_id AND o.id = s.order_id
        ) AS steps",
        "SELECT tenant_id, order_id, version, event, occurred_at, reference, customer_id, tracking_number, reason FROM order_timeline",
    ),
    (
        "sales_by_day",
        "SELECT tenant_id, (placed_at AT TIME ZONE 'UTC')::date, currency, sum((status <> 'cancelled')::int)::bigint,
            sum(CASE WHEN status = 'cancelled' THEN 0 ELSE net_total END), sum(CASE WHEN status = 'cancelled' THEN 0 ELSE vat_total END),
            sum(CASE WHEN status = 'cancelled' THEN 0 ELSE gross_total END), sum((status = 'cancelled')::int)::bigint,
            sum(CASE WHEN status = 'cancelled' THEN gross_total ELSE 0 END)
        FROM orders GROUP BY 1, 2, 3",
        "SELECT tenant_id, (day AT TIME ZONE 'UTC')::date, currency, orders, net_total, vat_total, gross_total, cancelled_orders,
            cancelled_gross_total
        FROM sales_by_day",
    ),
    (
        "sales_by_product",
        "SELECT p.tenant_id, p.id, p.sku, p.name, p.archived_at IS NOT NULL, count(DISTINCT o.id) FILTER (WHERE o.status <> 'cancelled'),
            COALESCE(sum(l.quantity) FILTER (WHERE o.status <> 'cancelled'), 0),
            COALESCE(sum(l.net_amount) FILTER (WHERE o.status <> 'cancelled'), 0),
            -- An order of which an amendment took the product was one of it, too.
            GREATEST(max(o.placed_at), (SELECT max(d.placed_at) FROM order_steps AS s
                JOIN orders AS d ON d.tenant_id = s.tenant_id AND d.id = s.order_id
                WHERE s.tenant_id = p.tenant_id AND p.id = ANY (s.dropped_products)))
        FROM products AS p LEFT JOIN order_lines AS l ON l.tenant_id = p.tenant_id AND l.product_id = p.id
            LEFT JOIN orders AS o ON o.tenant_id = l.tenant_id AND o.id = l.order_id
        GROUP BY p.tenant_id, p.id",
        "SELECT tenant_id, product_id, sku, name, archived, orders, quantity, net_total, last_ordered_at FROM sales_by_product",
    ),
    (
        "customer_activity",
        "SELECT c.tenant_id, c.id, c.code, c.name, count(o.id) FILTER (WHERE o.status <> 'cancelled'),
            count(o.id) FILTER (WHERE o.status = 'cancelled'), COALESCE(sum(o.gross_total) FILTER (WHERE o.status <> 'cancelled'), 0),
            min(o.placed_at), max(o.placed_at), GREATEST(c.updated_at, max(o.updated_at))
        FROM customers AS c LEFT JOIN orders AS o ON o.tenant_id = c.tenant_id AND o.customer_id = c.id
        GROUP BY c.tenant_id, c.id",
        "SELECT tenant_id, customer_id, code, name, orders, cancelled_orders, gross_total, first_order_at, last_order_at, last_activity_at
        FROM customer_activity",
    ),
    (
        "sales_by_month",
        // From what the documents say, where the program reads the rows beside it.
        "SELECT i.tenant_id, date_trunc('month', i.issue_date)::date, i.customer_id, said.content ->> 'currency', count(*),
            sum(said.sign * ((said.content #>> '{totals,net}')::numeric - said.deposits)), sum(said.sign * (said.content #>> '{totals,vat}')::numeric)
        FROM invoices AS i LEFT JOIN invoices AS o ON o.tenant_id = i.tenant_id AND o.id = i.corrects
        JOIN LATERAL (
            SELECT c.content::jsonb AS content, CASE i.kind WHEN 'credit_note' THEN -1 ELSE 1 END AS sign,
                CASE WHEN COALESCE(o.kind, i.kind) = 'prepayment' THEN (c.content::jsonb #>> '{totals,net}')::numeric ELSE (
                    SELECT COALESCE(sum((l ->> 'net')::numeric), 0) FROM jsonb_array_elements(c.content::jsonb -> 'lines') AS l
                    WHERE (l ->> 'quantity')::numeric < 0) END AS deposits
            FROM invoice_contents AS c WHERE c.tenant_id = i.tenant_id AND c.invoice_id = i.id
        ) AS said ON true
        GROUP BY 1, 2, 3, 4",
        "SELECT tenant_id, (month AT TIME ZONE 'UTC')::date, customer_id, currency, documents, net_total, vat_total FROM sales_by_month",
    ),
    (
        "receivables",
        "SELECT c.tenant_id, c.id, COALESCE(i.invoiced, 0), COALESCE(i.credited, 0), COALESCE(p.paid, 0),
            COALESCE(i.invoiced, 0) - COALESCE(i.credited, 0) - COALESCE(p.paid, 0)
        FROM customers AS c
        LEFT JOIN LATERAL (
            SELECT sum(CASE WHEN one.kind <> 'credit_note' THEN one.gross_total ELSE 0 END) AS invoiced,
                sum(CASE WHEN one.kind = 'credit_note' THEN one.gross_total ELSE 0 END) AS credited
            FROM invoices AS one WHERE one.tenant_id = c.tenant_id AND one.customer_id = c.id AND one.number IS NOT NULL
        ) AS i ON true
        LEFT JOIN LATERAL (
            SELECT sum(one.amount) AS paid FROM payments AS one WHERE one.tenant_id = c.tenant_id AND one.customer_id = c.id
        ) AS p ON true
        WHERE i.invoiced IS NOT NULL OR p.paid IS NOT NULL",
        "SELECT tenant_id, customer_id, invoiced, credited, paid, open_total FROM receivables",
    ),
];

/// Returns what is wrong with the reports that readers see: nothing, if they are what the write model says.
///
/// # Errors
/// Fails if the database cannot be asked.
pub async fn wrong_with_projections(sql: &Client) -> Result<Vec<String>> {
    // One snapshot of everything.
    sql.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    let mut wrong = Vec::new();
    for (name, expected, found) in REPORTS {
        let found = format!("{found} WHERE generation = (SELECT generation FROM projection_state)");
        for (what, one, other) in
            [("is missing or wrong", expected, &*found), ("should not be there", &*found, expected)]
        {
            let rows = sql
                .query(&format!("SELECT row_to_json(r)::text FROM ({one} EXCEPT ALL {other}) AS r"), &[])
                .await?;
            if let Some(first) = rows.first() {
                wrong.push(format!(
                    "{name}: {} rows {what}, such as {}",
                    rows.len(),
                    first.get::<_, &str>(0)
                ));
            }
        }
    }
    sql.batch_execute("COMMIT").await?;
    Ok(wrong)
}

/// Waits until the reports are what the write model says, and nothing is open. Nothing may be written meanwhile.
///
/// # Errors
/// Fails at the deadline, with what is wrong.
pub async fn projections_are_right(world: &World, limit: Duration) -> Result<()> {
    let sql = world.sql().await?;
    until("the projections to be what the write model says", limit, async || {
        let open = "SELECT count(*) FROM projection_inbox WHERE state IN ('waiting', 'dead')";
        let open: i64 = sql.query_one(open, &[]).await?.get(0);
        let pending: i64 = sql.query_one("SELECT count(*) FROM outbox_events", &[]).await?.get(0);
        ensure!(open == 0 && pending == 0, "{pending} events wait in the outbox, {open} in the inbox");
        let wrong = wrong_with_projections(&sql).await?;
        ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
        Ok(())
    })
    .await
}
