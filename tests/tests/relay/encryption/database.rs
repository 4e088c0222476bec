use std::os::unix::fs::PermissionsExt;

use anyhow::{Result, ensure};
use comptoir_tests::harness::{
    Api, Authority, PrivateServices, RUNTIME_ROLE, Relay, SERVER_NAME, World, address, connect, insert_many,
    until, with_address, with_user,
};

use super::{LIMIT, a_daemon_is_unready, relay};

/// `certified` is whoever has a certificate of that name; `secretive` needs a password.
const RULES: &str = "hostssl all certified 127.0.0.1/32 cert
host all certified 127.0.0.1/32 reject
host all secretive 127.0.0.1/32 scram-sha-256
host all all 127.0.0.1/32 trust
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgresql_is_reached_encrypted_and_checked_as_the_mode_says() -> Result<()> {
    let (authority, stranger) = (Authority::new("Comptoir test CA")?, Authority::new("Another CA")?);
    let server = PrivateServices::start_postgres_with_tls(&authority, RULES)?;
    let world = World::new(server.services.clone()).await?;
    let admin = connect(&world.services.database_url).await?;
    admin
        .batch_execute(&format!(
            "CREATE ROLE certified NOINHERIT LOGIN; CREATE ROLE secretive NOINHERIT LOGIN PASSWORD 'right';
            GRANT {RUNTIME_ROLE} TO certified, secretive"
        ))
        .await?;
    let owner = world.sql().await?;
    owner
        .batch_execute(
            "CALL outbox_grant_relay('certified'::regrole); CALL outbox_grant_relay('secretive'::regrole)",
        )
        .await?;
    let servers = Servers { world: &world, authority: &authority, stranger: &stranger };
    servers.are_checked_as_the_mode_says().await?;
    servers.are_shown_a_certificate().await?;
    servers.make_wrong_files_configuration_errors().await?;
    servers.are_used_encrypted_by_relay_and_api().await?;
    Ok(())
}

struct Servers<'a> {
    world: &'a World,
    authority: &'a Authority,
    stranger: &'a Authority,
}

