//! A cheap HTTP client: keep-alive connections that send prepared bytes and read answers by their length. It must use very
//! little processor time, because it shares the machine with the server that it measures.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const BUFFER_BYTES: usize = 64 * 1024;

/// The result of a load.
#[derive(Debug, Clone, Copy)]
pub(super) struct Load {
    pub(super) answered: u64,
    pub(super) elapsed: Duration,
}

/// Posts to `path` for this time over these connections. `body` makes the next body from a number that does not repeat.
pub(super) async fn post(
    address: &str,
    path: &str,
    credential: &str,
    connections: u64,
    time: Duration,
    body: impl Fn(u64) -> String + Send + Sync + Clone + 'static,
) -> Result<Load> {
    let head = format!("POST {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {credential}\r\n");
    let request = move |number| {
        let body = body(number);
        format!("{head}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    };
    load(address, connections, time, 201, request).await
}

/// Posts without a body for this time over these connections. `path` makes the next path from a number that does not repeat.
pub(super) async fn command(
    address: &str,
    credential: &str,
    connections: u64,
    time: Duration,
    path: impl Fn(u64) -> String + Send + Sync + Clone + 'static,
) -> Result<Load> {
    let rest = format!("Host: bench\r\nAuthorization: Bearer {credential}\r\nContent-Length: 0\r\n\r\n");
    let request = move |number| format!("POST {} HTTP/1.1\r\n{rest}", path(number));
    load(address, connections, time, 200, request).await
}

/// Gets `path` for this time over these connections.
pub(super) async fn get(
    address: &str,
    path: &str,
    credential: &str,
    connections: u64,
    time: Duration,
) -> Result<Load> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {credential}\r\n\r\n");
    load(address, connections, time, 200, move |_| request.clone()).await
}

async fn load(
    address: &str,
    connections: u64,
    time: Duration,
    status: u16,
    request: impl Fn(u64) -> String + Send + Sync + Clone + 'static,
) -> Result<Load> {
    let begin = Instant::now();
    let tasks: Vec<_> = (0..connections)
        .map(|connection| {
            let (address, request) = (address.to_owned(), request.clone());
            tokio::spawn(async move {
                let mut stream = Connection::open(&address).await?;
                let mut answered = 0;
                while begin.elapsed() < time {
                    let request = request(answered * connections + connection);
                    stream.exchange(request.as_bytes(), status).await?;
                    answered += 1;
                }
                anyhow::Ok(answered)
            })
        })
        .collect();
    let mut answered = 0;
    for task in tasks {
        answered += task.await??;
    }
    Ok(Load { answered, elapsed: begin.elapsed() })
}

struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    async fn open(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address).await.with_context(|| address.to_owned())?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: vec![0; BUFFER_BYTES] })
    }

    /// Sends a request; fails if the answer has another status.
    async fn exchange(&mut self, request: &[u8], status: u16) -> Result<()> {
        self.stream.write_all(request).await?;
        let mut filled = 0;
        loop {
            let read = self.stream.read(&mut self.buffer[filled..]).await?;
            ensure!(read > 0, "the server closed the connection");
            filled += read;
            let Some(expected) = answer_length(&self.buffer[..filled])? else { continue };
            if filled < expected {
                ensure!(expected <= BUFFER_BYTES, "an answer of {expected} bytes");
                continue;
            }
            if !self.buffer.starts_with(format!("HTTP/1.1 {status}").as_bytes()) {
                bail!(
                    "not the answer that was expected: {}",
                    String::from_utf8_lossy(&self.buffer[..filled])
                );
            }
            return Ok(());
        }
    }
}

/// Returns the length of head and body together, once the head is complete.
fn answer_length(bytes: &[u8]) -> Result<Option<usize>> {
    let Some(head) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let text = std::str::from_utf8(&bytes[..head])?;
    let length = text
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse::<usize>().ok())
        .context("an answer without Content-Length")?;
    Ok(Some(head + 4 + length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_as_long_as_its_head_says() {
        let answer = b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\n{}";
        assert_eq!(answer_length(answer).unwrap(), Some(answer.len()));
        assert_eq!(answer_length(&answer[..30]).unwrap(), None);
        assert!(answer_length(b"HTTP/1.1 201 Created\r\n\r\n").is_err());
    }
}
