//! Restarts programs and servers that are killed during the demo, like a process supervisor, and reports it.

use std::time::Duration;

use anyhow::{Context, Error, Result};

use crate::harness::{Api, Relay, Services, World};
use crate::loader::Progress;

const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Requests are not logged one by one: the demo measures the API, not the terminal. Documents are made, other than in most tests.
pub(super) const QUIET: &[(&str, &str)] =
    &[("COMPTOIR__LOG__FILTER", "warn"), ("COMPTOIR__SERVICES__INVOICE_DOCUMENTS__ENABLED", "true")];

#[derive(Debug)]
pub(super) struct Supervisor<'a> {
    world: &'a World,
    services: Services,
    api: Api,
    relay: Relay,
}

impl<'a> Supervisor<'a> {
    pub(super) fn new(world: &'a World, api: Api, relay: Relay) -> Self {
        Self { world, services: world.services.clone(), api, relay }
    }

    /// Watches until it is dropped, or until a program or server cannot be started again.
    pub(super) async fn run(mut self, progress: &Progress) -> Error {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            if let Err(error) = self.look(progress).await {
                return error;
            }
        }
    }

    async fn look(&mut self, progress: &Progress) -> Result<()> {
        let dead = self.services.dead();
        if !dead.is_empty() {
            progress.say(&format!("{} is gone: starting it again", dead.join(" and ")));
            let mut services = self.services.clone();
            self.services = tokio::task::spawn_blocking(move || services.revive().map(|()| services))
                .await?
                .context("cannot start the servers again")?;
            let pids = [("RabbitMQ", self.services.rabbitmq_pid), ("PostgreSQL", self.services.postgres_pid)];
            for (name, pid) in pids.into_iter().filter(|(name, _)| dead.contains(name)) {
                progress.say(&format!("{name} is process {} now", pid.unwrap_or_default()));
            }
        }
        if let Some(status) = self.relay.daemon.ended()? {
            self.relay = Relay::launch(self.world, &[])?;
            let pid = self.relay.daemon.pid();
            progress.say(&format!("the relay is gone ({status}): started again as process {pid}"));
        }
        if let Some(status) = self.api.daemon.ended()? {
            self.api.start_again(self.world, QUIET).await?;
            let pid = self.api.daemon.pid();
            progress.say(&format!("the API is gone ({status}): started again as process {pid}"));
        }
        Ok(())
    }
}
