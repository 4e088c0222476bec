//! The service that tells of invoices which are not paid in time.

use std::time::Duration;

use chrono::{Days, NaiveDate, Utc};
use diesel::sql_types::{BigInt, Date, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use futures::future::BoxFuture;
use serde_json::json;
use uuid::Uuid;

use crate::accounts::tenants;
use crate::application::aggregate::{Aggregate, LockMode, change};
use crate::application::context::RequestContext;
use crate::application::error::Error;
use crate::application::unit_of_work::{Command, Executor, UnitOfWork};
use crate::commerce::invoices::{self, Invoice, InvoiceError};
use crate::platform::database::Database;
use crate::services::{Description, Fault, Run, Service, Summary};
use crate::values::business_date::BusinessDate;
use crate::values::ids::{InvoiceId, TenantId};

const NAME: &str = "overdue";
const EVERY: Duration = Duration::from_secs(600);
/// Invoices that are looked for at a time.
const BATCH: i64 = 500;

/// Notes that an invoice is overdue in its company's time zone, and tells of it, once. Returns whether it did.
#[derive(Debug)]
pub struct NoteOverdue {
    pub id: InvoiceId,
}

impl Command for NoteOverdue {
    type Outcome = bool;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<bool, Error> {
        let invoice = invoices::repository::load(work, self.id, LockMode::Change).await?;
        let tenant = tenants::repository::look_at(work).await?;
        let now = work.now_after(invoice.updated_at());
        let today = BusinessDate::stored(tenant.details().time_zone.date_of(now));
        let before = invoice.version();
        let decide = |invoice: &mut Invoice, now| Ok::<_, InvoiceError>(invoice.become_overdue(today, now));
        let invoice = change(work, "invoice.overdue", invoice, None, decide).await?;
        Ok(invoice.version() != before)
    }
}

crate::statement! {
    struct PastDue<'a> {
        before: NaiveDate => Date,
        after_due: NaiveDate => Date,
        after_tenant: Uuid => SqlUuid,
        after_id: Uuid => SqlUuid,
        most: i64 => BigInt,
    } -> (Date, SqlUuid, SqlUuid)
    = "SELECT due_on, tenant_id, id FROM invoices_past_due($1, $2, $3, $4, $5)"
}

/// An invoice of any company, in the order in which they are looked for.
type Place = (NaiveDate, Uuid, Uuid);

/// The service `overdue`.
#[derive(Debug)]
pub struct Overdue {
    /// As the log-in of the services.
    pub database: Database,
    pub executor: Executor,
}

impl Overdue {
    /// An invoice that fails keeps no other from being told of: the run goes on behind it, and fails at its end.
    async fn tell(&self, run: &Run) -> Result<Summary, Fault> {
        // In the far east it is tomorrow already: there, what is due today is overdue.
        let today = Utc::now().date_naive();
        let before = today.checked_add_days(Days::new(1)).unwrap_or(today);
        let mut place: Place =
            (NaiveDate::from_ymd_opt(1, 1, 1).unwrap_or_default(), Uuid::nil(), Uuid::nil());
        let (mut told, mut fault) = (0_u64, None);
        loop {
            let due = self.due(before, place).await.map_err(Fault::new)?;
            for (_, tenant, id) in &due {
                if run.stop().is_cancelled() {
                    break;
                }
                let context = RequestContext::of_service(NAME, TenantId::from_uuid(*tenant));
                let command = NoteOverdue { id: InvoiceId::from_uuid(*id) };
                match self.executor.run(context, command).await {
                    Ok(is_told) => told += u64::from(is_told),
                    Err(error) => fault = fault.or_else(|| Some(Fault::new(error))),
                }
            }
            let full = i64::try_from(due.len()).is_ok_and(|number| number >= BATCH);
            match due.last() {
                Some(last) if full && !run.stop().is_cancelled() => place = *last,
                _ => return fault.map_or_else(|| Ok(Summary::of(json!({ "told": told }))), Err),
            }
        }
    }

    async fn due(&self, before: NaiveDate, (due_on, tenant, id): Place) -> Result<Vec<Place>, Error> {
        let mut connection = self.database.connection().await?;
        Ok(PastDue::new(before, due_on, tenant, id, BATCH).load(&mut connection).await?)
    }
}

impl Service for Overdue {
    fn describe(&self) -> Description {
        let about = "Tells once of each invoice that is not paid by its due date";
        Description::every(NAME, about, EVERY).at_start().one_of_all()
    }

    fn run<'a>(&'a self, run: &'a Run) -> BoxFuture<'a, Result<Summary, Fault>> {
        Box::pin(self.tell(run))
    }
}
