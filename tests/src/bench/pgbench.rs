//! pgbench as the floor of placing orders and of validating invoices: what PostgreSQL can do when nobody parses, checks, calculates or
//! answers. It sends the statements that the API sends, from the scripts beside this file.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::harness::{RUNTIME_ROLE, World, run};

/// Sessions of pgbench, and connections of the HTTP client.
pub(super) const CONNECTIONS: u64 = 16;
/// How long pgbench may take to connect and to end.
const LONGEST_END: Duration = Duration::from_secs(60);
/// The number of customers in seed.sql.
const CUSTOMERS: u64 = 100;
/// What the API sets in each of its sessions (api/src/default.toml).
const SESSION: &str =
    "-c statement_timeout=10000 -c lock_timeout=5000 -c idle_in_transaction_session_timeout=15000";
/// What control a transaction, and have no parameters.
const CONTROL: [&str; 3] = ["BEGIN", "SET LOCAL ", "COMMIT"];
/// An id and a time as long as real ones.
const ID: &str = "01a1fca1-d90b-76c6-baa8-14d444c77537";
const AT: &str = "2026-11-21T05:43:47.722196Z";

/// An order with so many lines, each of two units of a product: as clients ask for it, and as pgbench writes it.
#[derive(Debug, Clone, Copy)]
pub struct Script {
    template: &'static str,
    lines: u64,
}

pub const THREE_LINES: Script = Script { template: include_str!("orders.pgbench.sql"), lines: 3 };
pub const ONE_LINE: Script = Script { template: include_str!("stock.pgbench.sql"), lines: 1 };

