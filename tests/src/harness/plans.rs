//! The plans that PostgreSQL used for a program's statements, which `auto_explain` writes into the server's log. They are for
//! the statements that the program sent, with its parameters, its role and its policies.

use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{PrivateServices, World, until};

/// Settings for new sessions of the database. Each line of a plan's text in the log begins with a tab.
const SETTINGS: [(&str, &str); 8] = [
    ("session_preload_libraries", "auto_explain"),
    ("auto_explain.log_min_duration", "0"),
    ("auto_explain.log_analyze", "on"),
    ("auto_explain.log_buffers", "on"),
    ("auto_explain.log_timing", "off"),
    ("auto_explain.log_format", "json"),
    ("auto_explain.log_nested_statements", "on"),
    ("auto_explain.log_parameter_max_length", "0"),
];
const BEGIN: &str = "  plan:";
const LIMIT: Duration = Duration::from_secs(20);

/// The plans in the log of one server, and the position up to which it was read.
#[derive(Debug)]
pub struct Plans {
    log: PathBuf,
    position: u64,
}

/// The plan of one execution of a statement.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The process id of the session that sent it.
    pub session: String,
    pub statement: String,
    /// The plan as `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON)` returns it.
    pub root: Value,
}

impl Plans {
    /// Starts to log the plans of new sessions in this world's database. Its server must be the test's own.
    ///
    /// # Errors
    /// Fails if the server refuses, or its log cannot be read.
    pub async fn of(world: &World, server: &PrivateServices) -> Result<Self> {
        let sql = world.superuser().await?;
        for (name, value) in SETTINGS {
            sql.batch_execute(&format!("ALTER DATABASE {} SET {name} = '{value}'", world.database.name()))
                .await?;
        }
        let mut plans = Self { log: server.postgres_log()?, position: 0 };
        plans.forget()?;
        Ok(plans)
    }

    /// Forgets the plans that were logged so far.
    ///
    /// # Errors
    /// Fails if the log cannot be read.
    pub fn forget(&mut self) -> Result<()> {
        self.position = std::fs::metadata(&self.log).with_context(|| self.log.display().to_string())?.len();
        Ok(())
    }

    /// Waits until a wanted plan is in the log, returns all new plans, and forgets them. A plan is logged at the end of its
    /// transaction, for which a client that reads from the API does not wait.
    ///
    /// # Errors
    /// Fails if there is none in time.
    pub async fn until(&mut self, wanted: impl Fn(&Plan) -> bool) -> Result<Vec<Plan>> {
        let found = until("a plan in the log", LIMIT, async || {
            let found = self.read()?;
            ensure!(found.iter().any(&wanted), "no such statement yet");
            Ok(found)
        })
        .await?;
        self.forget()?;
        Ok(found)
    }

    fn read(&self) -> Result<Vec<Plan>> {
        let mut file = std::fs::File::open(&self.log)?;
        file.seek(SeekFrom::Start(self.position))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(parse(&String::from_utf8_lossy(&bytes)))
    }
}

/// Returns the plans of a log, without one that is not complete yet.
fn parse(log: &str) -> Vec<Plan> {
    let mut lines = log.lines().peekable();
    let mut plans = Vec::new();
    while let Some(line) = lines.next() {
        if !line.ends_with(BEGIN) {
            continue;
        }
        let mut text = String::new();
        while let Some(more) = lines.next_if(|line| line.starts_with('\t')) {
            text.push_str(more.trim_start_matches('\t'));
        }
        if let Ok(root) = serde_json::from_str::<Value>(&text) {
            // The time, the process id in brackets, and the message.
            let session = line.split(['[', ']']).nth(1).unwrap_or_default().to_owned();
            let statement = root["Query Text"].as_str().unwrap_or_default().to_owned();
            plans.push(Plan { session, statement, root: root["Plan"].clone() });
        }
    }
    plans
}

impl Plan {
    /// Whether it reads this table.
    pub fn reads(&self, table: &str) -> bool {
        self.nodes().iter().any(|node| node["Relation Name"] == table)
    }

