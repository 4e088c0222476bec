//! The service that sends invoices, and writes down what became of them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use diesel::sql_types::{BigInt, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use futures::future::BoxFuture;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::commands::{AdvanceSending, Given, NoteDeposit, TakeDeposit};
use super::platform::{FileDrop, Platform};
use crate::application::context::RequestContext;
use crate::application::error::Error;
use crate::application::unit_of_work::Executor;
use crate::mail::Policies;
use crate::platform::database::Database;
use crate::services::{Description, Fault, Run, Service, Summary};
use crate::values::ids::{SendingId, TenantId};

const NAME: &str = "invoice_sending";
const EVERY: Duration = Duration::from_secs(2);
/// Invoices that are looked at in one run; their documents are read one after the other.
const BATCH: i64 = 200;
const NO_PLATFORM: &str = "no platform is set up: services.invoice_sending.directory";

/// `[services.invoice_sending]`, besides what every service has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SendingConfig {
    /// Where invoices for a platform are dropped; without it there is no platform.
    pub directory: Option<PathBuf>,
}

impl SendingConfig {
    /// Returns the platform that is set up, if one is.
    pub fn platform(&self) -> Option<Arc<dyn Platform>> {
        let directory = self.directory.clone().filter(|path| !path.as_os_str().is_empty())?;
        Some(Arc::new(FileDrop::new(directory)))
    }
}

crate::statement! {
    struct ToSend<'a> { most: i64 => BigInt } -> (SqlUuid, SqlUuid) = "SELECT tenant_id, id FROM invoices_to_send($1)"
}

/// The service `invoice_sending`.
#[derive(Debug)]
pub struct InvoiceSending {
    /// As the log-in of the services.
    pub database: Database,
    pub executor: Executor,
    pub policies: Policies,
    pub platform: Option<Arc<dyn Platform>>,
}

impl InvoiceSending {
    /// An invoice that cannot be sent keeps no other from it: the run goes on, and fails at its end.
    async fn send(&self, run: &Run) -> Result<Summary, Fault> {
        let (mut moved, mut fault) = (0_u64, None);
        for (tenant, id) in self.due().await.map_err(Fault::new)? {
            if run.stop().is_cancelled() {
                break;
            }
            match self.advance(tenant, id).await {
                Ok(has_moved) => moved += u64::from(has_moved),
                Err(error) => fault = fault.or_else(|| Some(Fault::new(error))),
            }
        }
        fault.map_or_else(|| Ok(Summary::of(json!({ "moved": moved }))), Err)
    }

    async fn advance(&self, tenant: TenantId, id: SendingId) -> Result<bool, Error> {
        let context = || RequestContext::of_service(NAME, tenant);
        let advance = AdvanceSending { id, policies: self.policies.clone() };
        if self.executor.run(context(), advance).await? {
            return Ok(true);
        }
        let Some(deposit) = self.executor.run(context(), TakeDeposit { id }).await? else { return Ok(false) };
        let number = deposit.number.clone();
        let given = match &self.platform {
            None => Given::Never(NO_PLATFORM.to_owned()),
            Some(platform) => match platform.deposit(deposit).await {
                Ok(said) => Given::Taken(said),
                Err(problem) => {
                    let to = platform.name();
                    tracing::warn!(number, to, problem, tenant_id = %tenant, "the platform does not take an invoice now");
                    Given::NotNow(problem)
                }
            },
        };
        self.executor.run(context(), NoteDeposit { id, given }).await
    }

    /// Returns what can be sent by now, or of which the mail server has decided.
    async fn due(&self) -> Result<Vec<(TenantId, SendingId)>, Error> {
        let mut connection = self.database.connection().await?;
        let due: Vec<(Uuid, Uuid)> = ToSend::new(BATCH).load(&mut connection).await?;
        let due = due.into_iter().map(|(tenant, id)| (TenantId::from_uuid(tenant), SendingId::from_uuid(id)));
        Ok(due.collect())
    }
}

impl Service for InvoiceSending {
    fn describe(&self) -> Description {
        let about = "Sends invoices by e-mail or to a platform, and writes down what became of them";
        Description::every(NAME, about, EVERY).at_start().one_of_all().quiet()
    }

    fn run<'a>(&'a self, run: &'a Run) -> BoxFuture<'a, Result<Summary, Fault>> {
        Box::pin(self.send(run))
    }
}
