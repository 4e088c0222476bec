//! PgBouncer between the programs and PostgreSQL.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::services::{Given, script};
use super::{Daemon, World, connect, project, until, urls};

const START_LIMIT: Duration = Duration::from_secs(20);

/// A running PgBouncer in front of a world's database. It ends when this is dropped.
#[derive(Debug)]
pub struct PgBouncer {
    /// URLs of the world's database through PgBouncer: for the database's owner, and below for the API and the relay.
    pub url: String,
    pub api_url: String,
    pub relay_url: String,
    _daemon: Daemon,
}

impl PgBouncer {
    /// Starts PgBouncer in `session`, `transaction` or `statement` mode. Like the servers, it is installed if it is missing.
    ///
    /// # Errors
    /// Fails if it is missing and cannot be installed, or does not start.
    pub async fn start(world: &World, pool_mode: &str) -> Result<Self> {
        let port = project::free_port()?;
        let configuration = configure(world, pool_mode, port)?;
        let program = script("pgbouncer", &[], Given::Used)?;
        let mut command = Command::new(program.trim());
        if nix::unistd::geteuid().is_root() {
            command.args(["--user", "nobody"]);
        }
        command.arg(configuration);
        let log = world.logs().join(format!("pgbouncer-{port}.log"));
        let mut daemon = Daemon::spawn("pgbouncer", &mut command, &log, world.token())?;
        let through = |url: &str| urls::with_address(url, &format!("127.0.0.1:{port}"));
        let url = through(&world.database.url)?;
        until("PgBouncer to answer", START_LIMIT, async || {
            ensure!(daemon.ended()?.is_none(), "it ended: {}", daemon.output());
            connect(&url).await?.simple_query("SELECT 1").await?;
            Ok(())
        })
        .await?;
        let (api_url, relay_url) = (through(&world.database.api_url)?, through(&world.database.relay_url)?);
        Ok(Self { url, api_url, relay_url, _daemon: daemon })
    }
}

fn configure(world: &World, pool_mode: &str, port: u16) -> Result<PathBuf> {
    let url = &world.database.url;
    let (host, server_port) = urls::address(url)?.rsplit_once(':').context("a port in the database's URL")?;
    let mut known = String::new();
    let database = &world.database;
    for url in [&database.url, &database.api_url, &database.services_url, &database.relay_url] {
        let (_, user) = urls::without_user(url)?;
        let (name, password) = user.context("a user in the database's URL")?;
        known += &format!("\"{name}\" \"{password}\"\n");
    }
    let users = world.logs().join(format!("pgbouncer-{port}.users"));
    std::fs::write(&users, known)?;
    let path = world.logs().join(format!("pgbouncer-{port}.ini"));
    let text = format!(
        "[databases]\n\
         * = host={host} port={server_port}\n\
         [pgbouncer]\n\
         listen_addr = 127.0.0.1\n\
         listen_port = {port}\n\
         unix_socket_dir =\n\
         auth_type = trust\n\
         auth_file = {}\n\
         pool_mode = {pool_mode}\n\
         max_client_conn = 200\n\
         default_pool_size = 40\n",
        users.display()
    );
    std::fs::write(&path, text)?;
    Ok(path)
}
