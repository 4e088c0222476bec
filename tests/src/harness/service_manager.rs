//! Stands in for systemd with a service of `Type=notify`: a datagram socket to which the service reports its state.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::net::UnixDatagram;

use super::World;

const LONGEST_MESSAGE_BYTES: usize = 4096;

/// A service manager that listens from its creation on.
#[derive(Debug)]
pub struct ServiceManager {
    socket: UnixDatagram,
    path: PathBuf,
    /// Received lines that were not read yet.
    unheard: Mutex<VecDeque<String>>,
}

impl ServiceManager {
    /// # Errors
    /// Fails if the socket cannot be created.
    pub fn listen(world: &World) -> Result<Self> {
        let path = world.logs().join("notify");
        let socket = UnixDatagram::bind(&path).with_context(|| path.display().to_string())?;
        Ok(Self { socket, path, unheard: Mutex::default() })
    }

    /// Returns the value for `NOTIFY_SOCKET`.
    ///
    /// # Errors
    /// Fails if the path is not UTF-8.
    pub fn address(&self) -> Result<&str> {
        self.path.to_str().context("the socket's path is no text")
    }

    /// Waits for a line, such as `READY=1`, and returns it; earlier lines are dropped.
    ///
    /// # Errors
    /// Fails if it does not come in time.
    pub async fn hear(&self, beginning: &str, limit: Duration) -> Result<String> {
        let heard = async {
            loop {
                let line = self.unheard.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                match line {
                    Some(line) if line.starts_with(beginning) => return Ok(line),
                    Some(_) => {}
                    None => self.receive().await?,
                }
            }
        };
        match tokio::time::timeout(limit, heard).await {
            Ok(line) => line,
            Err(_) => bail!("{beginning} was not heard within {limit:?}"),
        }
    }

    /// Drops all lines until none has come for `silence`.
    ///
    /// # Errors
    /// Fails if a message cannot be received.
    pub async fn until_silent(&self, silence: Duration) -> Result<()> {
        while let Ok(received) = tokio::time::timeout(silence, self.receive()).await {
            received?;
        }
        self.unheard.lock().unwrap_or_else(PoisonError::into_inner).clear();
        Ok(())
    }

    async fn receive(&self) -> Result<()> {
        let mut bytes = vec![0; LONGEST_MESSAGE_BYTES];
        let length = self.socket.recv(&mut bytes).await?;
        let text = String::from_utf8_lossy(&bytes[..length]).into_owned();
        let lines = text.lines().map(str::to_owned);
        self.unheard.lock().unwrap_or_else(PoisonError::into_inner).extend(lines);
        Ok(())
    }
}
