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
use comptoir_core::accounts::operators::OperatorAuthenticator;
use comptoir_core::accounts::principals::Principals;
use comptoir_core::accounts::rate_limits::{RateLimiter, Sharing};
use comptoir_core::accounts::sessions::Authenticator;
use comptoir_core::application::audit::Refusals;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::catalogue;
use comptoir_core::commerce::documents::Documents;
use comptoir_core::outbox::{Notifier, NotifierConfig};
use comptoir_core::platform::database::{Database, Migrations};
use comptoir_core::platform::{listening, telemetry};
use comptoir_core::services::{Services, metrics_upkeep, notifier as notifier_service, schema_check};
use tokio_util::sync::CancellationToken;

use crate::config::{ApiConfig, Settings};
use crate::console::OfAll;
use crate::documents::Renderer;
use crate::middleware::{describe_metrics, surround};
use crate::projections;
use crate::routes;
use crate::routes::notifications::Live;
use crate::routes::operations::{OpenApiText, Readiness};
use crate::server::operations::Subjects;
use crate::server::stopping::{Signals, Stopping};
use crate::server::{self, Limits, operations};
use crate::services::{Hosted, Only};

/// A server that listens and has not been told to stop.
pub struct Application {
    /// `None` if the process only runs services.
    server: Option<(SocketAddr, Server)>,
    /// The server of the listener for operations, if there is one.
    operations: Option<Server>,
    stopping: Stopping,
    signals: Signals,
    drain: Duration,
    /// Cancelled to end the streams of notifications, which the server would wait for.
    end_streams: CancellationToken,
    executor: Executor,
    shutdown_timeout: Duration,
    services: Services,
}

impl std::fmt::Debug for Application {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Application").field("port", &self.port()).finish_non_exhaustive()
    }
}

