//! A client of the stream of notifications, as a browser is one.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use reqwest::Response;
use serde_json::Value;

use super::Http;
use super::wait::patiently;

/// One message of a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    pub id: String,
    pub event: String,
    pub data: Value,
}

/// A stream that is open.
#[derive(Debug)]
pub struct EventStream {
    response: Response,
    /// What has arrived and is no whole block yet.
    rest: String,
    /// The id to come back with.
    pub last_id: String,
    /// Comments that have arrived.
    pub comments: usize,
}

impl EventStream {
    /// Opens a stream; `query` begins with `?`, or is empty. Returns once it has told where it begins.
    ///
    /// # Errors
    /// Fails if the answer is not a stream.
    pub async fn open(http: &Http, query: &str, last_id: Option<&str>) -> Result<Self> {
        let headers: Vec<_> = last_id.map(|id| ("Last-Event-ID", id)).into_iter().collect();
        let response = http.open(&format!("/notifications{query}"), &headers).await?;
        let status = response.status();
        if status != 200 {
            bail!("the stream is answered {status}: {}", response.text().await?);
        }
        let last_id = last_id.unwrap_or_default().to_owned();
        let mut stream = Self { response, rest: String::new(), last_id, comments: 0 };
        if stream.last_id.is_empty() {
            while stream.last_id.is_empty() && !stream.rest.contains("event: ") {
                ensure!(stream.fill().await?, "the stream ended at once");
                stream.take_quiet();
            }
        }
        Ok(stream)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name)?.to_str().ok()
    }

    /// Returns the next message; `None` at the end of the stream.
    ///
    /// # Errors
    /// Fails if nothing comes for longer than `limit`, or the line is lost.
    pub async fn next(&mut self, limit: Duration) -> Result<Option<Message>> {
        tokio::time::timeout(patiently(limit), self.next_message()).await.context("no message in time")?
    }

    /// # Errors
    /// Fails if the line is lost.
    pub async fn next_message(&mut self) -> Result<Option<Message>> {
        loop {
            while let Some(block) = self.block() {
                if let Some(message) = self.read(&block)? {
                    return Ok(Some(message));
                }
            }
            if !self.fill().await? {
                return Ok(None);
            }
        }
    }

    /// Returns the next message with an event of this type.
    ///
    /// # Errors
    /// Fails if another one comes, or none.
    pub async fn expect(&mut self, event: &str, limit: Duration) -> Result<Message> {
        let message = self.next(limit).await?.context("the stream ended")?;
        ensure!(message.event == event, "expected {event}: {message:?}");
        Ok(message)
    }

    async fn fill(&mut self) -> Result<bool> {
        let Some(chunk) = self.response.chunk().await? else { return Ok(false) };
        self.rest.push_str(std::str::from_utf8(&chunk).context("half a character")?);
        Ok(true)
    }

    /// Takes the blocks without a message that have arrived.
    fn take_quiet(&mut self) {
        while !self.rest.contains("event: ")
            && let Some(block) = self.block()
        {
            let _ = self.read(&block);
        }
    }

    fn block(&mut self) -> Option<String> {
        let (block, rest) = self.rest.split_once("\n\n")?;
        let (block, rest) = (block.to_owned(), rest.to_owned());
        self.rest = rest;
        Some(block)
    }

    fn read(&mut self, block: &str) -> Result<Option<Message>> {
        let (mut event, mut data) = (String::new(), None);
        for line in block.lines() {
            match line.split_once(": ") {
                Some(("id", id)) => id.clone_into(&mut self.last_id),
                Some(("event", name)) => name.clone_into(&mut event),
                Some(("data", json)) => data = Some(serde_json::from_str(json)?),
                Some(("retry", _)) => {}
                _ if line.starts_with(':') => self.comments += 1,
                _ => bail!("not a line of an event stream: {line}"),
            }
        }
        Ok(data.map(|data| Message { id: self.last_id.clone(), event, data }))
    }
}
