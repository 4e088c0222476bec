//! The services that the API hosts. Those that requests need run in every process; the others may run in processes of their own
//! (`api --only services`).

use std::sync::Arc;

use comptoir_core::application::TenantDatabase;
use comptoir_core::application::audit::Verification;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::catalogue::Pruning;
use comptoir_core::commerce::documents::{Documents, InvoiceDocuments};
use comptoir_core::commerce::orders::BackOrders;
use comptoir_core::commerce::receivables::{Overdue, Reminders};
use comptoir_core::commerce::sending::{InvoiceSending, SendingConfig};
use comptoir_core::commerce::stock::{StockDigest, StockLevels};
use comptoir_core::feed::{Feed, QueueLimits};
use comptoir_core::mail::{Mailer, Policies};
use comptoir_core::platform::config::ConfigError;
use comptoir_core::platform::database::Database;
use comptoir_core::services::{Builder, Service, Services};

use crate::config::Settings;
use crate::imports::Imports;
use crate::projections::{self, Projections};

const UNLINKED: &str = "api.services_database_url is not set";

/// The part of the program that a process is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Only {
    Requests,
    Services,
}

/// Collects the services of this process.
#[derive(Debug)]
pub(crate) struct Hosted {
    builder: Builder,
    only: Option<Only>,
    /// The database in the services' log-in, if that is configured.
    pool: Option<Database>,
}

impl Hosted {
    pub(crate) fn new(settings: &Settings, only: Option<Only>) -> Result<Self, ConfigError> {
        let link = settings.services_database().ok_or_else(|| UNLINKED.to_owned());
        if link.is_err() {
            tracing::warn!(
                "{UNLINKED}: old idempotency records, sessions and imports are not deleted, the audit trail is not verified, e-mails are not sent, an import \
                 whose process ended goes on only when somebody resumes it, and services are not listed for operators"
            );
        }
        let builder = Services::builder("api", env!("CARGO_PKG_VERSION"), &settings.services, link)?;
        let pool = settings.services_database().as_ref().map(Database::new).transpose()?;
        Ok(Self { builder, only, pool })
    }

    /// The database in the services' log-in; `None` where that is not configured.
    pub(crate) fn pool(&self) -> Option<&Database> {
        self.pool.as_ref()
    }

    /// Adds a service that requests need.
    pub(crate) fn add(&mut self, service: impl Service) -> Result<(), ConfigError> {
        self.builder.add(service).map(drop)
    }

    /// Adds the services that work beside the requests. Returns the queue of imports.
    pub(crate) fn add_background(
        &mut self,
        settings: &Settings,
        executor: Executor,
        of_tenants: TenantDatabase,
        policies: &Policies,
        documents: Arc<dyn Documents>,
    ) -> Result<Imports, ConfigError> {
        let database = settings.services_database();
        let pool = self.pool.clone();
        let own = database.unwrap_or_else(|| settings.database.clone());
        // Where it is off it has no log-in, and never connects.
        let services = pool.clone().map_or_else(|| Database::new(&own), Ok)?;
        let mailer = Mailer::new(services, settings.mail.clone(), policies.bell())?;
        self.beside(mailer, pool.is_some())?;
        let verification = Verification::new(own).map_err(|error| ConfigError::Invalid(error.to_string()))?;
        self.beside(verification, pool.is_some())?;
        if let Some(database) = pool.clone() {
            self.beside(StockLevels { database: database.clone(), executor: executor.clone() }, true)?;
            self.beside(BackOrders::new(database.clone(), executor.clone()), true)?;
            let documents = InvoiceDocuments::new(database.clone(), executor.clone(), documents);
            self.beside(documents, true)?;
            let digest = StockDigest::new(database.clone(), executor.clone(), policies.clone());
            self.beside(digest.map_err(|error| ConfigError::Invalid(error.to_string()))?, true)?;
            let sending: SendingConfig = settings.services.own("invoice_sending")?;
            let sending = InvoiceSending {
                database: database.clone(),
                executor: executor.clone(),
                policies: policies.clone(),
                platform: sending.platform(),
            };
            self.beside(sending, true)?;
            self.beside(Overdue { database: database.clone(), executor: executor.clone() }, true)?;
            let reminders = Reminders::new(database.clone(), executor.clone(), policies.clone());
            self.beside(reminders.map_err(|error| ConfigError::Invalid(error.to_string()))?, true)?;
            let api = &settings.api;
            let pruning = Pruning {
                database,
                idempotency_retention_hours: api.idempotency_retention_hours,
                import_retention_days: api.import_retention_days,
                mail_retention_days: settings.mail.retention_days,
            };
            self.beside(pruning, true)?;
        }
        match Projections::new(settings, pool.as_ref()) {
            Ok(projections) => self.beside(projections, true)?,
            Err(off) => self.builder.add_off(projections::Absent, off.reason()).map(drop)?,
        }
        let (queue, imports) = Imports::new(executor, of_tenants, pool);
        self.beside(imports, true)?;
        Ok(queue)
    }

    /// Adds the follower of the log of events. It costs nothing while nobody listens. Returns where listeners join.
    pub(crate) fn add_feed(&mut self, settings: &Settings) -> Result<Feed, ConfigError> {
        let limits = settings.notifications;
        let log_in = settings.services_database();
        let feed = Feed::new(QueueLimits {
            events: limits.queue_events,
            bytes: limits.queue_kib.saturating_mul(1024),
        });
        match log_in {
            Some(database) => self.builder.add(feed.follower(database)),
            None => self.builder.add_off(feed.follower(settings.database.clone()), UNLINKED),
        }?;
        Ok(feed)
    }

    fn beside(&mut self, service: impl Service, is_linked: bool) -> Result<(), ConfigError> {
        let added = match self.only {
            Some(Only::Requests) => {
                self.builder.add_off(service, "this process only answers requests (--only requests)")
            }
            _ if !is_linked => self.builder.add_off(service, UNLINKED),
            _ => self.builder.add(service),
        };
        added.map(drop)
    }

    pub(crate) fn start(self) -> Services {
        self.builder.start()
    }
}
