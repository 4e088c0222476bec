//! Seen: on a terminal of 100 columns each row of `relay dead-letters list` was four lines, and an id was on two of them.
//! Columns shrink to the terminal's width, and a row is a line.

use std::time::Duration;

use anyhow::{Result, ensure};
use comptoir_tests::harness::{World, insert_event, on_screen};

const LIMIT: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_letter_is_one_line_of_the_terminal() {
    World::run(async |world| {
        let sql = world.sql().await?;
        let mut ids = Vec::new();
        for aggregate in ["short", "one-that-has-a-very-long-name-indeed-and-then-some"] {
            let id =
                insert_event(&sql, aggregate, "warehouse.something-that-nobody-cares-about", "1").await?;
            ids.push(id.to_string());
        }
        let exit = world.run_relay(&["--once"]).await?;
        ensure!(exit.code == Some(3), "two dead letters: {exit:?}");
        for columns in [80_u16, 100, 200] {
            for arguments in [&["dead-letters", "list"][..], &["operations"]] {
                let screen = shown(world, arguments, columns).await?;
                let widest = screen.lines().map(|line| line.chars().count()).max().unwrap_or(0);
                assert!(widest <= usize::from(columns), "{columns}: {widest}: {screen}");
            }
            let screen = shown(world, &["dead-letters", "list"], columns).await?;
            // Heads, a rule, and a line for each.
            assert_eq!(screen.lines().count(), 4, "{columns}: {screen}");
            if columns > 80 {
                assert!(ids.iter().all(|id| screen.contains(id.as_str())), "{columns}: {screen}");
            }
        }
        let piped = world.run_relay(&["dead-letters", "list"]).await?;
        assert!(piped.stdout.contains("very-long-name-indeed-and-then-some"), "nothing is cut: {piped:?}");
        Ok(())
    })
    .await;
}

async fn shown(world: &World, arguments: &[&str], columns: u16) -> Result<String> {
    let command = world.relay_command(arguments)?;
    let session = tokio::task::spawn_blocking(move || on_screen(command, columns, LIMIT)).await??;
    ensure!(session.code == Some(0), "{session:?}");
    Ok(session.screen.replace('\r', ""))
}
