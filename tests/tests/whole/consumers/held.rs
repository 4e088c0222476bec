//! The SQL of docs/consumers.md, "Holding an aggregate back".

use anyhow::{Context, Result, ensure};
use comptoir_tests::harness::{TestDatabase, World, connect, root};
use tokio_postgres::Client;

/// The statements, in their order: the table, receiving, taking, done, failed.
fn statements() -> Result<Vec<String>> {
    let guide = std::fs::read_to_string(root().join("docs/consumers.md"))?;
    let section = guide.split("### Holding an aggregate back").nth(1).context("no section")?;
    let section = section.split("\n## ").next().unwrap_or_default();
    let blocks = section.split("```sql\n").skip(1);
    Ok(blocks.filter_map(|rest| Some(rest.split_once("\n```")?.0.to_owned())).collect())
}

/// A worker in the middle of its transaction.
struct Worker {
    sql: Client,
    statements: Vec<String>,
    number: i64,
}

impl Worker {
    /// Takes a message, and returns its id, if there is one.
    async fn take(&mut self) -> Result<Option<String>> {
        self.sql.batch_execute("BEGIN").await?;
        let row = self.sql.query_opt(&self.statements[2], &[]).await?;
        self.number = row.as_ref().map_or(0, |row| row.get(0));
        Ok(row.map(|row| row.get(1)))
    }

    async fn done(&self) -> Result<()> {
        self.sql.execute(&self.statements[3], &[&self.number]).await?;
        Ok(self.sql.batch_execute("COMMIT").await?)
    }

    async fn failed(&self) -> Result<()> {
        self.sql.batch_execute("ROLLBACK").await?;
        self.sql.execute(&self.statements[4], &[&self.number, &"why"]).await?;
        Ok(())
    }

    async fn release(&self, state: &str) -> Result<()> {
        let update = "UPDATE inbox_messages SET state = 'waiting', next_attempt_at = now() WHERE state = $1";
        self.sql.execute(update, &[&state]).await?;
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_aggregate_is_held_back_and_the_others_go_on() {
    World::run(async |world| {
        let database = TestDatabase::empty(&world.services).await?;
        let statements = statements()?;
        ensure!(statements.len() == 5, "{statements:#?}");
        let sql = connect(&database.url).await?;
        sql.batch_execute(&statements[0]).await?;
        for id in ["a-1", "a-2", "b-1", "a-3", "b-1", "b-2", "a-1"] {
            let body: &[u8] = b"no JSON, \x00";
            sql.execute(&statements[1], &[&id, &&id[..1], &"order.placed", &body]).await?;
        }
        let worker = async || -> Result<Worker> {
            Ok(Worker { sql: connect(&database.url).await?, statements: statements.clone(), number: 0 })
        };
        let (mut one, mut two) = (worker().await?, worker().await?);
        for attempt in 1..=10 {
            assert_eq!(one.take().await?.as_deref(), Some("a-1"), "attempt {attempt}");
            if attempt == 1 {
                // At the same time: the next one of another aggregate.
                assert_eq!(two.take().await?.as_deref(), Some("b-1"));
                two.done().await?;
            }
            one.failed().await?;
            if attempt < 10 {
                one.release("waiting").await?;
            }
        }
        assert_eq!(two.take().await?.as_deref(), Some("b-2"));
        two.done().await?;
        assert_eq!(two.take().await?, None, "what is behind a held message is not taken");
        two.sql.batch_execute("ROLLBACK").await?;
        let held: i64 = sql
            .query_one("SELECT count(*) FROM inbox_messages WHERE state = 'held' AND attempts = 10", &[])
            .await?
            .get(0);
        assert_eq!(held, 1);
        one.release("held").await?;
        for id in ["a-1", "a-2", "a-3"] {
            assert_eq!(one.take().await?.as_deref(), Some(id));
            assert_eq!(two.take().await?, None, "its successors wait for the end of the transaction");
            two.sql.batch_execute("ROLLBACK").await?;
            one.done().await?;
        }
        assert_eq!(one.take().await?, None, "repeats were not stored");
        Ok(())
    })
    .await;
}
