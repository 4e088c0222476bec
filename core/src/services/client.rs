//! The way to services for a program that runs none, such as a command line: one connection, one statement after the other.

use std::time::{Duration, Instant};

use diesel_async::AsyncPgConnection;
use uuid::Uuid;

use super::contract::Fault;
use super::handle::{AskError, LOOKS, Wish, new_command, offered};
use super::link::TTL;
use super::listing::CommandView;
use super::state::{Offer, Status};
use super::store::{commands, processes};
use crate::platform::database::{self, ConnectFault, DatabaseConfig};

/// Asks services of other processes, and looks at them.
pub struct Client(AsyncPgConnection);

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Client")
    }
}

fn unavailable(error: diesel::result::Error) -> AskError {
    AskError::Unavailable(Fault::new(error))
}

/// Returns why a command failed, and in which process.
fn failure(command: CommandView) -> String {
    let error = command.error.unwrap_or_default();
    match command.ran_in {
        Some(process) => format!("{error}; it ran in {process}"),
        None => error,
    }
}

impl Client {
    /// # Errors
    /// Fails if the database cannot be reached.
    pub async fn connect(config: &DatabaseConfig) -> Result<Self, ConnectFault> {
        Ok(Self(database::connect(config).await?))
    }

    /// Returns the services of all processes that live, by name.
    ///
    /// # Errors
    /// Fails if the database cannot be reached.
    pub async fn list(&mut self) -> Result<Vec<Status>, AskError> {
        let ttl_ms = i64::try_from(TTL.as_millis()).unwrap_or(i64::MAX);
        let rows = processes::list(&mut self.0, ttl_ms).await.map_err(unavailable)?;
        // What another version writes and this one cannot read is not listed.
        Ok(rows.into_iter().filter_map(|row| serde_json::from_value(row).ok()).collect())
    }

    /// Returns the action of a service, if a process that runs has it.
    ///
    /// # Errors
    /// Fails if none has, or if the database cannot be reached.
    pub async fn offer(&mut self, service: &str, action: &str) -> Result<Offer, AskError> {
        offered(&self.list().await?, service, action)
    }

    /// Asks for an action; whichever process runs the service carries it out.
    ///
    /// # Errors
    /// Fails if no process has such a service or action, or if the database cannot be reached.
    pub async fn send(&mut self, wish: Wish) -> Result<Uuid, AskError> {
        let offer = self.offer(&wish.service, &wish.action).await?;
        let (id, command) = (wish.id, new_command(wish, &offer)?);
        commands::insert(&mut self.0, &command).await.map_err(unavailable)?;
        Ok(id)
    }

    /// Returns a command as it stands; `None`: there is none, or it was deleted.
    ///
    /// # Errors
    /// Fails if the database cannot be reached.
    pub async fn command(&mut self, id: Uuid) -> Result<Option<CommandView>, AskError> {
        Ok(commands::find(&mut self.0, id).await.map_err(unavailable)?.map(CommandView::of))
    }

    /// Returns the commands that were asked for last, `most` at most, the newest first.
    ///
    /// # Errors
    /// Fails if the database cannot be reached.
    pub async fn commands(&mut self, most: i64) -> Result<Vec<CommandView>, AskError> {
        let commands = commands::list(&mut self.0, most).await.map_err(unavailable)?;
        Ok(commands.into_iter().map(CommandView::of).collect())
    }

    /// Waits until the command has ended, for `limit` at most, and returns it. `look` sees it each time it is looked at.
    ///
    /// # Errors
    /// Fails if it has not ended in time, or if the database cannot be reached.
    pub async fn ended(
        &mut self,
        id: Uuid,
        limit: Duration,
        look: impl Fn(&CommandView),
    ) -> Result<CommandView, AskError> {
        let (mut wait, until) = (LOOKS.0, Instant::now() + limit);
        loop {
            let command = self.command(id).await?;
            let command = command.ok_or_else(|| AskError::Failed("the command was deleted".to_owned()))?;
            look(&command);
            if command.has_ended() {
                return Ok(command);
            }
            if Instant::now() + wait >= until {
                let seconds = limit.as_secs();
                return Err(AskError::Failed(format!("no answer within {seconds} s; the command goes on")));
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(LOOKS.1);
        }
    }

    /// Asks for an action and waits for its end. Returns the command, which was done.
    ///
    /// # Errors
    /// Fails as [`Self::send`] and [`Self::ended`] do, or as the action does.
    pub async fn done(&mut self, wish: Wish, look: impl Fn(&CommandView)) -> Result<CommandView, AskError> {
        let offer = self.offer(&wish.service, &wish.action).await?;
        // Its deadline ends it; the moment more is for the word of it.
        let limit = wish.time_limit.unwrap_or(Duration::from_secs(offer.time_limit_seconds));
        let id = self.send(wish).await?;
        let command = self.ended(id, limit + TTL, look).await?;
        match command.state.as_str() {
            "done" => Ok(command),
            _ => Err(AskError::Failed(failure(command))),
        }
    }
}