impl Script {
    /// Returns the body of a request for such an order of some of the first `products` products. Each line has a part of them to
    /// itself: no product is in two lines.
    pub fn order(self, products: u64) -> String {
        let part = products / self.lines;
        let line = |line: u64| {
            let product = line * part + rand::random_range(1..=part);
            format!(r#"{{"product_id":"01900000-0000-7000-9000-{product:012x}","quantity":"2"}}"#)
        };
        let lines: Vec<String> = (0..self.lines).map(line).collect();
        let customer = rand::random_range(1..=CUSTOMERS);
        format!(
            r#"{{"customer_id":"01900000-0000-7000-a000-{customer:012x}","lines":[{}]}}"#,
            lines.join(",")
        )
    }

    /// Returns the statements as the API sends them, but for those that begin and end its transaction and bind it to its tenant.
    pub fn statements(self) -> Vec<String> {
        statements_of(self.template)
    }

    /// Returns the script as pgbench reads it, but for the tenant and the API key.
    pub(super) fn text(self) -> String {
        text_of(self.template)
    }

    /// Has pgbench place orders of the first `products` products for so many seconds. Returns the orders per second.
    ///
    /// # Errors
    /// Fails if pgbench cannot be started, or reports an error.
    pub async fn run(self, world: &World, products: u64, seconds: u64) -> Result<f64> {
        self.run_changed(&self.text(), world, products, seconds).await
    }

    /// The same with a text that differs from the script's own.
    pub(super) async fn run_changed(
        self,
        text: &str,
        world: &World,
        products: u64,
        seconds: u64,
    ) -> Result<f64> {
        run_text(text, world, CONNECTIONS, &self.variables(products), seconds).await
    }

    /// Returns the variables of the script that it does not set itself. Texts are as long as those that the API writes.
    fn variables(self, products: u64) -> [(&'static str, String); 6] {
        [
            ("number", "0".to_owned()),
            ("products", products.to_string()),
            ("placed", self.placed().to_string()),
            ("changed", changed().to_string()),
            ("headers", headers().to_string()),
            ("after", self.after().to_string()),
        ]
    }

    /// Returns the payload of `order.placed`.
    fn placed(self) -> Value {
        let line = |position: u64| {
            json!({
                "position": position, "product_id": ID, "sku": "P-100", "name": "Product 100", "quantity": "2", "unit_price": "10.00",
                "vat_rate": "20", "net_amount": "20.00", "stocked": true, "reserved": "2", "waiting": "0", "price_source": "product",
                "price_list_id": null,
            })
        };
        json!({
            "order_id": ID, "external_id": null, "reference": null, "customer_id": ID, "currency": "EUR",
            "lines": (1..=self.lines).map(line).collect::<Vec<_>>(), "vat": self.vat(), "net_total": self.amount(20),
            "vat_total": self.amount(4), "gross_total": self.amount(24), "placed_at": AT, "warehouse_id": ID, "back_order": false,
            "ordered_on": "2026-11-21", "delivery_address": null, "promised_on": null, "held_for_approval": false,
        })
    }

    /// Returns the order as the audit trail has it.
    fn after(self) -> Value {
        let line = json!({
            "product_id": ID, "sku": "P-100", "name": "Product 100", "quantity": "2", "unit_price": "10.00", "vat_rate": "20",
            "net_amount": "20.00", "stocked": true, "reserved": "2", "waiting": "0", "shipped": "0", "cancelled": "0", "returned": "0",
            "price_source": "product", "price_list_id": null,
        });
        json!({
            "id": ID, "version": 1, "external_id": null, "reference": null, "customer_id": ID, "status": "pending", "currency": "EUR",
            "net_total": self.amount(20), "vat_total": self.amount(4), "gross_total": self.amount(24), "tracking_number": null,
            "cancellation_reason": null, "placed_at": AT, "confirmed_at": null, "shipped_at": null, "delivered_at": null,
            "cancelled_at": null, "updated_at": AT, "warehouse_id": ID, "back_order": false, "ordered_on": "2026-11-21",
            "delivery_address": null, "promised_on": null, "held_for_approval": false,
            "lines": (0..self.lines).map(|_| &line).collect::<Vec<_>>(), "vat": self.vat(),
        })
    }

    fn vat(self) -> Value {
        json!([{"rate": "20", "base": self.amount(20), "amount": self.amount(4)}])
    }

    /// Returns the amount of all lines, if it is this for one.
    fn amount(self, of_a_line: u64) -> String {
        format!("{}.00", self.lines * of_a_line)
    }
}

/// Returns the payload of `stock.level_changed`.
fn changed() -> Value {
    json!({
        "stock_id": ID, "warehouse_id": ID, "product_id": ID, "sku": "P-100", "on_hand": "1000000", "reserved": "20",
        "available": "999980", "waiting": "0", "version": 12, "changed_at": AT,
    })
}

/// Returns the headers of an event.
pub(super) fn headers() -> Value {
    json!({
        "correlation-id": ID, "causation-id": ID, "traceparent": "00-5948579ba88043b5b01cab4627062515-3cef8912ad494b83-00",
        "comptoir-origin": {"actor": {"id": ID, "name": "a test"}},
    })
}

/// Has pgbench run a script, for the world's tenant and API key, over so many sessions for so many seconds. Returns the transactions per second.
pub(super) async fn run_text(
    text: &str,
    world: &World,
    sessions: u64,
    variables: &[(&str, String)],
    seconds: u64,
) -> Result<f64> {
    let tenant = world.tenant().await?.id.to_string();
    let find_key = "SELECT id::text FROM api_keys WHERE tenant_id = $1::text::uuid";
    let key: String = world.sql().await?.query_one(find_key, &[&tenant]).await?.get(0);
    let script = world.logs().join("pgbench.sql");
    std::fs::write(&script, text.replace("TENANT", &tenant).replace("API_KEY", &key))?;
    let folder = world.services.pg_bin.as_ref();
    let program = folder.map_or_else(|| PathBuf::from("pgbench"), |folder| folder.join("pgbench"));
    let mut command = Command::new(program);
    command
        .args(["--protocol=prepared", "--no-vacuum", "--jobs=2"])
        .arg(format!("--client={sessions}"))
        .arg(format!("--time={seconds}"))
        .arg(format!("--file={}", script.display()))
        .args(variables.iter().map(|(name, value)| format!("--define={name}={value}")))
        // As the API: what the policies of the tables cost is a part of both.
        .arg(&world.database.api_url)
        .env("PGOPTIONS", format!("-c role={RUNTIME_ROLE} {SESSION}"));
    let exit = run(command, Duration::from_secs(seconds) + LONGEST_END).await?;
    // Every client reports the same error.
    let complaint: Vec<&str> = exit.stderr.lines().take(4).collect();
    ensure!(exit.code == Some(0), "pgbench: {}", complaint.join(" "));
    exit.stdout
        .lines()
        .find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok())
        .with_context(|| format!("pgbench says no tps: {}", exit.stdout))
}

/// Returns the statements of a template as the API sends them, but for those that control the transaction.
pub(super) fn statements_of(template: &str) -> Vec<String> {
    let sent = replaced(template, |name, _| if name == "+" { "" } else { name });
    let lines = sent.lines().filter(|line| !line.starts_with("--") && !line.starts_with('\\'));
    let text: String = lines
        .map(|line| match line.split_once(" \\gset ") {
            Some((end, _)) => format!("{end};\n"),
            None => format!("{line}\n"),
        })
        .collect();
    text.split(';')
        .map(in_one_line)
        .filter(|statement| !statement.is_empty() && !CONTROL.iter().any(|word| statement.starts_with(word)))
        .collect()
}

/// Returns the script of a template as pgbench reads it, but for the tenant and the API key.
pub(super) fn text_of(template: &str) -> String {
    replaced(template, |_, sent| sent)
}

/// Replaces each `{name text}` of a template by one of both.
fn replaced(template: &str, choose: impl for<'a> Fn(&'a str, &'a str) -> &'a str) -> String {
    let (mut result, mut rest) = (String::new(), template);
    while let Some((before, (inside, behind))) =
        rest.split_once('{').and_then(|(before, after)| Some((before, after.split_once('}')?)))
    {
        let (name, text) = inside.split_once(' ').unwrap_or((inside, ""));
        result.push_str(before);
        result.push_str(choose(name, text));
        rest = behind;
    }
    result.push_str(rest);
    result
}

fn in_one_line(statement: &str) -> String {
    statement.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT: Script = Script {
        template: "-- a comment\n\\set x 1\nBEGIN;\nSET LOCAL a = 'b';\n-- a function\n{+ SELECT array_agg(id) AS ids FROM (}\n\
            SELECT id\n    FROM t WHERE a = {$1 :x::int} FOR UPDATE\n{+ ) AS t} \\gset t_\nUPDATE t SET a = {$1 NULL}::text;\nCOMMIT;\n",
        lines: 1,
    };

    #[test]
    fn the_api_sends_what_has_its_parameters_and_no_more() {
        let expected = ["SELECT id FROM t WHERE a = $1 FOR UPDATE", "UPDATE t SET a = $1::text"];
        assert_eq!(SCRIPT.statements(), expected);
    }

    #[test]
    fn pgbench_sends_what_stands_for_the_parameters() {
        let text = SCRIPT.text();
        assert!(text.contains("SELECT array_agg(id) AS ids FROM (\nSELECT id\n"), "{text}");
        assert!(text.contains("WHERE a = :x::int FOR UPDATE\n) AS t \\gset t_\n"), "{text}");
        assert!(text.contains("UPDATE t SET a = NULL::text;"), "{text}");
    }

    #[test]
    fn no_product_is_in_two_lines_of_an_order() {
        for _ in 0..1_000 {
            let order: Value = serde_json::from_str(&THREE_LINES.order(5)).unwrap();
            let lines = order["lines"].as_array().unwrap();
            let mut products: Vec<_> = lines.iter().filter_map(|line| line["product_id"].as_str()).collect();
            products.dedup();
            assert_eq!(products.len(), 3, "{order}");
        }
    }
}
