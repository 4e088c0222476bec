//! Works off the rows of imports.

use std::sync::Arc;
use std::time::{Duration, Instant};

use comptoir_core::application::context::RequestContext;
use comptoir_core::application::error::{Category, Error};
use comptoir_core::application::unit_of_work::{Command, Executor};
use comptoir_core::application::{Actor, Principal, TenantDatabase};
use comptoir_core::commerce::imports::{
    self, ClaimImport, Claimed, ImportKind, ImportMode, ImportRow, KeepImport, LeaveImport, Leaving, Marked,
    Outcome, Progress, RefuseRow, Told,
};
use comptoir_core::commerce::prices::PriceSet;
use comptoir_core::commerce::stock_documents::{OpenStock, StockDocumentView};
use comptoir_core::platform::database::Database;
use comptoir_core::services::{ActionKind, Call, Description, Fault, NoParameters, Run, Service, Summary};
use comptoir_core::values::ids::{ImportId, PriceListId, TenantId};
use comptoir_core::values::invalid::Invalid;
use comptoir_core::values::money::Currency;
use futures::future::BoxFuture;
use serde_json::{Map, Value, json};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, mpsc};
use tokio::task::{JoinError, JoinSet, LocalSet};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::kinds::Importable;
use super::opening::OpeningStock;
use crate::error::ApiError;
use crate::extract::{Faults, merge_patch};
use crate::routes::customers::CustomerRequest;
use crate::routes::price_lists::PriceRow;
use crate::routes::products::ProductRequest;
use crate::routes::suppliers::SupplierRequest;

/// Imports that this process works on at a time.
const AT_ONCE: usize = 2;
/// Imports that wait in this process for their turn. Further ones are found by the services' look around.
const WAITING: usize = 1_000;
/// Rows that are read at a time.
const PAGE: i64 = 200;
/// How often the progress is written down, and the lease renewed.
const KEEP_EVERY: Duration = Duration::from_secs(1);
/// How often the services look for imports that nobody works on.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// The first pause before a row is tried again that the database could not take, and the longest.
const PAUSE: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));
/// How often a row is tried again whose resource changed in between.
const MAX_RACES: u32 = 5;

/// How long a process that stops waits until its imports are left in good order.
const STOP_LIMIT: Duration = Duration::from_secs(5);
/// The most imports that `check-queue` counts.
const COUNTED: i64 = 1_000;

/// The queue of this process.
#[derive(Debug, Clone)]
pub(crate) struct Imports(mpsc::Sender<(TenantId, ImportId)>);

impl Imports {
    /// Returns the queue, and the service that works it off.
    pub(crate) fn new(
        executor: Executor,
        database: TenantDatabase,
        services: Option<Database>,
    ) -> (Self, ImportsService) {
        let (sender, receiver) = mpsc::channel(WAITING);
        let queue = Self(sender);
        let worker = Worker::new(executor, database);
        let service = ImportsService {
            worker,
            queue: queue.clone(),
            receiver: Arc::new(Mutex::new(receiver)),
            services,
        };
        (queue, service)
    }

    /// Has this process work on an import, as soon as it comes to it.
    pub(crate) fn begin(&self, tenant: TenantId, import: ImportId) {
        if self.0.try_send((tenant, import)).is_err() {
            tracing::info!(%import, "too many imports wait in this process: it is found later");
        }
    }
}

/// The service `imports`: works off the imports of this process's queue, and those that nobody works on.
#[derive(Debug)]
pub(crate) struct ImportsService {
    worker: Worker,
    queue: Imports,
    /// Held by the thread that works.
    receiver: Arc<Mutex<mpsc::Receiver<(TenantId, ImportId)>>>,
    /// Finds imports of all tenants that nobody works on.
    services: Option<Database>,
}

impl Service for ImportsService {
    fn describe(&self) -> Description {
        let check =
            ActionKind::new::<NoParameters>("check-queue", "Counts the imports that wait for a worker")
                .repeatable();
        Description::continuous("imports", "Works off the rows of imported files")
            .stop_within(STOP_LIMIT)
            .action(check)
    }

