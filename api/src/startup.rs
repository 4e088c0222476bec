//! Puts the application together and runs it until it is told to stop.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::App;
use actix_web::dev::{Server, ServerHandle};
use actix_web::middleware::{Condition, from_fn};
use actix_web::web::{Data, PayloadConfig};
use anyhow::Context;
use comptoir_core::accounts::api_keys::Usage;
use comptoir_core::accounts::identity::access_tokens::AccessTokens;
use comptoir_core::accounts::identity::passwords::Passwords;
use comptoir_core::accounts::login_throttle;
use comptoir_core::accounts::principals::Principals;
use comptoir_core::accounts::rate_limits::{self, RateLimiter};
use comptoir_core::accounts::sessions::{self, Authenticator};
use comptoir_core::application::audit::Refusals;
use comptoir_core::application::idempotency;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::catalogue;
use comptoir_core::commerce::imports as stored_imports;
use comptoir_core::feed::{Feed, FollowerConfig};
use comptoir_core::outbox::{Notifier, NotifierConfig};
use comptoir_core::platform::database::{self, Database, DatabaseConfig, Migrations};
use comptoir_core::platform::{listening, telemetry};
use comptoir_core::services::Tasks;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::config::{ApiConfig, NotificationsConfig, Settings};
use crate::imports::{Imports, STOP_LIMIT};
use crate::middleware::{describe_metrics, surround};
use crate::openapi;
use crate::routes;
use crate::routes::notifications::{self, Live};
use crate::routes::operations::{OpenApiText, Readiness};
use crate::server::operations::Subjects;
use crate::server::stopping::{Signals, Stopping};
use crate::server::{self, Limits, operations};

/// The interval at which old records are deleted.
const PRUNE_EVERY: Duration = Duration::from_secs(600);

/// How long the last write of a stopping process may take.
const LAST_WRITE_LIMIT: Duration = Duration::from_secs(2);

/// A server that listens and has not been told to stop.
pub struct Application {
    address: SocketAddr,
    server: Server,
    /// The server of the listener for operations, if there is one.
    operations: Option<Server>,
    stopping: Stopping,
    signals: Signals,
    drain: Duration,
    executor: Executor,
    usage: Usage,
    refusals: Refusals,
    database: Database,
    shutdown_timeout: Duration,
    /// Cancelled to leave imports where they are, and when they were left.
    imports: (CancellationToken, CancellationToken),
    /// Cancelled to end the streams of notifications, which the server would wait for.
    end_streams: CancellationToken,
    /// Ends the tasks if the server is dropped before it ran.
    _end_of_tasks: DropGuard,
    tasks: Tasks,
}

