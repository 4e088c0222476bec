//! The service that reminds customers of what is overdue, by levels.

use chrono::{NaiveDate, Utc};
use diesel::sql_types::{Array, BigInt, Date, SmallInt, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use futures::future::BoxFuture;
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use crate::accounts::tenants::{self, ReminderLevel};
use crate::application::aggregate::{Aggregate, LockMode};
use crate::application::context::RequestContext;
use crate::application::error::Error;
use crate::application::unit_of_work::{Command, Executor, UnitOfWork};
use crate::commerce::customers;
use crate::commerce::invoices::{self, Invoice, InvoiceKind};
use crate::mail::{OverdueInvoice, Policies, ReminderMail};
use crate::platform::database::Database;
use crate::services::{Description, Fault, Run, Schedule, ScheduleError, Service, Summary};
use crate::values::ids::{CustomerId, EmailId, InvoiceId, TenantId};
use crate::values::money::Money;

const NAME: &str = "reminders";
/// 07:00 UTC, in the morning of most who get one.
const DAILY: &str = "0 7 * * *";
/// Companies, and customers of one of them, that are looked for at a time.
const BATCH: i64 = 500;
/// Invoices of one customer in one reminder: they are locked together. What is beyond them is the next day's.
const MOST: i64 = 500;
/// Those that the e-mail names; it says how many more there are.
const NAMED: usize = 50;

/// The highest level that an invoice has reached and was not named at, if there is one; it counts from 1.
fn reached(levels: &[ReminderLevel], days_late: i64, last: i16) -> Option<i16> {
    let passed = levels.iter().take_while(|level| i64::from(level.days) <= days_late).count();
    i16::try_from(passed).ok().filter(|level| *level > last)
}

crate::statement! {
    /// Customers of whose invoices one has reached a level at which it was not named yet.
    struct ToRemind<'a> {
        tenant: Uuid => SqlUuid,
        today: NaiveDate => Date,
        after: Uuid => SqlUuid,
        levels: &'a [i16] => Array<SmallInt>,
        days: &'a [i16] => Array<SmallInt>,
        most: i64 => BigInt,
    } -> (SqlUuid,)
    = "WITH given AS MATERIALIZED (SELECT $1::uuid AS tenant_id, $2::date AS today, $3::uuid AS after),
    level AS MATERIALIZED (SELECT one.level, one.days::integer AS days FROM unnest($4::smallint[], $5::smallint[]) AS one (level, days))
    SELECT DISTINCT i.customer_id
    FROM given JOIN invoices AS i ON i.tenant_id = given.tenant_id
        JOIN customers AS c ON c.tenant_id = i.tenant_id AND c.id = i.customer_id
    WHERE i.state IN ('validated', 'sent', 'partly_paid') AND i.kind <> 'credit_note' AND i.dispute IS NULL AND c.reminders
        AND i.customer_id > given.after
        AND EXISTS (SELECT FROM level WHERE i.due_on + level.days <= given.today AND NOT EXISTS (SELECT FROM invoice_reminders AS r
            WHERE r.tenant_id = i.tenant_id AND r.invoice_id = i.id AND r.level >= level.level))
    ORDER BY i.customer_id LIMIT $6"
}

crate::statement! {
    /// Those invoices of one customer, those that have been due for the longest time first, with the level at which each was named last.
    struct Late<'a> {
        tenant: Uuid => SqlUuid,
        customer: Uuid => SqlUuid,
        today: NaiveDate => Date,
        levels: &'a [i16] => Array<SmallInt>,
        days: &'a [i16] => Array<SmallInt>,
        most: i64 => BigInt,
    } -> (SqlUuid, SmallInt)
    = "WITH given AS MATERIALIZED (SELECT $1::uuid AS tenant_id, $2::uuid AS customer_id, $3::date AS today),
    level AS MATERIALIZED (SELECT one.level, one.days::integer AS days FROM unnest($4::smallint[], $5::smallint[]) AS one (level, days))
    SELECT i.id, COALESCE((SELECT max(r.level) FROM invoice_reminders AS r WHERE r.tenant_id = i.tenant_id AND r.invoice_id = i.id), 0::smallint)
    FROM given JOIN invoices AS i ON i.tenant_id = given.tenant_id AND i.customer_id = given.customer_id
    WHERE i.state IN ('validated', 'sent', 'partly_paid') AND i.kind <> 'credit_note' AND i.dispute IS NULL
        AND EXISTS (SELECT FROM level WHERE i.due_on + level.days <= given.today AND NOT EXISTS (SELECT FROM invoice_reminders AS r
            WHERE r.tenant_id = i.tenant_id AND r.invoice_id = i.id AND r.level >= level.level))
    ORDER BY i.due_on, i.id LIMIT $6"
}

