//! A TCP proxy that can refuse or cut connections, and delay or swallow bytes in either direction.

mod stream;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The state that decides which bytes the proxy passes, and when.
#[derive(Debug, Clone, Copy)]
struct Valve {
    refuse: bool,
    to_server: bool,
    to_client: bool,
    delay: Duration,
    /// Incremented to end the connections that are open.
    generation: u64,
    /// Incremented to strand the connections that are open.
    epoch: u64,
}

impl Valve {
    fn open(generation: u64, epoch: u64) -> Self {
        Self { refuse: false, to_server: true, to_client: true, delay: Duration::ZERO, generation, epoch }
    }
}

/// A proxy in front of one server. When it is dropped, it ends with all its connections.
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
    /// Fails if no port is free.
    pub async fn start(upstream: &str) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("no port for the proxy")?;
        let address = listener.local_addr()?;
        let (valve, watcher) = watch::channel(Valve::open(0, 0));
        let task = tokio::spawn(accept(listener, upstream.to_owned(), watcher));
        Ok(Self { address, valve, task })
    }

    /// Returns `host:port` of the proxy.
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

    /// Delays every byte in both directions, to within the timer's millisecond and never less. Only [`stream::QUEUED_CHUNKS`]
    /// limits the bytes that are delayed at the same time.
    pub fn delay(&self, delay: Duration) {
        self.valve.send_modify(|valve| valve.delay = delay);
    }

    /// Swallows everything that clients send, also the end of their connections, without notice to either side.
    pub fn swallow_requests(&self) {
        self.valve.send_modify(|valve| valve.to_server = false);
    }

    /// Swallows everything that the server sends, also the end of its connections, without notice to either side.
    pub fn swallow_answers(&self) {
        self.valve.send_modify(|valve| valve.to_client = false);
    }

    /// Makes the connections that are open now silent in both directions, without notice to either side; new ones work. A
    /// firewall that has forgotten a connection does the same, or a load balancer whose server is gone.
    pub fn strand(&self) {
        self.valve.send_modify(|valve| valve.epoch += 1);
    }

    /// Passes everything again, at once. Connections that were open during a fault are ended: bytes that were sent meanwhile
    /// are lost.
    pub fn heal(&self) {
        self.valve.send_modify(|valve| *valve = Valve::open(valve.generation + 1, valve.epoch));
    }

    /// Passes everything again, and swallowed bytes arrive now, however late: TCP retransmits unacknowledged bytes, even of a
    /// connection that its client has given up meanwhile.
    pub fn resume(&self) {
        self.valve.send_modify(|valve| *valve = Valve::open(valve.generation, valve.epoch));
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
    let Valve { generation, epoch, .. } = *valve.borrow();
    let (requests, answers) = (valve.clone(), valve.clone());
    let mut reachable = valve.clone();
    // When the valve opens for later connections, the bytes of this one must not pass.
    let current = move |valve: &Valve| (valve.generation, valve.epoch) == (generation, epoch);
    let to_server = move |valve: &Valve| valve.to_server && current(valve);
    let to_client = move |valve: &Valve| valve.to_client && current(valve);
    let both = async {
        // Opening a connection is a request, too.
        let _ = reachable.wait_for(to_server).await;
        let Ok(server) = TcpStream::connect(upstream).await else { return };
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        let (client_reads, client_writes) = client.into_split();
        let (server_reads, server_writes) = server.into_split();
        // Each direction may end at its own time; a reset ends both.
        let _ = tokio::try_join!(
            stream::pass(client_reads, server_writes, requests, to_server),
            stream::pass(server_reads, client_writes, answers, to_client),
        );
    };
    tokio::select! {
        () = both => {}
        _ = valve.wait_for(|now| now.generation != generation) => {}
    }
}