impl std::fmt::Debug for Application {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Application").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Application {
    /// Builds the application and listens. It does not wait for the database, which may come later. Must be called on
    /// the main multi-threaded runtime, where connections and units of work run.
    ///
    /// # Errors
    /// Fails if the address is taken, or if the configuration is not usable.
    pub fn build(settings: Settings) -> anyhow::Result<Self> {
        let metrics = telemetry::install_metrics(&[]).context("cannot install metrics")?;
        describe_metrics();
        Database::describe_metrics();
        Refusals::describe_metrics();
        // These tasks run beside the requests and end with them. A task that panics does not end the requests.
        let tasks = Tasks::new(CancellationToken::new());
        let end_of_tasks = tasks.end_on_drop();
        tasks.start("metrics", telemetry::keep_metrics(metrics.clone()));
        let metrics = Data::new(metrics);
        let as_runtime = settings.database.clone().with_role(&settings.api.database_role);
        let database = Database::new(&as_runtime)?;
        let of_tenants = catalogue::tenant_database(database.clone());
        let services = settings.services_database().map(|config| Database::new(&config)).transpose()?;
        let principals = Data::new(Principals::new(of_tenants.clone()));
        let passwords = Data::new(Passwords::new(&settings.identity)?);
        let (notifier, sending) = Notifier::new(NotifierConfig {
            database: settings.database.clone(),
            shortest_pause: Duration::from_millis(settings.api.notify_interval_ms),
        });
        tasks.start("notifier", sending);
        let executor = catalogue::executor(of_tenants.clone(), notifier);
        let tokens = Arc::new(AccessTokens::new(&settings.identity)?);
        tasks.start("signing_keys", Arc::clone(&tokens).follow_file());
        let refusals = Refusals::default();
        let every = Duration::from_secs(settings.api.refusals_interval_seconds);
        tasks.start("refusals", refusals.clone().write_regularly(database.clone(), every));
        let authenticator = Data::new(Authenticator::new(
            of_tenants.clone(),
            executor.clone(),
            Passwords::clone(&passwords),
            Arc::clone(&tokens),
            &settings.identity,
            refusals.clone(),
        ));
        let tokens = Data::from(tokens);
        let usage = Usage::default();
        tasks.start("api_keys_usage", usage.clone().write_regularly(database.clone()));
        let used = Data::new(usage.clone());
        let refused = Data::new(refusals.clone());
        let document = Data::new(OpenApiText(openapi::json().context("cannot write the OpenAPI document")?));
        let log_in = settings.services_database();
        let limiter = RateLimiter::new(settings.rate_limits);
        login_throttle::describe_metrics();
        tasks.start("rate_limits", rate_limits::share_counts(limiter.clone(), database.clone()));
        tasks.start("login_throttle", login_throttle::prune_attempts(database.clone()));
        let limiter = Data::new(limiter);
        let end_streams = CancellationToken::new();
        let live = Live::new(
            feed(log_in, settings.notifications, &tasks),
            of_tenants.clone(),
            Principals::clone(&principals),
            settings.notifications,
            end_streams.clone(),
        );
        let live = Data::new(live);
        let api = settings.api;
        let services_of_imports = services.clone();
        match services {
            Some(services) => {
                tasks.start(
                    "pruning",
                    prune(services, api.idempotency_retention_hours, api.import_retention_days),
                );
            }
            None => tracing::warn!(
                "api.services_database_url is not set: old idempotency records, sessions and imports are not deleted, and an \
                 import whose process ended goes on only when somebody resumes it"
            ),
        }
        let stop_imports = CancellationToken::new();
        let (imports, imports_ended, working) =
            Imports::new(executor.clone(), of_tenants.clone(), services_of_imports, stop_imports.clone());
        tasks.start("imports", working);
        let imports = Data::new(imports);
        let (listener, address) = listen(api.listen, "api.listen")?;
        let operations =
            api.operations_address()?.map(|address| listen(address, "api.operations_listen")).transpose()?;
        let limits = Data::new(api.clone());
        let commands = Data::new(executor.clone());
        let pool = Data::new(database.clone());
        let of_tenants = Data::new(of_tenants);
        let readiness = Data::new(Readiness::default());
        let stopping = Stopping::default();
        let is_stopping = Data::new(stopping.clone());
        let subjects = Subjects {
            metrics,
            database: pool.clone(),
            limiter: limiter.clone(),
            readiness: readiness.clone(),
            stopping: is_stopping.clone(),
        };
        let server = server::serve(listener, limits_of(&api)?, move || {
            App::new()
                .app_data(limits.clone())
                .app_data(PayloadConfig::new(limits.max_body_bytes))
                .app_data(pool.clone())
                .app_data(of_tenants.clone())
                .app_data(principals.clone())
                .app_data(passwords.clone())
                .app_data(commands.clone())
                .app_data(imports.clone())
                .app_data(limiter.clone())
                .app_data(document.clone())
                .app_data(tokens.clone())
                .app_data(authenticator.clone())
                .app_data(used.clone())
                .app_data(readiness.clone())
                .app_data(is_stopping.clone())
                .app_data(refused.clone())
                .app_data(live.clone())
                .wrap(from_fn(surround))
                // Outermost: a page may also read why it was refused.
                .wrap(Condition::new(!limits.allowed_origins.is_empty(), limits.allowed_origins.middleware()))
                .configure(routes::configure)
        })?;
        let operations = match operations {
            Some((listener, address)) => {
                tracing::info!(%address, "listening for operations");
                Some(operations::server(listener, subjects)?)
            }
            None => None,
        };
        tracing::info!(%address, database = settings.database.url.named("DATABASE_URL"), "listening");
        tokio::spawn(database::first_look(as_runtime, Migrations::All, "api migrate"));
        let shutdown_timeout = Duration::from_secs(api.shutdown_timeout_seconds);
        let (signals, drain) = (Signals::new()?, Duration::from_secs(api.drain_seconds));
        Ok(Self {
            address,
            server,
            operations,
            stopping,
            signals,
            drain,
            executor,
            usage,
            refusals,
            database,
            shutdown_timeout,
            imports: (stop_imports, imports_ended),
            end_streams,
            _end_of_tasks: end_of_tasks,
            tasks,
        })
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Serves until SIGTERM or SIGINT. After SIGTERM, it asks its clients to go elsewhere. Then it finishes the
    /// requests in progress, and the units of work whose clients have gone already.
    ///
    /// # Errors
    /// Fails if the server fails.
    pub async fn run_until_stopped(self) -> anyhow::Result<()> {
        let told = self.signals.wait(self.stopping, self.drain);
        let stop = stop_after(told, self.end_streams, self.server.handle());
        let operations = self.operations.as_ref().map(Server::handle);
        let aside = tokio::spawn(async move {
            tokio::join!(stop, async {
                if let Some(operations) = self.operations
                    && let Err(error) = operations.await
                {
                    tracing::error!(%error, "the server for operations failed");
                }
            })
        });
        let result = self.server.await.context("the server failed");
        let (stop_imports, imports_ended) = &self.imports;
        stop_imports.cancel();
        let _ = tokio::time::timeout(STOP_LIMIT, imports_ended.cancelled()).await;
        let unfinished = self.executor.finish(self.shutdown_timeout).await;
        if unfinished > 0 {
            tracing::warn!(unfinished, "units of work did not end in time and are rolled back");
        }
        if let Some(operations) = operations {
            operations.stop(false).await;
        }
        aside.abort();
        let written = tokio::time::timeout(LAST_WRITE_LIMIT, self.usage.write(&self.database)).await;
        if let Err(error) = written.map_err(anyhow::Error::from).and_then(|result| Ok(result?)) {
            tracing::warn!(%error, "cannot write when API keys were last used");
        }
        let written = tokio::time::timeout(LAST_WRITE_LIMIT, self.refusals.write(&self.database)).await;
        if let Err(error) = written.map_err(anyhow::Error::from).and_then(|result| Ok(result?)) {
            tracing::warn!(%error, "cannot write what was refused to the audit trail");
        }
        // The tasks end where they are. If that cuts a wake-up off, the relay finds the last events by polling.
        self.tasks.end().await;
        tracing::info!("stopped");
        result
    }
}

/// Starts to follow the log of events, for whoever listens.
fn feed(database: Option<DatabaseConfig>, limits: NotificationsConfig, tasks: &Tasks) -> Feed {
    notifications::describe_metrics();
    let (feed, following) = Feed::new(database.map(|database| FollowerConfig {
        database,
        queue_events: limits.queue_events,
        queue_bytes: limits.queue_kib.saturating_mul(1024),
    }));
    tasks.start("feed", following);
    feed
}

async fn stop_after(told: impl Future<Output = ()>, end_streams: CancellationToken, server: ServerHandle) {
    told.await;
    // Their clients come back, to another replica.
    end_streams.cancel();
    server.stop(true).await;
}

fn listen(address: SocketAddr, setting: &'static str) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let listener = listening::listen(address, setting)?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

fn limits_of(api: &ApiConfig) -> anyhow::Result<Limits> {
    let workers = if api.workers == 0 { std::thread::available_parallelism()?.get() } else { api.workers };
    Ok(Limits {
        workers,
        max_connections: api.max_connections,
        keep_alive: Duration::from_secs(api.keep_alive_seconds),
        request_head: Duration::from_millis(api.client_request_timeout_ms),
        send: Duration::from_millis(api.send_timeout_ms),
        shutdown_seconds: api.shutdown_timeout_seconds,
    })
}

/// Background task: deletes old idempotency records, sessions that are over, and tokens that have expired.
async fn prune(database: Database, retention_hours: i32, import_days: i32) {
    let mut interval = tokio::time::interval(PRUNE_EVERY);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        match idempotency::prune(&database, retention_hours).await {
            Ok(pruned) => tracing::debug!(pruned, "old idempotency records deleted"),
            Err(error) => tracing::warn!(%error, "cannot delete old idempotency records now"),
        }
        if let Err(error) = sessions::prune(&database).await {
            tracing::warn!(%error, "cannot delete old sessions now");
        }
        if let Err(error) = stored_imports::prune(&database, import_days).await {
            tracing::warn!(%error, "cannot delete old imports now");
        }
    }
}
