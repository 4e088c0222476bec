//! What systemd is to a service of `Type=notify`: a datagram socket that is told how the service does.

use std::path::PathBuf;
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
}

impl ServiceManager {
    /// # Errors
    /// When the system gives no socket.
    pub fn listen(world: &World) -> Result<Self> {
        let path = world.logs().join("notify");
        let socket = UnixDatagram::bind(&path).with_context(|| path.display().to_string())?;
        Ok(Self { socket, path })
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
                let message = self.receive().await?;
                if let Some(line) = message.lines().find(|line| line.starts_with(beginning)) {
                    return Ok(line.to_owned());
                }
            }
        };
        match tokio::time::timeout(limit, heard).await {
            Ok(line) => line,
            Err(_) => bail!("{beginning} was not heard within {limit:?}"),
        }
    }

    /// Everything that is said until nothing is said for `silence`.
    ///
    /// # Errors
    /// When the system does not give what came.
    pub async fn until_silent(&self, silence: Duration) -> Result<String> {
        let mut all = String::new();
        while let Ok(message) = tokio::time::timeout(silence, self.receive()).await {
            all.push_str(&message?);
        }
        Ok(all)
    }

    async fn receive(&self) -> Result<String> {
        let mut bytes = vec![0; LONGEST_MESSAGE_BYTES];
        let length = self.socket.recv(&mut bytes).await?;
        Ok(String::from_utf8_lossy(&bytes[..length]).into_owned())
    }
}