crate::statement! {
    struct InsertReminders<'a> {
        tenant: Uuid => SqlUuid,
        email: Uuid => SqlUuid,
        reminded_at: chrono::DateTime<Utc> => diesel::sql_types::Timestamptz,
        invoices: &'a [Uuid] => Array<SqlUuid>,
        levels: &'a [i16] => Array<SmallInt>,
    }
    = "INSERT INTO invoice_reminders (tenant_id, email_id, reminded_at, invoice_id, level)
     SELECT $1, $2, $3, one.* FROM unnest($4, $5) AS one"
}

/// The levels with their numbers, and their days.
fn columns(levels: &[ReminderLevel]) -> (Vec<i16>, Vec<i16>) {
    ((1_i16..).take(levels.len()).collect(), levels.iter().map(|level| level.days).collect())
}

/// Finds customers that are to be reminded today, behind one of them, in the order of their ids.
#[derive(Debug)]
pub struct CustomersToRemind {
    pub after: CustomerId,
}

impl Command for CustomersToRemind {
    type Outcome = Vec<CustomerId>;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<Vec<CustomerId>, Error> {
        let tenant = tenants::repository::look_at(work).await?;
        let details = tenant.details();
        let today = details.time_zone.date_of(work.now());
        let (levels, days) = columns(&details.invoicing.reminders);
        let statement = ToRemind::new(work.tenant().uuid(), today, self.after.uuid(), &levels, &days, BATCH);
        let found: Vec<(Uuid,)> = statement.load(work.connection()).await?;
        Ok(found.into_iter().map(|(id,)| CustomerId::from_uuid(id)).collect())
    }
}

/// What a customer was reminded of.
#[derive(Debug, Serialize)]
struct Reminded {
    email_id: EmailId,
    /// Of the e-mail: the highest one.
    level: i16,
    /// With the level of each.
    invoices: Vec<(InvoiceId, i16)>,
}

/// Reminds a customer, by one e-mail, of all invoices that have reached a level at which they were not named yet. Returns how many.
#[derive(Debug)]
pub struct RemindCustomer {
    pub id: CustomerId,
    pub policies: Policies,
}

impl Command for RemindCustomer {
    type Outcome = usize;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<usize, Error> {
        let tenant = tenants::repository::look_at(work).await?;
        let levels = &tenant.details().invoicing.reminders;
        // Whoever records a payment waits for this, or this for them: nobody is reminded of what is paid.
        let customer = customers::repository::load(work, self.id, LockMode::Change).await?;
        if levels.is_empty() || !customer.details().invoicing.reminders {
            return Ok(0);
        }
        let now = work.now();
        let today = tenant.details().time_zone.date_of(now);
        let late = late(work, self.id, today, levels).await?;
        if late.is_empty() {
            return Ok(0);
        }
        let language = customer.details().invoicing.language.unwrap_or(tenant.details().language);
        let top = late.iter().map(|(_, level)| *level).max().unwrap_or(1);
        let text = usize::try_from(top).ok().and_then(|top| levels.get(top.checked_sub(1)?));
        let total: Money =
            late.iter().map(|(invoice, _)| invoice.open()).fold(Money::zero(), |sum, open| sum.plus(&open));
        let named = late.iter().take(NAMED).filter_map(|(invoice, _)| {
            let numbered = invoice.numbered()?;
            let open = invoice.open().to_string();
            Some(OverdueInvoice { number: numbered.number.clone(), due_on: numbered.due_on.date(), open })
        });
        let reminder = ReminderMail {
            language,
            level: u8::try_from(top).unwrap_or(u8::MAX),
            text: text.and_then(|level| level.text(language)).map(ToString::to_string),
            overdue: named.collect(),
            more: u64::try_from(late.len().saturating_sub(NAMED)).unwrap_or_default(),
            total: total.to_string(),
            currency: tenant.currency().code().to_owned(),
        };
        let to = (&customer.details().email, customer.details().name.as_str());
        let email_id = self.policies.reminder(work, to, reminder).await?;
        let ids: Vec<Uuid> = late.iter().map(|(invoice, _)| invoice.id().uuid()).collect();
        let named_at: Vec<i16> = late.iter().map(|(_, level)| *level).collect();
        InsertReminders::new(work.tenant().uuid(), email_id.uuid(), now, &ids, &named_at)
            .execute(work.connection())
            .await?;
        let invoices = late.iter().map(|(invoice, level)| (invoice.id(), *level)).collect();
        let reminded = Reminded { email_id, level: top, invoices };
        work.audit("customer.remind", ("customer", self.id), None, Some(&reminded))?;
        Ok(late.len())
    }
}

