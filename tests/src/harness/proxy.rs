//! A TCP proxy that can refuse, cut, or swallow in either direction: a network that fails on request.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

const BUFFER_BYTES: usize = 16 * 1024;

/// What the proxy lets through.
#[derive(Debug, Clone, Copy)]
struct Valve {
    refuse: bool,
    to_server: bool,
    to_client: bool,
    /// Raised to end the connections that are open.
    generation: u64,
}

/// A proxy in front of one server. Ends with this value, and its connections with it.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    valve: watch::Sender<Valve>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Listens on a port of its own and passes on to `upstream`, `host:port`.
    ///
    /// # Errors
    /// When there is no port.
    pub async fn start(upstream: &str) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("no port for the proxy")?;
        let address = listener.local_addr()?;
        let (valve, watcher) =
            watch::channel(Valve { refuse: false, to_server: true, to_client: true, generation: 0 });
        let task = tokio::spawn(accept(listener, upstream.to_owned(), watcher));
        Ok(Self { address, valve, task })
    }

    /// `host:port` of the proxy.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Ends all connections and accepts no new ones.
    pub fn cut(&self) {
        self.valve.send_modify(|valve| {
            valve.refuse = true;
            valve.generation += 1;
        });
    }

    /// What clients send is not passed on any more, and nobody is told.
    pub fn swallow_requests(&self) {
        self.valve.send_modify(|valve| valve.to_server = false);
    }

    /// What the server answers is not passed on any more, and nobody is told.
    pub fn swallow_answers(&self) {
        self.valve.send_modify(|valve| valve.to_client = false);
    }

    /// Everything passes again. Connections that were open during a fault are ended: a network that comes back has lost
    /// what was sent meanwhile.
    pub fn heal(&self) {
        self.valve.send_modify(|valve| {
            *valve =
                Valve { refuse: false, to_server: true, to_client: true, generation: valve.generation + 1 };
        });
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.cut();
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, upstream: String, valve: watch::Receiver<Valve>) {
    loop {
        let Ok((client, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        if valve.borrow().refuse {
            continue; // Dropped: the client sees its connection closed.
        }
        tokio::spawn(pass(client, upstream.clone(), valve.clone()));
    }
}

async fn pass(client: TcpStream, upstream: String, mut valve: watch::Receiver<Valve>) {
    let Ok(server) = TcpStream::connect(upstream).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let opened = valve.borrow().generation;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let (requests, answers) = (valve.clone(), valve.clone());
    tokio::select! {
        () = copy(from_client, to_server, requests, |valve| valve.to_server) => {}
        () = copy(from_server, to_client, answers, |valve| valve.to_client) => {}
        _ = valve.wait_for(|now| now.generation != opened) => {}
    }
}

async fn copy(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    mut valve: watch::Receiver<Valve>,
    open: impl Fn(&Valve) -> bool,
) {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let Ok(length @ 1..) = from.read(&mut buffer).await else { return };
        // What was read while the valve is shut waits here; `heal` ends the connection and loses it.
        if valve.wait_for(|now| open(now)).await.is_err() {
            return;
        }
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}
