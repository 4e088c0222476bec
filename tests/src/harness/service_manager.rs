//! What systemd is to a service of `Type=notify`: a datagram socket that is told how the service does.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::net::UnixDatagram;

use super::World;

const LONGEST_MESSAGE_BYTES: usize = 4096;

/// Listens from its creation on.
#[derive(Debug)]
pub struct ServiceManager {
    socket: UnixDatagram,
    path: PathBuf,
    /// Lines of a message that nobody has asked for yet.
    unheard: Mutex<VecDeque<String>>,
}

impl ServiceManager {
    /// # Errors
    /// When the system gives no socket.
    pub fn listen(world: &World) -> Result<Self> {
        let path = world.logs().join("notify");
        let socket = UnixDatagram::bind(&path).with_context(|| path.display().to_string())?;
        Ok(Self { socket, path, unheard: Mutex::default() })
    }

    /// For `NOTIFY_SOCKET`.
    ///
    /// # Errors
    /// When the path is no text.
    pub fn address(&self) -> Result<&str> {
        self.path.to_str().context("the socket's path is no text")
    }

    /// Waits for a line, such as `READY=1`, and returns it; what comes before it is dropped.
    ///
    /// # Errors
    /// When it does not come in time.
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

    /// Forgets everything that is said until nothing is said for `silence`.
    ///
    /// # Errors
    /// When the system does not give what came.
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