impl Servers<'_> {
    /// By the name that is in its certificate, or by its address, which is not.
    fn url(&self, host: &str, query: &str) -> Result<String> {
        let url = &self.world.database.relay_url;
        let port = address(url)?.split_once(':').map_or("5432", |(_, port)| port);
        Ok(format!("{}?{query}", with_address(url, &format!("{host}:{port}"))?))
    }

    async fn status(&self, url: &str) -> Result<(Option<i32>, String)> {
        let exit = relay(self.world, &["status", "--json"], &[("DATABASE_URL", url)]).await?;
        Ok((exit.code, exit.stderr))
    }

    async fn succeeds(&self, host: &str, query: &str) -> Result<()> {
        let (code, error) = self.status(&self.url(host, query)?).await?;
        ensure!(code == Some(0), "{host} {query}: {code:?} {error}");
        Ok(())
    }

    async fn fails(&self, url: &str, expected: i32, problem: &str) -> Result<()> {
        let (code, error) = self.status(url).await?;
        ensure!(code == Some(expected) && error.contains(problem), "{url}: {code:?} {error}");
        ensure!(error.trim().lines().count() == 1, "more than a line: {error}");
        Ok(())
    }

    async fn are_checked_as_the_mode_says(&self) -> Result<()> {
        let (ca, other) = (self.authority.file(), self.stranger.file());
        for (host, query) in [
            ("127.0.0.1", "sslmode=disable".to_owned()),
            ("127.0.0.1", "sslmode=prefer".to_owned()),
            ("127.0.0.1", "sslmode=require".to_owned()),
            ("127.0.0.1", format!("sslmode=require&sslrootcert={ca}")),
            ("127.0.0.1", format!("sslmode=verify-ca&sslrootcert={ca}")),
            (SERVER_NAME, format!("sslmode=verify-full&sslrootcert={ca}")),
        ] {
            self.succeeds(host, &query).await?;
        }
        for (host, query, problem) in [
            ("127.0.0.1", format!("sslmode=verify-full&sslrootcert={ca}"), "not valid for name"),
            (SERVER_NAME, format!("sslmode=verify-full&sslrootcert={other}"), "UnknownIssuer"),
            (SERVER_NAME, format!("sslmode=verify-ca&sslrootcert={other}"), "UnknownIssuer"),
            (SERVER_NAME, format!("sslmode=require&sslrootcert={other}"), "UnknownIssuer"),
        ] {
            self.fails(&self.url(host, &query)?, 1, problem).await?;
        }
        // The shared server has no encryption.
        let plain = &comptoir_tests::harness::Services::shared()?.database_url;
        self.fails(&format!("{plain}?sslmode=require"), 1, "server does not support TLS").await?;
        Ok(())
    }

    async fn are_shown_a_certificate(&self) -> Result<()> {
        let (certificate, key) = self.authority.client("certified")?;
        let (foreign, foreign_key) = self.stranger.client("certified")?;
        let as_user = |user: &str, password: &str, query: &str| -> Result<String> {
            with_user(&self.url(SERVER_NAME, query)?, user, password)
        };
        let with = format!("sslmode=require&sslcert={certificate}&sslkey={key}");
        let (code, error) = self.status(&as_user("certified", "", &with)?).await?;
        ensure!(code == Some(0), "{code:?} {error}");
        let refused = as_user("certified", "", "sslmode=require")?;
        self.fails(&refused, 1, "valid client certificate").await?;
        let foreign = format!("sslmode=require&sslcert={foreign}&sslkey={foreign_key}");
        let (code, error) = self.status(&as_user("certified", "", &foreign)?).await?;
        let said = error.contains("fatal alert") || error.contains("wants a client certificate");
        ensure!(code == Some(1) && said, "{code:?} {error}");

        let (code, error) = self.status(&as_user("secretive", "right", "sslmode=require")?).await?;
        ensure!(code == Some(0), "channel binding: {code:?} {error}");
        let wrong = as_user("secretive", "wrong", "sslmode=require")?;
        self.fails(&wrong, 1, "password authentication failed").await?;
        let strange = format!("sslmode=verify-full&sslrootcert={}", self.stranger.file());
        let strange = self.url(SERVER_NAME, &strange)?;
        let (refused, strange) = ([("DATABASE_URL", wrong.as_str())], [("DATABASE_URL", strange.as_str())]);
        let metric = |reason| format!("comptoir_relay_database_faults_total{{reason=\"{reason}\"}}");
        let (of_credentials, of_tls) = (metric("credentials"), metric("tls"));
        tokio::try_join!(
            a_daemon_is_unready(self.world, &refused, "(credentials: ", &of_credentials),
            a_daemon_is_unready(self.world, &strange, "(tls: ", &of_tls),
        )?;
        Ok(())
    }

    async fn make_wrong_files_configuration_errors(&self) -> Result<()> {
        let ca = self.authority.file();
        // Where it stands in for a key: who may read it is not what is wrong here.
        std::fs::set_permissions(&ca, std::fs::Permissions::from_mode(0o600))?;
        let (certificate, key) = self.authority.client("somebody")?;
        let (_, other_key) = self.authority.client("somebody-else")?;
        for (query, problem) in [
            (
                "sslmode=verify-full&sslrootcert=/does/not/exist.pem".to_owned(),
                "database.tls_ca_file: cannot read",
            ),
            (format!("sslmode=verify-full&sslrootcert={key}"), "holds no certificate in PEM"),
            (format!("sslrootcert={ca}"), "prefer does not check"),
            (format!("sslmode=require&sslcert={certificate}"), "database.tls_key_file: is missing"),
            (format!("sslmode=require&sslcert={certificate}&sslkey={ca}"), "holds no private key in PEM"),
            (
                format!("sslmode=require&sslcert={certificate}&sslkey={other_key}"),
                "is not the key of the certificate",
            ),
            ("sslmode=encrypted".to_owned(), "`encrypted` is none of disable"),
        ] {
            self.fails(&self.url(SERVER_NAME, &query)?, 2, problem).await?;
        }
        Ok(())
    }

    /// With settings instead of words in the URL, and settings of the file win over the URL's words.
    async fn are_used_encrypted_by_relay_and_api(&self) -> Result<()> {
        let ca = self.authority.file();
        let (certificate, key) = self.authority.client("certified")?;
        let url = with_user(&self.url(SERVER_NAME, "sslmode=disable")?, "certified", "")?;
        let environment = [
            ("DATABASE_URL", url.as_str()),
            ("COMPTOIR__DATABASE__TLS_MODE", "verify-full"),
            ("COMPTOIR__DATABASE__TLS_CA_FILE", &ca),
            ("COMPTOIR__DATABASE__TLS_CERT_FILE", &certificate),
            ("COMPTOIR__DATABASE__TLS_KEY_FILE", &key),
        ];
        let (world, sql) = (self.world, self.world.sql().await?);
        let consumer = world.consumer().await?;
        insert_many(&sql, 20, 5).await?;
        let once = relay(world, &["--once", "--deadline", "30"], &environment).await?;
        ensure!(once.code == Some(0), "{once:?}");
        consumer.wait_for(20, LIMIT).await?;
        let owner = ("DATABASE_URL", with_address(&world.database.url, address(&url)?)?);
        let as_owner = [&[(owner.0, owner.1.as_str())], &environment[1..]].concat();
        let migrated = relay(world, &["migrate"], &as_owner).await?;
        ensure!(migrated.code == Some(0), "{migrated:?}");

        let running = Relay::start(world, &environment).await?;
        let api = Api::start(world, &environment).await?;
        until("the API to be ready", LIMIT, async || {
            let answer = api.http.get("//health/ready").await?;
            ensure!(answer.status == 200, "{}", answer.text);
            Ok(())
        })
        .await?;
        let (customer, product) = (api.customer("C-1").await?, api.product("P-1").await?);
        api.order(&customer, &product).await?;
        world.everything_arrives(&consumer, LIMIT).await?;
        let row = world
            .administrator()
            .await?
            .query_one(
                "SELECT count(*), count(*) FILTER (WHERE ssl AND client_dn = '/CN=certified')
                 FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = 'certified'",
                &[],
            )
            .await?;
        let (connections, encrypted): (i64, i64) = (row.get(0), row.get(1));
        ensure!(connections >= 5 && connections == encrypted, "{encrypted} of {connections} are encrypted");
        running.stop().await
    }
}