/// Locks the invoices of a customer of which it is to be reminded, with the level of each, those that have been due for the longest time first. The
/// customer is locked.
async fn late(
    work: &mut UnitOfWork<'_>,
    customer: CustomerId,
    today: NaiveDate,
    levels: &[ReminderLevel],
) -> Result<Vec<(Invoice, i16)>, Error> {
    let (numbers, days) = columns(levels);
    let statement = Late::new(work.tenant().uuid(), customer.uuid(), today, &numbers, &days, MOST);
    let found: Vec<(Uuid, i16)> = statement.load(work.connection()).await?;
    let ids: Vec<InvoiceId> = found.iter().map(|(id, _)| InvoiceId::from_uuid(*id)).collect();
    let invoices = invoices::repository::load_several(work, &ids).await?;
    let mut late: Vec<(Invoice, i16)> = Vec::with_capacity(invoices.len());
    for invoice in invoices {
        let last = found.iter().find(|(id, _)| *id == invoice.id().uuid()).map_or(0, |(_, last)| *last);
        // A dispute may have begun in between.
        let is_owed = invoice.kind() != InvoiceKind::CreditNote
            && !invoice.open().is_zero()
            && invoice.dispute_reason().is_none();
        let Some(due_on) = invoice.numbered().map(|numbered| numbered.due_on.date()).filter(|_| is_owed)
        else {
            continue;
        };
        if let Some(level) = reached(levels, (today - due_on).num_days(), last) {
            late.push((invoice, level));
        }
    }
    late.sort_by_key(|(invoice, _)| (invoice.numbered().map(|numbered| numbered.due_on), invoice.id()));
    Ok(late)
}

crate::statement! {
    struct Companies<'a> { after: Uuid => SqlUuid, most: i64 => BigInt } -> (SqlUuid,)
    = "SELECT tenant_id FROM companies_that_remind($1, $2)"
}

/// The service `reminders`.
#[derive(Debug)]
pub struct Reminders {
    /// As the log-in of the services.
    database: Database,
    executor: Executor,
    policies: Policies,
    schedule: Schedule,
}

impl Reminders {
    /// # Errors
    /// Never: the schedule is one.
    pub fn new(database: Database, executor: Executor, policies: Policies) -> Result<Self, ScheduleError> {
        Ok(Self { database, executor, policies, schedule: Schedule::cron(DAILY)? })
    }

    /// A company or a customer that fails keeps no other from being reminded: the run goes on behind it, and fails at its end.
    async fn remind(&self, run: &Run) -> Result<Summary, Fault> {
        let (mut after, mut emails, mut fault) = (Uuid::nil(), 0_u64, None);
        loop {
            let companies = self.companies(after).await.map_err(Fault::new)?;
            for tenant in &companies {
                let found = self.remind_customers(run, TenantId::from_uuid(*tenant), &mut emails).await;
                fault = fault.or(found.err());
            }
            match companies.last() {
                Some(last) if is_full(companies.len()) && !run.stop().is_cancelled() => after = *last,
                _ => return fault.map_or_else(|| Ok(Summary::of(json!({ "emails": emails }))), Err),
            }
        }
    }

    async fn remind_customers(&self, run: &Run, tenant: TenantId, emails: &mut u64) -> Result<(), Fault> {
        let context = || RequestContext::of_service(NAME, tenant);
        let (mut after, mut fault) = (CustomerId::from_uuid(Uuid::nil()), None);
        loop {
            let found =
                self.executor.run(context(), CustomersToRemind { after }).await.map_err(Fault::new)?;
            for id in &found {
                if run.stop().is_cancelled() {
                    return fault.map_or(Ok(()), Err);
                }
                let command = RemindCustomer { id: *id, policies: self.policies.clone() };
                match self.executor.run(context(), command).await {
                    Ok(named) => *emails += u64::from(named > 0),
                    Err(error) => fault = fault.or_else(|| Some(Fault::new(error))),
                }
            }
            match found.last() {
                Some(last) if is_full(found.len()) => after = *last,
                _ => return fault.map_or(Ok(()), Err),
            }
        }
    }

    async fn companies(&self, after: Uuid) -> Result<Vec<Uuid>, Error> {
        let mut connection = self.database.connection().await?;
        let found: Vec<(Uuid,)> = Companies::new(after, BATCH).load(&mut connection).await?;
        Ok(found.into_iter().map(|(tenant,)| tenant).collect())
    }
}

fn is_full(number: usize) -> bool {
    i64::try_from(number).is_ok_and(|number| number >= BATCH)
}

impl Service for Reminders {
    fn describe(&self) -> Description {
        let about = "Reminds customers by e-mail of what is overdue, where their company wants it";
        Description::at(NAME, about, self.schedule.clone()).one_of_all()
    }

    fn run<'a>(&'a self, run: &'a Run) -> BoxFuture<'a, Result<Summary, Fault>> {
        Box::pin(self.remind(run))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invoice_is_named_at_the_highest_level_that_it_has_reached_once() {
        let levels: Vec<ReminderLevel> = [7, 21, 45]
            .into_iter()
            .map(|days| ReminderLevel { days, text_fr: None, text_en: None })
            .collect();
        for (days_late, last, expected) in [
            (6, 0, None),
            (7, 0, Some(1)),
            (20, 1, None),
            (21, 1, Some(2)),
            // The company turned reminders on late: nobody gets three at once.
            (60, 0, Some(3)),
            (60, 3, None),
            (-5, 0, None),
        ] {
            assert_eq!(reached(&levels, days_late, last), expected, "{days_late} days late, {last} before");
        }
        assert_eq!(reached(&[], 100, 0), None);
    }
}
