//! A running `relay` process.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::{Daemon, Http, World, project, until};

const START_LIMIT: Duration = Duration::from_secs(20);

/// A relay process.
#[derive(Debug)]
pub struct Relay {
    pub daemon: Daemon,
}

impl Relay {
    /// Starts a daemon and returns when it is in the table of replicas. `environment` is added to the world's variables.
    ///
    /// # Errors
    /// Fails if it ends, or does not appear in time.
    pub async fn start(world: &World, environment: &[(&str, &str)]) -> Result<Self> {
        let sql = world.sql().await?;
        // Compares ids, not counts: a new replica may delete the row of a killed one.
        let replicas = async || -> Result<HashSet<String>> {
            let rows = sql.query("SELECT id::text FROM relay_replicas", &[]).await?;
            Ok(rows.iter().map(|row| row.get(0)).collect())
        };
        let before = replicas().await?;
        let mut relay = Self::launch(world, environment)?;
        until("the relay to join", START_LIMIT, async || {
            if let Some(status) = relay.daemon.ended()? {
                return Ok(Err(status));
            }
            ensure!(!replicas().await?.is_subset(&before), "no new replica");
            Ok(Ok(()))
        })
        .await?
        .or_else(|status| bail!("the relay ended ({status}): {}", relay.daemon.output()))?;
        Ok(relay)
    }

    /// Like [`Self::start`], with health and metrics on a port of its own, and a client for them.
    ///
    /// # Errors
    /// Fails if it ends, or does not appear in time.
    pub async fn with_http(world: &World, environment: &[(&str, &str)]) -> Result<(Self, Http)> {
        let listen = format!("127.0.0.1:{}", project::free_port()?);
        let mut all = vec![("COMPTOIR__RELAY__HTTP_LISTEN", listen.as_str())];
        all.extend_from_slice(environment);
        let relay = Self::start(world, &all).await?;
        Ok((relay, Http::new(&format!("http://{listen}"))?))
    }

    /// Starts a daemon without waiting.
    ///
    /// # Errors
    /// Fails if the program does not exist.
    pub fn launch(world: &World, environment: &[(&str, &str)]) -> Result<Self> {
        let mut command = world.relay_command(&[])?;
        command.envs(environment.iter().copied());
        let log = world.logs().join(format!("relay-{}.log", uuid::Uuid::new_v4().simple()));
        Ok(Self { daemon: Daemon::spawn("relay", &mut command, &log, world.token())? })
    }

    /// Sends SIGTERM and waits for a clean end.
    ///
    /// # Errors
    /// Fails if it does not end, or not with 0.
    pub async fn stop(mut self) -> Result<()> {
        let status = self.daemon.terminate(START_LIMIT).await?;
        ensure!(status.success(), "the relay ended with {status}: {}", self.daemon.output());
        Ok(())
    }
}

impl World {
    /// Starts `relay` with these arguments, without waiting.
    ///
    /// # Errors
    /// Fails if the program does not exist.
    pub fn start_relay(&self, arguments: &[&str]) -> Result<Daemon> {
        let log = self.logs().join(format!("relay-{}.log", uuid::Uuid::new_v4().simple()));
        Daemon::spawn("relay", &mut self.relay_command(arguments)?, &log, self.token())
    }

    /// Runs `relay status --json`.
    ///
    /// # Errors
    /// Fails if the command fails, or does not print JSON.
    pub async fn relay_status(&self) -> Result<Value> {
        let exit = self.run_relay(&["status", "--json"]).await?;
        ensure!(exit.code == Some(0), "relay status: {exit:?}");
        serde_json::from_str(&exit.stdout).with_context(|| exit.stdout.clone())
    }
}