    /// The reads of the database are no work for several threads: they cannot be sent from one to another.
    fn run<'a>(&'a self, run: &'a Run) -> BoxFuture<'a, Result<Summary, Fault>> {
        let (worker, queue, services) = (self.worker.clone(), self.queue.clone(), self.services.clone());
        let (receiver, stop) = (Arc::clone(&self.receiver), run.stop().child_token());
        Box::pin(async move {
            // Ends the thread if the run is dropped.
            let _guard = stop.clone().drop_guard();
            let mut receiver = receiver.lock_owned().await;
            let runtime = Handle::current();
            let thread = tokio::task::spawn_blocking(move || {
                let local = LocalSet::new();
                runtime.block_on(local.run_until(work(worker, queue, &mut receiver, services, stop)));
            });
            match thread.await {
                Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                _ => Ok(Summary::done()),
            }
        })
    }

    fn act<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Value, Fault>> {
        Box::pin(async move {
            call.parameters::<NoParameters>()?;
            let Some(services) = &self.services else {
                return Err(Fault::new("api.services_database_url is not set"));
            };
            let due = imports::due(services, COUNTED).await.map_err(Fault::new)?;
            Ok(json!({ "waiting": due.len() }))
        })
    }

    fn info(&self) -> Value {
        json!({ "queued_here": self.queue.0.max_capacity() - self.queue.0.capacity() })
    }
}

async fn work(
    worker: Worker,
    queue: Imports,
    receiver: &mut mpsc::Receiver<(TenantId, ImportId)>,
    services: Option<Database>,
    stop: CancellationToken,
) {
    let mut works = JoinSet::new();
    let mut look = tokio::time::interval(LOOK_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let (tenant, import) = tokio::select! {
            () = stop.cancelled() => break,
            _ = look.tick(), if services.is_some() && works.len() < AT_ONCE => {
                let Some(services) = &services else { continue };
                match imports::due(services, AT_ONCE as i64).await {
                    Ok(due) => due.into_iter().for_each(|(tenant, import)| queue.begin(tenant, import)),
                    Err(error) => tracing::warn!(%error, "cannot look for imports now"),
                }
                continue;
            }
            Some(ended) = works.join_next() => {
                report(ended);
                continue;
            }
            Some(next) = receiver.recv(), if works.len() < AT_ONCE => next,
        };
        let (worker, stop, queue) = (worker.clone(), stop.clone(), queue.clone());
        works.spawn_local(async move {
            if let Err(error) = work_off(&worker, As::Credential(tenant), import, &stop, |_| ()).await {
                tracing::warn!(%error, %import, "an import is interrupted; it goes on when its lease is over");
                tokio::task::spawn_local(async move {
                    tokio::time::sleep(imports::LEASE + KEEP_EVERY).await;
                    queue.begin(tenant, import);
                });
            }
        });
    }
    let all = async {
        while let Some(ended) = works.join_next().await {
            report(ended);
        }
    };
    let _ = tokio::time::timeout(STOP_LIMIT, all).await;
}

fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "the work on an import panicked; another process goes on when its lease is over");
    }
}

/// What works off imports.
#[derive(Debug, Clone)]
pub(crate) struct Worker {
    executor: Executor,
    database: TenantDatabase,
}

impl Worker {
    pub(crate) fn new(executor: Executor, database: TenantDatabase) -> Self {
        Self { executor, database }
    }
}

/// With whose rights an import is worked off.
pub(crate) enum As {
    /// Those of the credential of whoever began it, in this company.
    Credential(TenantId),
    /// An operator's.
    Operator(RequestContext),
}

/// Works off an import, if nobody else does. `tell` hears of the progress.
///
/// # Errors
/// Fails if the database fails for longer than the lease, or `stop` is cancelled.
pub(crate) async fn work_off(
    worker: &Worker,
    rights: As,
    import: ImportId,
    stop: &CancellationToken,
    tell: impl Fn(Progress),
) -> Result<(), Error> {
    let (tenant, currency) = match &rights {
        As::Credential(tenant) => (*tenant, Currency::euro()),
        As::Operator(context) => (context.tenant_id(), context.currency().clone()),
    };
    // What is noted of the import itself needs no rights; the rows do.
    let own = Principal::trusted(tenant, Actor::Operator, "imports".to_owned(), currency);
    let notes = context_of(own, import.to_string(), import.to_string());
    // One for each claim: a process that has lost an import and takes it again must not go on in both.
    let id = Uuid::new_v4();
    let claim = ClaimImport { id: import, worker: id };
    let Some(claimed) = worker.executor.run(notes.clone(), claim).await? else { return Ok(()) };
    let run = Work { worker, id, import, notes, claimed, stop };
    let how = match run.context(rights).await? {
        Ok(context) => run.rows(&context, tell).await?,
        Err(reason) => Some(Leaving::Stopped(reason)),
    };
    let Some(how) = how else { return Ok(()) };
    run.note(|| LeaveImport { id: import, worker: id, how: how.clone() }).await
}