    /// Whether it deletes from this table. The statement's text does not show this for a function whose body was parsed when
    /// the function was created.
    pub fn deletes_from(&self, table: &str) -> bool {
        self.nodes().iter().any(|node| node["Operation"] == "Delete" && node["Relation Name"] == table)
    }

    /// Returns the number of rows that it deleted from this table and used further, as `RETURNING` does.
    pub fn deleted(&self, table: &str) -> f64 {
        let deletes = |node: &&&Value| node["Operation"] == "Delete" && node["Relation Name"] == table;
        self.nodes().iter().filter(deletes).map(|node| node["Actual Rows"].as_f64().unwrap_or_default()).sum()
    }

    /// Returns the number of rows that the statement returned.
    pub fn returned(&self) -> f64 {
        self.root["Actual Rows"].as_f64().unwrap_or_default()
    }

    /// Returns the number of rows that were read from tables, including those that a filter removed.
    pub fn read(&self) -> f64 {
        self.nodes()
            .iter()
            .filter(|node| node["Node Type"].as_str().is_some_and(is_scan))
            .map(|node| rows(node))
            .sum()
    }

    /// Returns the number of pages of tables and indexes that were read, from memory or from disk.
    pub fn pages(&self) -> f64 {
        let pages = |name: &str| self.root[name].as_f64().unwrap_or_default();
        pages("Shared Hit Blocks") + pages("Shared Read Blocks")
    }

    /// Returns the indexes that it used.
    pub fn indexes(&self) -> Vec<String> {
        self.nodes().iter().filter_map(|node| node["Index Name"].as_str().map(str::to_owned)).collect()
    }

    fn nodes(&self) -> Vec<&Value> {
        let mut nodes = vec![&self.root];
        let mut next = 0;
        while let Some(node) = nodes.get(next) {
            nodes.extend(node["Plans"].as_array().into_iter().flatten());
            next += 1;
        }
        nodes
    }
}

fn is_scan(node_type: &str) -> bool {
    matches!(node_type, "Seq Scan" | "Index Scan" | "Index Only Scan" | "Bitmap Index Scan" | "Tid Scan")
}

fn rows(node: &Value) -> f64 {
    let number = |name: &str| node[name].as_f64().unwrap_or_default();
    let once =
        number("Actual Rows") + number("Rows Removed by Filter") + number("Rows Removed by Index Recheck");
    once * number("Actual Loops")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_are_found_between_other_lines_and_their_rows_counted() {
        let log = "2026-01-01 00:00:00.000 UTC [1] LOG:  something else\n\
            2026-01-01 00:00:00.000 UTC [1] LOG:  duration: 1.000 ms  plan:\n\
            \t{\n\t  \"Query Text\": \"SELECT a\\nFROM t\",\n\t  \"Plan\": {\"Node Type\": \"Limit\", \"Actual Rows\": 2, \"Actual Loops\": 1,\n\
            \t    \"Shared Hit Blocks\": 3, \"Shared Read Blocks\": 1, \"Plans\": [{\"Node Type\": \"Index Scan\",\n\
            \t    \"Relation Name\": \"t\", \"Index Name\": \"i\", \"Actual Rows\": 2, \"Actual Loops\": 2, \"Rows Removed by Filter\": 5}]}\n\t}\n\
            2026-01-01 00:00:00.000 UTC [1] LOG:  duration: 1.000 ms  plan:\n\
            \t{\n\t  \"Query Text\": \"SELECT b";
        let plans = parse(log);
        assert_eq!(plans.len(), 1, "the second one is not complete");
        let plan = &plans[0];
        assert_eq!((plan.session.as_str(), plan.statement.as_str()), ("1", "SELECT a\nFROM t"));
        assert!(plan.reads("t") && !plan.reads("u"));
        assert_eq!((plan.returned(), plan.read(), plan.pages()), (2.0, 14.0, 4.0));
        assert_eq!(plan.indexes(), ["i"]);
    }
}
