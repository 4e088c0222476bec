//! Commands of an operator at the command line of the machine. Operators are not authenticated, and the audit trail
//! names them.

use std::sync::Arc;
use std::time::Duration;

use comptoir_core::application::TenantDatabase;
use comptoir_core::application::context::RequestContext;
use comptoir_core::application::unit_of_work::{Command, Executor};
use comptoir_core::application::{Actor, OperatorCommand, OperatorContext, Principal};
use comptoir_core::catalogue;
use comptoir_core::mail::Policies;
use comptoir_core::outbox::{Notifier, NotifierConfig};
use comptoir_core::platform::database::Database;
use comptoir_core::platform::who;
use comptoir_core::values::ids::TenantId;
use comptoir_core::values::money::Currency;
use uuid::Uuid;

use crate::config::Settings;
use crate::documents::Renderer;

/// The maximum length of an operator's name in characters.
const NAME_CHARS: usize = 200;

/// An operator, who works as the API does: in the runtime role, through units of work, with events and rows in the
/// audit trail.
#[derive(Debug)]
pub(super) struct Operator {
    pub(super) database: TenantDatabase,
    pub(super) executor: Executor,
    pub(super) mail: Policies,
    name: String,
}

impl Operator {
    pub(super) fn new(settings: &Settings) -> anyhow::Result<Self> {
        let database = Database::new(&settings.database.clone().with_role(&settings.api.database_role))?;
        let notifier = Notifier::spawn(NotifierConfig {
            database: settings.database.clone(),
            shortest_pause: Duration::from_millis(settings.api.notify_interval_ms),
        });
        let (database, mail) = (catalogue::tenant_database(database), settings.mail_policies());
        Ok(Self {
            executor: catalogue::executor(database.clone(), notifier, mail.clone(), Arc::new(Renderer)),
            database,
            mail,
            name: name(),
        })
    }

    /// Returns the context of a command on behalf of this tenant.
    pub(super) fn context(&self, tenant: TenantId, currency: Currency) -> RequestContext {
        context(tenant, currency, self.name.clone())
    }

    /// Returns the context of a command on behalf of the operators themselves.
    pub(super) fn of_operators(&self) -> OperatorContext {
        OperatorContext::at_command_line(self.name.clone())
    }

    pub(super) async fn run_for_operators<C: OperatorCommand>(
        &self,
        command: C,
    ) -> anyhow::Result<C::Outcome> {
        Ok(self.executor.run_as_operator(self.of_operators(), command).await?)
    }

    pub(super) async fn run<C: Command>(
        &self,
        context: RequestContext,
        command: C,
    ) -> anyhow::Result<C::Outcome> {
        Ok(self.executor.run(context, command).await?)
    }
}

/// Returns the context of a command of an operator with this name, on behalf of this tenant.
pub(super) fn context(tenant: TenantId, currency: Currency, name: String) -> RequestContext {
    let request_id = Uuid::new_v4().to_string();
    RequestContext {
        principal: Principal::trusted(tenant, Actor::Operator, name, currency).into(),
        required: None,
        target: None,
        correlation_id: request_id.clone(),
        request_id,
        traceparent: None,
        client_address: None,
        client_id: None,
    }
}

/// Returns `user@host`, as far as the environment tells, or else the user's number.
pub(super) fn name() -> String {
    who::user_at_host(NAME_CHARS)
}