fn context_of(principal: Principal, correlation_id: String, request_id: String) -> RequestContext {
    RequestContext {
        principal: principal.into(),
        required: None,
        target: None,
        correlation_id,
        request_id,
        traceparent: None,
        client_address: None,
        client_id: None,
    }
}

/// What became of a row.
enum Row {
    Accepted(Outcome),
    Refused,
    /// It was worked off before.
    Known,
    Taken,
    Stopped(String),
}

struct Work<'a> {
    worker: &'a Worker,
    id: Uuid,
    import: ImportId,
    notes: RequestContext,
    claimed: Claimed,
    stop: &'a CancellationToken,
}

impl Work<'_> {
    /// Notes something of the import itself.
    async fn note<C: Command>(&self, command: impl Fn() -> C) -> Result<C::Outcome, Error> {
        self.patiently(async || self.worker.executor.run(self.notes.clone(), command()).await).await
    }

    /// Waits for what passes, such as a database that is away: as long as the lease.
    async fn patiently<T>(&self, work: impl AsyncFn() -> Result<T, Error>) -> Result<T, Error> {
        let (began, mut pause) = (Instant::now(), PAUSE.0);
        loop {
            match work().await {
                Err(error)
                    if error.category() == Category::Unavailable && began.elapsed() < imports::LEASE =>
                {
                    tracing::debug!(%error, import = %self.import, "an import waits");
                }
                result => return result,
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE.1);
        }
    }

    /// Returns the context of the rows' commands, or why there is none.
    async fn context(&self, rights: As) -> Result<Result<RequestContext, String>, Error> {
        let tenant = self.notes.tenant_id();
        let permission = self.claimed.kind.permission();
        let principal = match (rights, self.claimed.credential.credential(tenant)) {
            (As::Operator(context), _) => return Ok(Ok(context)),
            (As::Credential(_), None) => {
                return Ok(Err("an operator began it: api import --resume".to_owned()));
            }
            (As::Credential(_), Some(credential)) => {
                self.patiently(async || self.worker.database.principal(credential).await).await?
            }
        };
        Ok(match principal {
            None => Err("the credential of whoever began it does not hold any more".to_owned()),
            Some(principal) if !principal.may(permission) => {
                Err(format!("whoever began it no longer has the permission {permission}"))
            }
            Some(principal) => {
                let correlation_id = self.claimed.correlation_id.clone();
                let context = context_of(principal, correlation_id, self.import.to_string());
                Ok(RequestContext { required: Some(permission), ..context })
            }
        })
    }

    /// Returns how the work is left; `None` if the import is not this process's own any more.
    async fn rows(
        &self,
        context: &RequestContext,
        tell: impl Fn(Progress),
    ) -> Result<Option<Leaving>, Error> {
        let (mut progress, mut after, mut kept) = (self.claimed.progress, 0, Instant::now());
        loop {
            let (database, import) = (&self.worker.database, self.import);
            let waiting = async || imports::waiting_rows(database, &self.notes, import, after, PAGE).await;
            let rows = self.patiently(waiting).await?;
            if rows.is_empty() {
                return Ok(Some(Leaving::Finished));
            }
            for (number, content) in rows {
                if self.stop.is_cancelled() {
                    return Ok(Some(Leaving::Released));
                }
                match self.row(context, number, &content).await? {
                    Row::Accepted(Outcome::Created) => progress.created += 1,
                    Row::Accepted(Outcome::Updated) => progress.updated += 1,
                    Row::Accepted(Outcome::Unchanged) => progress.unchanged += 1,
                    Row::Refused => progress.refused += 1,
                    Row::Known => {}
                    Row::Taken => return Ok(None),
                    Row::Stopped(reason) => return Ok(Some(Leaving::Stopped(reason))),
                }
                after = number;
                tell(progress);
                if kept.elapsed() >= KEEP_EVERY {
                    let keep = || KeepImport { id: import, worker: self.id, progress };
                    if !self.note(keep).await? {
                        return Ok(None);
                    }
                    kept = Instant::now();
                }
            }
        }
    }

    /// Works off one row. What passes, such as a database that is away, is waited for.
    async fn row(&self, context: &RequestContext, number: i32, content: &str) -> Result<Row, Error> {
        let mut races = 0;
        loop {
            let work = async || {
                let request_id = format!("{}/{number}", self.import);
                let context = RequestContext { request_id, ..context.clone() };
                let done = match self.claimed.kind {
                    ImportKind::Customers => self.row_of::<CustomerRequest>(context, number, content).await,
                    ImportKind::Suppliers => self.row_of::<SupplierRequest>(context, number, content).await,
                    ImportKind::Products => self.row_of::<ProductRequest>(context, number, content).await,
                    ImportKind::Stock => self.row_of_stock(context, number, content).await,
                    ImportKind::Prices => self.row_of_prices(context, number, content).await,
                };
                match done {
                    Ok(marked) => Ok(Ok(marked)),
                    Err(NotDone::Refused(errors)) => Ok(Err(errors)),
                    Err(NotDone::Failed(error)) => Err(error),
                }
            };
            let error = match self.patiently(work).await {
                Ok(Ok(Marked::Now(outcome))) => return Ok(Row::Accepted(outcome)),
                Ok(Ok(Marked::Before)) => return Ok(Row::Known),
                Ok(Ok(Marked::Taken)) => return Ok(Row::Taken),
                Ok(Err(errors)) => return self.refuse(number, errors).await,
                Err(error) => error,
            };
            let may_be_race = match error.category() {
                // A value of this row that whoever began it may not set; the next row may have none.
                Category::Forbidden if !error.fields().is_empty() => false,
                Category::Unauthenticated | Category::Forbidden => {
                    return Ok(Row::Stopped(error.to_string()));
                }
                Category::Unavailable => return Err(error),
                Category::Internal => return Ok(broken(number, &error)),
                // Somebody made, changed or deleted the resource after it was looked for.
                Category::PreconditionFailed | Category::Conflict | Category::NotFound => {
                    // Nothing of a row of stock or of prices was looked for.
                    self.claimed.mode == ImportMode::Upsert
                        && !matches!(self.claimed.kind, ImportKind::Stock | ImportKind::Prices)
                }
                _ => false,
            };
            races += 1;
            if !may_be_race || races > MAX_RACES {
                return self.refuse(number, errors_of(error)).await;
            }
        }
    }

    async fn refuse(&self, number: i32, errors: Value) -> Result<Row, Error> {
        let refuse = || RefuseRow { import: self.import, worker: self.id, number, errors: errors.clone() };
        match self.note(refuse).await {
            Ok(Marked::Now(())) => Ok(Row::Refused),
            Ok(Marked::Before) => Ok(Row::Known),
            Ok(Marked::Taken) => Ok(Row::Taken),
            Err(error) if error.category() == Category::Internal => Ok(broken(number, &error)),
            Err(error) => Err(error),
        }
    }

    async fn row_of<T: Importable>(
        &self,
        context: RequestContext,
        number: i32,
        content: &str,
    ) -> Result<Marked<Outcome>, NotDone> {
        let mut row: Map<String, Value> = serde_json::from_str(content)
            .map_err(|error| refused(Invalid::new("not_an_object", error.to_string()), ""))?;
        row.retain(|name, _| !T::READ_ONLY.contains(&name.as_str()));
        if self.claimed.mode == ImportMode::Upsert {
            let key = row.get(T::KEY).and_then(Value::as_str).map(str::trim).unwrap_or_default();
            // PostgreSQL has no U+0000: a key with it is refused when it is read.
            let has_key = !key.is_empty() && !key.contains('\0');
            let found = if has_key { T::find(&self.worker.database, &context, key).await? } else { None };
            if let Some(view) = found {
                let (id, version) = (T::id(&view), T::version(&view));
                let told = move |changed: &T::View| {
                    let is_changed = T::version(changed) != version;
                    (if is_changed { Outcome::Updated } else { Outcome::Unchanged }, id)
                };
                let update = T::update(&view, merge_patch::<T>(row));
                return self.command(context, number, update, Box::new(told)).await;
            }
        }
        // An empty cell says that there is nothing.
        row.retain(|_, value| !value.is_null());
        let request: Result<T, Faults> = deserr::deserialize(Value::Object(row));
        let details = request.and_then(|request| request.into_details().map_err(Faults));
        let details =
            details.map_err(|Faults(faults)| NotDone::Refused(listed(ApiError::invalid(faults))))?;
        let told = |made: &T::View| (Outcome::Created, T::id(made));
        self.command(context, number, T::create(details), Box::new(told)).await
    }

    /// What is there already is left alone, whichever the mode is.
    async fn row_of_stock(
        &self,
        context: RequestContext,
        number: i32,
        content: &str,
    ) -> Result<Marked<Outcome>, NotDone> {
        let mut row: Map<String, Value> = serde_json::from_str(content)
            .map_err(|error| refused(Invalid::new("not_an_object", error.to_string()), ""))?;
        row.retain(|_, value| !value.is_null());
        let request: Result<OpeningStock, Faults> = deserr::deserialize(Value::Object(row));
        let request =
            request.map_err(|Faults(faults)| NotDone::Refused(listed(ApiError::invalid(faults))))?;
        let told = |posted: &StockDocumentView| (Outcome::Created, posted.summary.id.uuid());
        self.command(context, number, OpenStock::from(request), Box::new(told)).await
    }

    /// A break that is there already is changed by an upsert, and refused otherwise.
    async fn row_of_prices(
        &self,
        context: RequestContext,
        number: i32,
        content: &str,
    ) -> Result<Marked<Outcome>, NotDone> {
        let mut row: Map<String, Value> = serde_json::from_str(content)
            .map_err(|error| refused(Invalid::new("not_an_object", error.to_string()), ""))?;
        row.retain(|_, value| !value.is_null());
        let request: Result<PriceRow, Faults> = deserr::deserialize(Value::Object(row));
        let request =
            request.map_err(|Faults(faults)| NotDone::Refused(listed(ApiError::invalid(faults))))?;
        let told = |(list, became): &(PriceListId, PriceSet)| {
            let outcome = match became {
                PriceSet::Added => Outcome::Created,
                PriceSet::Changed => Outcome::Updated,
                PriceSet::Unchanged => Outcome::Unchanged,
            };
            (outcome, list.uuid())
        };
        let command = request.into_command(self.claimed.mode == ImportMode::Upsert);
        self.command(context, number, command, Box::new(told)).await
    }

    async fn command<C: Command>(
        &self,
        context: RequestContext,
        number: i32,
        command: C,
        told: Told<C::Outcome>,
    ) -> Result<Marked<Outcome>, NotDone> {
        let row = ImportRow { import: self.import, worker: self.id, number, command, told };
        Ok(self.worker.executor.run(context, row).await?)
    }
}