impl Application {
    /// Builds the application and listens. It does not wait for the database, which may come later. Must be called on
    /// the main multi-threaded runtime, where connections and units of work run.
    ///
    /// # Errors
    /// Fails if the address is taken, or if the configuration is not usable.
    pub fn build(settings: Settings, only: Option<Only>) -> anyhow::Result<Self> {
        let metrics = telemetry::install_metrics(&[]).context("cannot install metrics")?;
        describe_metrics();
        Database::describe_metrics();
        Refusals::describe_metrics();
        let mut hosted = Hosted::new(&settings, only)?;
        hosted.add(metrics_upkeep(metrics.clone()))?;
        let metrics = Data::new(metrics);
        let as_runtime = settings.database.clone().with_role(&settings.api.database_role);
        let database = Database::new(&as_runtime)?;
        let of_tenants = catalogue::tenant_database(database.clone());
        let principals = Data::new(Principals::new(of_tenants.clone()));
        let passwords = Data::new(Passwords::new(&settings.identity)?);
        let (notifier, sending) = Notifier::new(NotifierConfig {
            database: settings.database.clone(),
            shortest_pause: Duration::from_millis(settings.api.notify_interval_ms),
        });
        hosted.add(notifier_service(sending))?;
        let policies = settings.mail_policies();
        let documents: Arc<dyn Documents> = Arc::new(Renderer);
        let executor =
            catalogue::executor(of_tenants.clone(), notifier, policies.clone(), Arc::clone(&documents));
        let tokens = Arc::new(AccessTokens::new(&settings.identity)?);
        hosted.add(Arc::clone(&tokens).service())?;
        let refusals = Refusals::default();
        let every = Duration::from_secs(settings.api.refusals_interval_seconds);
        hosted.add(refusals.clone().service(database.clone(), every))?;
        let authenticator = Data::new(Authenticator::new(
            of_tenants.clone(),
            executor.clone(),
            Passwords::clone(&passwords),
            Arc::clone(&tokens),
            &settings.identity,
            refusals.clone(),
        ));
        let operators = Data::new(OperatorAuthenticator::new(
            of_tenants.clone(),
            executor.clone(),
            Passwords::clone(&passwords),
            Arc::clone(&tokens),
            &settings.identity,
            refusals.clone(),
        ));
        let tokens = Data::from(tokens);
        let usage = Usage::default();
        hosted.add(usage.clone().service(database.clone()))?;
        let used = Data::new(usage);
        let refused = Data::new(refusals);
        let document = Data::new(OpenApiText::default());
        let limiter = RateLimiter::new(settings.rate_limits.clone());
        login_throttle::describe_metrics();
        hosted.add(Sharing::new(limiter.clone(), database.clone()))?;
        hosted.add(login_throttle::service(database.clone()))?;
        let limiter = Data::new(limiter);
        let end_streams = CancellationToken::new();
        let live = Data::new(Live::new(
            hosted.add_feed(&settings)?,
            of_tenants.clone(),
            Principals::clone(&principals),
            settings.notifications,
            end_streams.clone(),
        ));
        let api = settings.api.clone();
        hosted.add(schema_check(as_runtime, Migrations::All, "api migrate"))?;
        let imports =
            hosted.add_background(&settings, executor.clone(), of_tenants.clone(), &policies, documents)?;
        let imports = Data::new(imports);
        let projector = projections::projector(&settings, hosted.pool()).ok();
        let of_all = Data::new(OfAll::new(hosted.pool().cloned(), projector));
        let links = Data::new(settings.mail.links());
        let policies = Data::new(policies);
        let requests = match only {
            Some(Only::Services) => None,
            _ => Some(listen(api.listen, "api.listen")?),
        };
        let operations =
            api.operations_address()?.map(|address| listen(address, "api.operations_listen")).transpose()?;
        let services = hosted.start();
        let limits = Data::new(api.clone());
        let commands = Data::new(executor.clone());
        let pool = Data::new(database);
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
            services: Data::new(services.handle().clone()),
        };
        let service_handle = subjects.services.clone();
        let app = move || {
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
                .app_data(operators.clone())
                .app_data(used.clone())
                .app_data(readiness.clone())
                .app_data(is_stopping.clone())
                .app_data(service_handle.clone())
                .app_data(refused.clone())
                .app_data(policies.clone())
                .app_data(links.clone())
                .app_data(of_all.clone())
                .app_data(live.clone())
                .wrap(from_fn(surround))
                // Outermost: a page may also read why it was refused.
                .wrap(Condition::new(!limits.allowed_origins.is_empty(), limits.allowed_origins.middleware()))
                .configure(routes::configure)
        };
        let server = match requests {
            Some((listener, address)) => {
                let server = server::serve(listener, limits_of(&api)?, app)?;
                tracing::info!(%address, database = settings.database.url.named("DATABASE_URL"), "listening");
                Some((address, server))
            }
            None => {
                tracing::info!(
                    database = settings.database.url.named("DATABASE_URL"),
                    "only running services"
                );
                None
            }
        };
        let operations = match operations {
            Some((listener, address)) => {
                tracing::info!(%address, "listening for operations");
                Some(operations::server(listener, subjects)?)
            }
            None => None,
        };
        let shutdown_timeout = Duration::from_secs(api.shutdown_timeout_seconds);
        let (signals, drain) = (Signals::new()?, Duration::from_secs(api.drain_seconds));
        Ok(Self {
            server,
            operations,
            stopping,
            signals,
            drain,
            end_streams,
            executor,
            shutdown_timeout,
            services,
        })
    }

    /// Returns the port that is listened on for requests, if it is.
    pub fn port(&self) -> Option<u16> {
        self.server.as_ref().map(|(address, _)| address.port())
    }

    /// Serves until SIGTERM or SIGINT. After SIGTERM, it asks its clients to go elsewhere. Then it finishes the
    /// requests in progress, and the units of work whose clients have gone already.
    ///
    /// # Errors
    /// Fails if the server fails, or a service of the start without which the program cannot be.
    pub async fn run_until_stopped(self) -> anyhow::Result<()> {
        let server = self.server.map(|(_, server)| server);
        let failed = self.services.failed();
        // Who has no clients does not wait until they have gone elsewhere.
        let drain = if server.is_some() { self.drain } else { Duration::ZERO };
        let told = {
            let (signals, failed) = (self.signals.wait(self.stopping, drain), failed.clone());
            async move {
                tokio::select! { () = signals => {}, () = failed.cancelled() => {} }
            }
        };
        let stop = stop_after(told, self.end_streams, server.as_ref().map(Server::handle));
        let operations = self.operations.as_ref().map(Server::handle);
        let stopped = tokio::spawn(stop);
        let aside = tokio::spawn(async move {
            if let Some(operations) = self.operations
                && let Err(error) = operations.await
            {
                tracing::error!(%error, "the server for operations failed");
            }
        });
        let result = match server {
            Some(server) => server.await.context("the server failed"),
            None => stopped.await.context("waiting for a signal failed"),
        };
        // Its commands are units of work.
        self.services.stop_one("imports").await;
        let unfinished = self.executor.finish(self.shutdown_timeout).await;
        if unfinished > 0 {
            tracing::warn!(unfinished, "units of work did not end in time and are rolled back");
        }
        if let Some(operations) = operations {
            operations.stop(false).await;
        }
        aside.abort();
        // The services end: if that cuts a wake-up off, the relay finds the last events by polling.
        self.services.stop().await;
        tracing::info!("stopped");
        anyhow::ensure!(!failed.is_cancelled(), "a service of the start failed; the log says why");
        result
    }
}

async fn stop_after(
    told: impl Future<Output = ()>,
    end_streams: CancellationToken,
    server: Option<ServerHandle>,
) {
    told.await;
    // Their clients come back, to another replica.
    end_streams.cancel();
    if let Some(server) = server {
        server.stop(true).await;
    }
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
