//! What the demo leaves: its company, in the database that `make run` shows afterwards (`deploy/run`), with log-ins of its own. On the
//! project's private servers alone, which listen on the loopback interface: whoever has an account on the machine may see them.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::harness::World;

/// Where `deploy/run` looks for it. There is one at most: the next demo takes its place.
const DATABASE: &str = "comptoir_demo";
/// The file with the log-ins, in the demo's folder: `deploy/run` prints it.
const LOG_INS: &str = "log-ins";

/// Makes the log-ins and leaves the database. Returns what to say of it.
///
/// # Errors
/// Fails if an account cannot be made, or if the server refuses.
pub(super) async fn to_run(world: &mut World, folder: &Path) -> Result<String> {
    let tenant = world.tenant().await?.id.to_string();
    let mut person = vec!["create-admin", "--tenant", tenant.as_str(), "--email", "camille@demo.example"];
    person.extend(["--name", "Camille Aubry", "--json"]);
    let person = made(world, &person).await?;
    let operator = ["create-operator", "--email", "ops@demo.example", "--name", "Ada Martin", "--json"];
    let operator = made(world, &operator).await?;
    let text = |value: &Value, field: &str| value[field].as_str().unwrap_or_default().to_owned();
    let log_ins = format!(
        "company of the demo: {}\n  {}, password {}\noperators:\n  {}, password {}\n",
        text(&person, "tenant_short_name"),
        text(&person, "email"),
        text(&person, "password"),
        text(&operator, "email"),
        text(&operator, "password"),
    );
    // The demo's API has no broker, so the reports heard of nothing: the API of `make run` builds them from what is there.
    let wanted = "UPDATE projection_state SET wanted = 'the demo left this database'";
    world.sql().await?.execute(wanted, &[]).await?;
    world.database.leave_as(DATABASE).await?;
    let path = folder.join(LOG_INS);
    // It has passwords. What an earlier demo left may have other permissions.
    let _ = std::fs::remove_file(&path);
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
    let mut file = file.with_context(|| path.display().to_string())?;
    file.write_all(log_ins.as_bytes())?;
    Ok(format!("`make run` shows this company; DEMO=no make run what you had before.\n{log_ins}"))
}

async fn made(world: &World, arguments: &[&str]) -> Result<Value> {
    let exit = world.run_api(arguments).await?;
    ensure!(exit.code == Some(0), "api {}: exit {:?}: {}", arguments[0], exit.code, exit.stderr);
    Ok(serde_json::from_str(&exit.stdout)?)
}