/// Why a row was not worked off.
enum NotDone {
    /// What is wrong with it.
    Refused(Value),
    Failed(Error),
}

impl From<Error> for NotDone {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

fn refused(invalid: Invalid, pointer: &str) -> NotDone {
    NotDone::Refused(listed(ApiError::invalid(vec![invalid.at(pointer)])))
}

/// A fault of ours stops the import: the rows behind it may be as good as this one.
fn broken(number: i32, error: &Error) -> Row {
    tracing::error!(%error, number, "a row of an import met a fault of ours");
    Row::Stopped(format!(
        "row {number}: something went wrong on our side; resume the import when it is mended"
    ))
}

fn errors_of(error: Error) -> Value {
    listed(error.into())
}

/// Returns what was wrong, as in a problem's `errors`; at least the problem itself.
fn listed(error: ApiError) -> Value {
    // PostgreSQL has no U+0000.
    let text = |text: &str| text.replace('\0', "\u{fffd}");
    let one = |pointer: &str, code: &str, message: &str| json!({"pointer": text(pointer), "code": code, "message": text(message)});
    let all: Vec<_> =
        error.fields().iter().map(|field| one(&field.pointer, field.code, &field.message)).collect();
    if all.is_empty() { vec![one("", error.code(), &error.to_string())].into() } else { all.into() }
}
