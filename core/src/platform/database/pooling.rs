//! Finds out whether a pooler such as PgBouncer stands in between that gives connections a session for a transaction only.
//!
//! Prepared statements, `LISTEN` and the limits of the session need one session for as long as the connection lives.
//! In transaction mode they fail now and then, with errors that name neither the pooler nor its mode, so it is asked
//! before anything else: a session's process id that changes, or that two connections share, is the proof.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;
use tokio_postgres::{Client, SimpleQueryMessage};

use super::ConnectFault;
use super::connect::Server;

/// In a busy pool another client may happen to get the session in between, and give it back.
const ROUNDS: usize = 3;

/// The servers, by their address; a cell is full once its server was found to be no such pooler. Each is asked once in the life
/// of a process, which has two at most, its own and its services'. Nobody else of this process asks the same one meanwhile:
/// several that ask at once, as at its start, may each get the session that another has just given back, and see nothing.
static CHECKED: Mutex<BTreeMap<String, Arc<OnceCell<()>>>> = Mutex::new(BTreeMap::new());

pub(super) async fn check(server: &Server) -> Result<(), ConnectFault> {
    // Whoever waits for one that does not answer keeps nobody from another.
    cell(server.address()).get_or_try_init(|| ask(server)).await.copied()
}

fn cell(address: String) -> Arc<OnceCell<()>> {
    Arc::clone(CHECKED.lock().unwrap_or_else(PoisonError::into_inner).entry(address).or_default())
}

async fn ask(server: &Server) -> Result<(), ConnectFault> {
    let one = open(server).await?;
    let (first, port) = session(&one).await?;
    // The server listens where we connected to: nobody stands in between.
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
    // Ends with the client.
    tokio::spawn(connection);
    Ok(client)
}

/// The process id of the session, and the port of the server that it is on; no port on a Unix-domain socket.
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
