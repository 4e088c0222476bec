//! A database of its own with an owner of its own, as somebody who is no superuser has it.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use comptoir_tests::harness::{
    Exit, Http, Services, VirtualHost, connect, free_port, program, run, until, with_path, with_user,
};
use tokio_postgres::Client;

pub(crate) const LIMIT: Duration = Duration::from_secs(60);
const LOG_INS: [&str; 5] = ["api", "services", "relay", "writer", "auditor"];

pub(crate) struct Installation {
    pub(crate) name: String,
    pub(crate) admin: Client,
    pub(crate) vhost: VirtualHost,
    url: String,
}

impl Installation {
    /// `options` of the owner, such as `CREATEROLE`.
    pub(crate) async fn new(options: &str) -> Result<Self> {
        let services = Services::shared()?;
        let name = format!("plain_{}", &uuid::Uuid::new_v4().simple().to_string()[..12]);
        let admin = connect(&services.database_url).await?;
        let password = password("owner");
        admin
            .batch_execute(&format!(
                "CREATE ROLE {name}_owner LOGIN PASSWORD '{password}' {options}; GRANT {name}_owner TO CURRENT_USER"
            ))
            .await?;
        admin.batch_execute(&format!("CREATE DATABASE {name} OWNER {name}_owner")).await?;
        let url = with_path(&services.database_url, &name)?;
        let vhost = VirtualHost::create(&services)?;
        Ok(Self { name, admin, vhost, url })
    }

    /// The URL of the role that has this behind the database's name: `owner`, `api`, …
    pub(crate) fn url(&self, suffix: &str) -> Result<String> {
        with_user(&self.url, &format!("{}_{suffix}", self.name), &password(suffix))
    }

    pub(crate) async fn sql(&self, suffix: &str) -> Result<Client> {
        connect(&self.url(suffix)?).await
    }

    /// A program as that role, with the defaults of its settings: no name of a role is given.
    pub(crate) fn command(&self, name: &str, role: &str, arguments: &[&str]) -> Result<Command> {
        let mut command = Command::new(program(name)?);
        command
            .args(arguments)
            .env("DATABASE_URL", self.url(role)?)
            .env("AMQP_URL", &self.vhost.url)
            .env("COMPTOIR__RELAY__HTTP_LISTEN", "off");
        if name == "api" {
            // Nobody receives e-mails here, which is worth a warning in production.
            command.env("COMPTOIR__SERVICES__ENVIRONMENT", "testing").env("COMPTOIR__MAIL__TRANSPORT", "log");
        }
        Ok(command)
    }

    pub(crate) async fn run(&self, name: &str, role: &str, arguments: &[&str]) -> Result<Exit> {
        run(self.command(name, role, arguments)?, LIMIT).await
    }

    pub(crate) async fn succeeds(&self, name: &str, role: &str, arguments: &[&str]) -> Result<Exit> {
        let exit = self.run(name, role, arguments).await?;
        ensure!(exit.code == Some(0), "{name} {arguments:?} as {role}: {exit:?}");
        Ok(exit)
    }

    /// Runs a file of `deploy/postgres` with psql, as docs/roles.md says.
    pub(crate) async fn psql(&self, url: &str, file: &str) -> Result<()> {
        let services = Services::shared()?;
        let psql = services.pg_bin.map(|bin| bin.join("psql")).filter(|psql| psql.is_file());
        let mut command = Command::new(psql.unwrap_or_else(|| "psql".into()));
        command.args(["-XqAt", "-d", url]);
        for log_in in LOG_INS {
            command.args(["-v", &format!("{log_in}_password={}", password(log_in))]);
        }
        command.arg("-f").arg(comptoir_tests::harness::root().join("deploy/postgres").join(file));
        let exit = run(command, LIMIT).await?;
        ensure!(exit.code == Some(0), "{file}: {exit:?}");
        Ok(())
    }

    /// Everything that docs/roles.md says, by its own two files.
    pub(crate) async fn set_up(&self) -> Result<()> {
        self.make_roles().await?;
        self.succeeds("api", "owner", &["migrate"]).await?;
        self.psql(&self.url("owner")?, "grants.sql").await
    }

    /// The first of the two alone: roles that can do nothing yet.
    pub(crate) async fn make_roles(&self) -> Result<()> {
        let services = Services::shared()?;
        let version: i32 =
            self.admin.query_one("SELECT current_setting('server_version_num')::integer", &[]).await?.get(0);
        // Before PostgreSQL 15 only a superuser can shut the schema `public` to everybody.
        let somebody = if version < 150_000 { services.superuser_url } else { Some(services.database_url) };
        let url = somebody.context("POSTGRES_SUPERUSER_URL is not set")?;
        self.psql(&with_path(&url, &self.name)?, "roles.sql").await
    }

    /// A company with a key that may do everything, by `api create-admin`.
    pub(crate) async fn company(&self, role: &str) -> Result<String> {
        let arguments =
            ["create-admin", "--email", "ada@example.com", "--name", "Ada", "--tenant-name", "Docks"];
        let exit =
            self.succeeds("api", role, &[&arguments[..], &["--api-key", "test", "--json"]].concat()).await?;
        let made: serde_json::Value = serde_json::from_str(&exit.stdout)?;
        Ok(made["api_key"].as_str().context("a key")?.to_owned())
    }

    /// A running API and a client for it.
    pub(crate) async fn api(&self, role: &str, key: &str) -> Result<(Running, Http)> {
        let address = format!("127.0.0.1:{}", free_port()?);
        let mut command = self.command("api", role, &[])?;
        command.env("COMPTOIR__API__LISTEN", &address).env("COMPTOIR__API__OPERATIONS_LISTEN", "off");
        let running = Running(command.spawn()?);
        let http = Http::new(&format!("http://{address}"))?.with_credential(key);
        until("the API to be ready", LIMIT, async || {
            let answer = http.get("//health/ready").await?;
            ensure!(answer.status == 200, "{} {}", answer.status, answer.text);
            Ok(())
        })
        .await?;
        Ok((running, http))
    }

    /// Removes database and roles, which belong to the whole server.
    pub(crate) async fn remove(self) -> Result<()> {
        let Self { name, admin, .. } = &self;
        admin.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)")).await?;
        let roles = "SELECT rolname::text FROM pg_roles WHERE starts_with(rolname, $1) ORDER BY rolname = $1 || '_owner'";
        for row in admin.query(roles, &[name]).await? {
            let role: String = row.get(0);
            admin.batch_execute(&format!("DROP ROLE \"{role}\"")).await.with_context(|| role)?;
        }
        Ok(())
    }
}

/// Each role has a password of its own.
fn password(suffix: &str) -> String {
    format!("plain-{suffix}")
}

/// Killed when it is dropped.
pub(crate) struct Running(std::process::Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
