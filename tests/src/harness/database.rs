//! A database per test, cloned from a template that was migrated once.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use tokio_postgres::{Client, NoTls};

use super::roles::{self, LogIn};
use super::{Services, process, project, urls};

/// The advisory lock that is held while the template is created. The number is arbitrary but must never change.
const TEMPLATE_LOCK: i64 = 0x7465_6d70_6c61_7465;
const MIGRATION_LIMIT: Duration = Duration::from_secs(60);

/// Opens a connection for the test's own SQL.
///
/// # Errors
/// Fails if the server does not accept it.
pub async fn connect(database_url: &str) -> Result<Client> {
    let (client, connection) = tokio_postgres::connect(database_url, NoTls).await.with_context(|| {
        format!("cannot connect to {}", urls::address(database_url).unwrap_or("the database"))
    })?;
    // Ends with the client, or with the server; then the next statement fails.
    tokio::spawn(connection);
    Ok(client)
}

/// A database that is dropped with this value. Its owner may create nothing outside of it, and programs log in as roles that
/// own nothing.
#[derive(Debug)]
pub struct TestDatabase {
    admin_url: String,
    name: String,
    kept: bool,
    /// The URL for the owner, who migrates. Tests read all tables as the owner.
    pub url: String,
    pub api_url: String,
    pub services_url: String,
    pub relay_url: String,
    pub writer_url: String,
    pub auditor_url: String,
}

impl TestDatabase {
    /// Creates a migrated database without data.
    ///
    /// # Errors
    /// Fails if the server refuses.
    pub async fn migrated(services: &Services) -> Result<Self> {
        let template = template(services).await?;
        Self::create(services, Some(&template)).await
    }

    /// Creates an empty database, without migrations.
    ///
    /// # Errors
    /// Fails if the server refuses.
    pub async fn empty(services: &Services) -> Result<Self> {
        Self::create(services, None).await
    }

    async fn create(services: &Services, template: Option<&str>) -> Result<Self> {
        let name = format!("comptoir_test_{}", uuid::Uuid::new_v4().simple());
        let admin = connect(&services.database_url).await?;
        if template.is_none() {
            lock(&admin).await?;
            roles::make(&admin).await?;
            unlock(&admin).await?;
        }
        let template = template.map(|name| format!(" TEMPLATE {name}")).unwrap_or_default();
        let owner = LogIn::Owner.name();
        admin.batch_execute(&format!("CREATE DATABASE {name} OWNER {owner}{template}")).await?;
        let url = urls::with_path(&services.database_url, &name)?;
        Ok(Self {
            admin_url: services.database_url.clone(),
            name,
            kept: false,
            api_url: LogIn::Api.url(&url)?,
            services_url: LogIn::Services.url(&url)?,
            relay_url: LogIn::Relay.url(&url)?,
            writer_url: LogIn::Writer.url(&url)?,
            auditor_url: LogIn::Auditor.url(&url)?,
            url: LogIn::Owner.url(&url)?,
        })
    }

    /// Migrates the database and grants every role its permissions, as an operator does.
    ///
    /// # Errors
    /// Fails if either fails.
    pub async fn set_up(&self) -> Result<()> {
        migrate(&self.url).await
    }

    /// Leaves the database in place.
    pub fn keep(&mut self) {
        self.kept = true;
    }

    /// Leaves the database in place under another name, instead of the one that had it. Whoever is connected to either is cut off.
    ///
    /// # Errors
    /// Fails if the server refuses.
    pub async fn leave_as(&mut self, name: &str) -> Result<()> {
        let admin = connect(&self.admin_url).await?;
        admin.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await?;
        let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1";
        admin.query(cut, &[&self.name]).await?;
        // PostgreSQL itself waits some seconds for those who are still there.
        admin.batch_execute(&format!("ALTER DATABASE {} RENAME TO {name}", self.name)).await?;
        name.clone_into(&mut self.name);
        self.kept = true;
        Ok(())
    }

    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        let (url, name) = (self.admin_url.clone(), self.name.clone());
        let dropped = blocking(async move {
            let admin = connect(&url).await?;
            Ok(admin.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await?)
        });
        if let Err(error) = dropped {
            eprintln!("cannot drop the database {}: {error:#}", self.name);
        }
    }
}

/// Runs a future to its end where nothing can be awaited (`drop`), with or without a runtime.
pub(super) fn blocking<T: Send + 'static>(
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    let thread = std::thread::spawn(move || {
        tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
    });
    thread.join().map_err(|_| anyhow::anyhow!("the clean-up panicked"))?
}

/// Returns the name of the migrated template; creates it if this version of the migrations has none yet.
async fn template(services: &Services) -> Result<String> {
    let name = format!("comptoir_template_{}", fingerprint()?);
    let admin = connect(&services.database_url).await?;
    let exists = async |admin: &Client| -> Result<bool> {
        Ok(admin.query_opt("SELECT 1 FROM pg_database WHERE datname = $1", &[&name]).await?.is_some())
    };
    if exists(&admin).await? {
        return Ok(name);
    }
    lock(&admin).await?;
    if !exists(&admin).await? {
        roles::make(&admin).await?;
        // It has another name until it is complete, so that no test clones half of it.
        let unfinished = format!("{name}_unfinished");
        admin.batch_execute(&format!("DROP DATABASE IF EXISTS {unfinished} WITH (FORCE)")).await?;
        let owner = LogIn::Owner.name();
        admin.batch_execute(&format!("CREATE DATABASE {unfinished} OWNER {owner}")).await?;
        migrate(&LogIn::Owner.url(&urls::with_path(&services.database_url, &unfinished)?)?).await?;
        admin.batch_execute(&format!("ALTER DATABASE {unfinished} RENAME TO {name}")).await?;
    }
    unlock(&admin).await?;
    Ok(name)
}

/// Takes the lock, for one process at a time, until [`unlock`] or the end of the connection.
async fn lock(admin: &Client) -> Result<()> {
    admin.execute("SELECT pg_advisory_lock($1)", &[&TEMPLATE_LOCK]).await?;
    Ok(())
}

async fn unlock(admin: &Client) -> Result<()> {
    admin.execute("SELECT pg_advisory_unlock($1)", &[&TEMPLATE_LOCK]).await?;
    Ok(())
}

async fn migrate(url: &str) -> Result<()> {
    let mut command = project::command("api")?;
    command.arg("migrate").env("DATABASE_URL", url);
    let exit = process::run(command, MIGRATION_LIMIT).await?;
    if exit.code != Some(0) {
        bail!("api migrate: exit {:?}: {}{}", exit.code, exit.stdout, exit.stderr);
    }
    roles::grant(&connect(url).await?).await
}

/// Returns a name for the content of the migrations. They are compiled into the programs: programs that are older than the
/// files would create a template that does not match its name.
fn fingerprint() -> Result<String> {
    let built = std::fs::metadata(project::program("api")?)?.modified()?;
    let mut files = Vec::new();
    for set in ["schema/outbox", "schema/commerce"] {
        let folder = project::root().join(set);
        for migration in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let up = migration?.path().join("up.sql");
            if std::fs::metadata(&up)?.modified()? > built {
                bail!(
                    "the program api is older than {}: build it with `cargo build --workspace --bins --tests`",
                    up.display()
                );
            }
            files.push(up);
        }
    }
    files.sort();
    let mut digest = Sha256::new();
    for file in files {
        digest.update(std::fs::read(&file)?);
        digest.update([0]);
    }
    Ok(hex::encode(&digest.finalize()[..6]))
}
