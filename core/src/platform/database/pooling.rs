//! Finds a pooler, such as PgBouncer, that gives a connection its session only for the time of a transaction.
//!
//! Prepared statements, `LISTEN` and the limits of the session need one session for as long as the connection lives.
//! In transaction mode they fail now and then, with errors that name neither the pooler nor its mode, so this is checked
//! before anything else. The proof is a session's process id that changes, or that two connections share.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;
use tokio_postgres::{Client, SimpleQueryMessage};

use super::ConnectFault;
use super::connect::Server;

/// How often the ids are compared. In a busy pool another client may get the session in between, and give it back.
const ROUNDS: usize = 3;

/// The servers, by their address; a cell is full once its server was found to be no such pooler. Each server is checked once in
/// the life of a process, which has at most two: its own and its services'. No two checks of one server run at the same time:
/// each might get the session that the other has just given back, for example at the start, and so miss the pooler.
static CHECKED: Mutex<BTreeMap<String, Arc<OnceCell<()>>>> = Mutex::new(BTreeMap::new());

pub(super) async fn check(server: &Server) -> Result<(), ConnectFault> {
    // A server that does not answer does not delay the check of another server.
    cell(server.address()).get_or_try_init(|| ask(server)).await.copied()
}

fn cell(address: String) -> Arc<OnceCell<()>> {
    Arc::clone(CHECKED.lock().unwrap_or_else(PoisonError::into_inner).entry(address).or_default())
}

async fn ask(server: &Server) -> Result<(), ConnectFault> {
    let one = open(server).await?;
    let (first, port) = session(&one).await?;
    // The server itself listens on the port that we connected to: there is no pooler in between.
    if port != Some(server.port()) {
        let other = open(server).await?;
        for _ in 0..ROUNDS {
            let (shared, _) = session(&other).await?;
            let (again, _) = session(&one).await?;
            if shared == first || again != first {
                return Err(ConnectFault::Pooling);
            }
        }
    }
    Ok(())
}

async fn open(server: &Server) -> Result<Client, ConnectFault> {
    let (client, connection) = server.open().await?;
    // This task ends with the client.
    tokio::spawn(connection);
    Ok(client)
}

/// Returns the process id of the session and the port of its server; no port on a Unix-domain socket.
async fn session(client: &Client) -> Result<(String, Option<u16>), ConnectFault> {
    // The simple protocol: it works in every mode.
    let answer = client.simple_query("SELECT pg_backend_pid(), inet_server_port()").await?;
    let row = answer.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    let text = |column| row.and_then(|row| row.get(column)).unwrap_or_default();
    Ok((text(0).to_owned(), text(1).parse().ok()))
}
