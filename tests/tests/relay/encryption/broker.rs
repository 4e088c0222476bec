use std::time::Duration;

use anyhow::{Context, Result, ensure};
use comptoir_tests::harness::{
    Authority, PrivateServices, Relay, SERVER_NAME, World, insert_many, with_address, with_user,
};

use super::{LIMIT, a_daemon_is_unready, relay};

const CA_FILE: &str = "COMPTOIR__BROKER__TLS_CA_FILE";
const CERT_FILE: &str = "COMPTOIR__BROKER__TLS_CERT_FILE";
const KEY_FILE: &str = "COMPTOIR__BROKER__TLS_KEY_FILE";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rabbitmq_is_reached_encrypted_and_checked() -> Result<()> {
    let (authority, stranger) = (Authority::new("Comptoir test CA")?, Authority::new("Another CA")?);
    let mut server = PrivateServices::start_rabbitmq_with_tls(&authority)?;
    let mut world = World::new(server.services.clone()).await?;
    let broker = Broker::of(&world, &server)?;
    let ca = authority.file();
    delivers(&world, &broker.encrypted, &[(CA_FILE, &ca)]).await?;
    faults_are_told_apart(&world, &broker, &ca, &stranger.file()).await?;
    world.sql().await?.batch_execute("DELETE FROM outbox_events").await?;
    wrong_settings_are_refused(&world, &broker, &authority).await?;

    server.stop()?;
    server.configure_rabbitmq("ssl_options.fail_if_no_peer_cert = true\n")?;
    server.start()?;
    let (certificate, key) = authority.client("relay")?;
    let with = [(CA_FILE, ca.as_str()), (CERT_FILE, &certificate), (KEY_FILE, &key)];
    delivers(&world, &broker.encrypted, &with).await?;
    insert_many(&world.sql().await?, 1, 1).await?;
    is_refused(&world, &broker.encrypted, &with[..1], ("tls", "ertificate")).await?;
    // Its broker goes with it.
    world.keep_vhost();
    Ok(())
}

struct Broker {
    plain: String,
    encrypted: String,
    /// An address that is not in the certificate.
    other_name: String,
}

impl Broker {
    fn of(world: &World, server: &PrivateServices) -> Result<Self> {
        let plain = world.vhost().url.clone();
        let port = server.amqps_port.context("the broker offers no encrypted connections")?;
        let at = |host: &str| -> Result<String> {
            Ok(with_address(&plain, &format!("{host}:{port}"))?.replace("amqp://", "amqps://"))
        };
        Ok(Self { encrypted: at(SERVER_NAME)?, other_name: at("127.0.0.1")?, plain })
    }
}

async fn delivers(world: &World, url: &str, environment: &[(&str, &str)]) -> Result<()> {
    let environment: Vec<_> = [("AMQP_URL", url)].into_iter().chain(environment.iter().copied()).collect();
    let consumer = world.consumer().await?;
    insert_many(&world.sql().await?, 20, 5).await?;
    let once = relay(world, &["--once", "--deadline", "30"], &environment).await?;
    ensure!(once.code == Some(0), "{once:?}");
    consumer.wait_for(20, LIMIT).await?;
    let running = Relay::start(world, &environment).await?;
    insert_many(&world.sql().await?, 20, 5).await?;
    consumer.wait_for(40, LIMIT).await?;
    running.stop().await
}

/// `relay --once` does not reach it, and says why in its last line.
async fn is_refused(
    world: &World,
    url: &str,
    environment: &[(&str, &str)],
    (reason, problem): (&str, &str),
) -> Result<()> {
    let environment: Vec<_> = [("AMQP_URL", url), ("COMPTOIR__BROKER__CONNECT_TIMEOUT_MS", "3000")]
        .into_iter()
        .chain(environment.iter().copied())
        .collect();
    let once = relay(world, &["--once", "--deadline", "5"], &environment).await?;
    let last = once.stderr.lines().last().unwrap_or_default().to_owned();
    let is_named = last.starts_with("error: not reached within 5 s: RabbitMQ at ") && last.contains(problem);
    let logged = format!("reason=\"{reason}");
    ensure!(once.code == Some(1) && is_named && once.stderr.contains(&logged), "{url}: {once:?}");
    Ok(())
}

async fn faults_are_told_apart(world: &World, broker: &Broker, ca: &str, other: &str) -> Result<()> {
    let Broker { plain, encrypted, other_name } = broker;
    let to_plain = plain.replace("amqp://", "amqps://").replace("127.0.0.1", SERVER_NAME);
    let to_encrypted = encrypted.replace("amqps://", "amqp://");
    let wrong = with_user(plain, "guest", "wrong")?;
    let nowhere = with_address(plain, "127.0.0.1:1")?;
    let no_vhost = format!("{plain}-that-does-not-exist");
    let (trusted, distrusted) = ([(CA_FILE, ca)], [(CA_FILE, other)]);
    insert_many(&world.sql().await?, 1, 1).await?;
    tokio::try_join!(
        is_refused(world, encrypted, &distrusted, ("tls", "UnknownIssuer")),
        is_refused(world, other_name, &trusted, ("tls", "not valid for name")),
        is_refused(world, &to_plain, &trusted, ("tls", "")),
        // RabbitMQ answers with an alert or just closes: `protocol` or `connection-lost`, whichever comes first.
        is_refused(world, &to_encrypted, &[], ("", "")),
        is_refused(world, &wrong, &[], ("credentials", "")),
        is_refused(world, &nowhere, &[], ("connection-refused", "")),
        is_refused(world, &no_vhost, &[], ("virtual-host", "")),
    )?;
    let metric = |reason| format!("comptoir_relay_broker_losses_total{{reason=\"{reason}\"}}");
    let (of_tls, of_credentials) = (metric("tls"), metric("credentials"));
    let (strange, refused) =
        ([("AMQP_URL", encrypted.as_str()), (CA_FILE, other)], [("AMQP_URL", wrong.as_str())]);
    tokio::try_join!(
        a_daemon_is_unready(world, &strange, "(tls: ", &of_tls),
        a_daemon_is_unready(world, &refused, "(credentials: ", &of_credentials),
    )?;
    Ok(())
}

async fn wrong_settings_are_refused(world: &World, broker: &Broker, authority: &Authority) -> Result<()> {
    let ca = authority.file();
    let (certificate, _) = authority.client("somebody")?;
    let (_, other_key) = authority.client("somebody-else")?;
    for (url, environment, problem) in [
        (&broker.plain, vec![(CA_FILE, ca.as_str())], "are for amqps://"),
        (&broker.encrypted, vec![(CA_FILE, "/does/not/exist.pem")], "broker.tls_ca_file: cannot read"),
        (
            &broker.encrypted,
            vec![(CA_FILE, ca.as_str()), (CERT_FILE, &certificate)],
            "broker.tls_key_file: is missing",
        ),
        (
            &broker.encrypted,
            vec![(CA_FILE, ca.as_str()), (CERT_FILE, &certificate), (KEY_FILE, &other_key)],
            "broker.tls_key_file: ",
        ),
    ] {
        let environment: Vec<_> = [("AMQP_URL", url.as_str())].into_iter().chain(environment).collect();
        let exit = tokio::time::timeout(Duration::from_secs(20), relay(world, &[], &environment)).await??;
        ensure!(exit.code == Some(2) && exit.stderr.contains(problem), "{exit:?}");
        ensure!(exit.stderr.trim().lines().count() == 1, "{}", exit.stderr);
    }
    Ok(())
}
