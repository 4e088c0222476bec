//! `api import`: a file of customers, suppliers, products, opening stock or prices.

use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use bytes::Bytes;
use comptoir_core::accounts::tenants;
use comptoir_core::application::context::RequestContext;
use comptoir_core::commerce::imports::{
    self, ImportKind, ImportMode, ImportState, ImportView, Progress, RefusedSort, ResumeImport, SubmitImport,
};
use comptoir_core::platform::paging::{MAX_LIMIT, PageRequest};
use comptoir_core::values::ids::{ImportId, TenantId};
use comptoir_core::values::money::Currency;
use futures::stream;
use indicatif::{ProgressBar, ProgressStyle};
use tokio_util::sync::CancellationToken;

use super::operator::Operator;
use crate::config::Settings;
use crate::imports::{As, Format, NewImport, NotStaged, Worker, stage, work_off};

/// How much of the file is read at a time, in bytes.
const PIECE: usize = 65_536;
/// The refused rows that are printed; `GET /api/v1/imports/{id}/refused-rows.csv` has all of them.
const SHOWN: usize = 20;

#[derive(Debug, clap::Args)]
pub(super) struct Import {
    /// CSV with the names of the columns in the first line, or (.ndjson, .jsonl) a JSON object in each line
    #[arg(value_name = "FILE", required_unless_present = "resume")]
    file: Option<PathBuf>,
    /// The company
    #[arg(long, value_name = "ID")]
    tenant: TenantId,
    /// What the rows are
    #[arg(long, value_name = "KIND", value_parser = ["customers", "suppliers", "products", "stock", "prices"], required_unless_present = "resume")]
    kind: Option<String>,
    /// `create` refuses a row whose code or SKU is taken, `upsert` changes that resource
    #[arg(long, value_name = "MODE", value_parser = ["create", "upsert"], default_value = "create")]
    mode: String,
    /// Go on with an import that was interrupted
    #[arg(long, value_name = "ID", conflicts_with_all = ["file", "kind", "mode"])]
    resume: Option<ImportId>,
    /// Print the import as one JSON object
    #[arg(long)]
    json: bool,
}

/// Returns whether all rows were accepted.
pub(super) async fn run(arguments: Import, settings: &Settings) -> anyhow::Result<bool> {
    let operator = Operator::new(settings)?;
    let context = operator.context(arguments.tenant, Currency::euro());
    let company = tenants::get(&operator.database, &context).await?;
    let currency = Currency::parse(&company.currency).map_err(|invalid| anyhow::anyhow!(invalid.message))?;
    let context = operator.context(arguments.tenant, currency);
    let import = match arguments.resume {
        Some(id) => {
            operator.run(context.clone(), ResumeImport { id, expected_version: None }).await?;
            id
        }
        None => begin(&operator, &context, &arguments).await?,
    };
    let done = work(&operator, &context, import).await?;
    report(&operator, &context, &done, arguments.json).await?;
    Ok(done.state == ImportState::Finished && done.progress.refused == 0)
}

/// Keeps the rows of the file.
async fn begin(
    operator: &Operator,
    context: &RequestContext,
    arguments: &Import,
) -> anyhow::Result<ImportId> {
    let path = arguments.file.as_deref().context("FILE is missing")?;
    let kind = named(arguments.kind.as_deref().unwrap_or_default(), &ImportKind::ALL, ImportKind::name)?;
    let mode = named(&arguments.mode, &ImportMode::ALL, ImportMode::name)?;
    let file = std::fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let bar = ProgressBar::new(file.metadata()?.len())
        .with_style(ProgressStyle::with_template("{bar:30} {bytes} of {total_bytes} of the file kept")?);
    let stop = CancellationToken::new();
    let pieces = stream::try_unfold(file, |mut file| {
        let (bar, stop) = (bar.clone(), stop.clone());
        async move {
            if stop.is_cancelled() {
                return Err(ErrorKind::Interrupted.into());
            }
            let mut piece = vec![0; PIECE];
            let length = file.read(&mut piece)?;
            piece.truncate(length);
            bar.inc(length as u64);
            Ok::<_, std::io::Error>((length > 0).then(|| (Bytes::from(piece), file)))
        }
    });
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let new = NewImport { kind, mode, format: format_of(path), file_name: name };
    let staged = interruptible(&stop, stage(&operator.executor, context, new, pieces)).await;
    bar.finish_and_clear();
    let (id, rows) = staged.map_err(|error| match error {
        NotStaged::Refused(fault) => anyhow::anyhow!("{}: {}", path.display(), fault.message),
        NotStaged::File(error) if error.kind() == ErrorKind::IsADirectory => {
            anyhow::anyhow!("{} is a directory", path.display())
        }
        NotStaged::File(error) if error.kind() == ErrorKind::Interrupted => {
            anyhow::anyhow!("interrupted: nothing of the file was imported")
        }
        NotStaged::File(error) => anyhow::anyhow!("cannot read {}: {error}", path.display()),
        NotStaged::Failed(error) => error.into(),
    })?;
    operator.run(context.clone(), SubmitImport { id, rows }).await?;
    Ok(id)
}

fn format_of(path: &Path) -> Format {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    if ["ndjson", "jsonl"].contains(&extension.to_ascii_lowercase().as_str()) {
        Format::Ndjson
    } else {
        Format::Csv
    }
}

fn named<T: Copy>(text: &str, all: &[T], name: impl Fn(T) -> &'static str) -> anyhow::Result<T> {
    all.iter().copied().find(|one| name(*one) == text).with_context(|| format!("there is no {text:?}"))
}

/// Does something to its end. Ctrl-C cancels `stop`, which ends it sooner and in good order.
async fn interruptible<T>(stop: &CancellationToken, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    tokio::select! {
        done = &mut work => return done,
        _ = tokio::signal::ctrl_c() => stop.cancel(),
    }
    work.await
}

/// Works off the rows. An interruption leaves the import where it is.
async fn work(operator: &Operator, context: &RequestContext, import: ImportId) -> anyhow::Result<ImportView> {
    let total = imports::get(&operator.database, context, import).await?.progress.rows;
    let bar = ProgressBar::new(u64::try_from(total)?).with_style(ProgressStyle::with_template(
        "{bar:30} {human_pos} of {human_len} rows, {per_sec}, {eta} left; {msg}",
    )?);
    let tell = |progress: Progress| {
        let Progress { created, updated, unchanged, refused, .. } = progress;
        bar.set_position(u64::try_from(created + updated + unchanged + refused).unwrap_or_default());
        bar.set_message(format!("{refused} refused"));
    };
    let worker = Worker::new(operator.executor.clone(), operator.database.clone());
    let stop = CancellationToken::new();
    let advice =
        || format!("interrupted: api import --tenant {} --resume {import} goes on", context.tenant_id());
    interruptible(&stop, work_off(&worker, As::Operator(context.clone()), import, &stop, tell))
        .await
        .with_context(advice)?;
    bar.finish_and_clear();
    let done = imports::get(&operator.database, context, import).await?;
    anyhow::ensure!(done.state != ImportState::Waiting, advice());
    Ok(done)
}

async fn report(
    operator: &Operator,
    context: &RequestContext,
    done: &ImportView,
    json: bool,
) -> anyhow::Result<()> {
    let mut out = std::io::stdout();
    if json {
        writeln!(out, "{}", serde_json::to_string(done)?)?;
        return Ok(());
    }
    let Progress { rows, created, updated, unchanged, refused } = done.progress;
    let state = done.state.name();
    writeln!(
        out,
        "import {} {state}: {rows} rows, {created} created, {updated} updated, {unchanged} unchanged, {refused} refused",
        done.id
    )?;
    if let Some(reason) = &done.reason {
        writeln!(out, "{reason}")?;
    }
    if refused == 0 {
        return Ok(());
    }
    let first = PageRequest::<RefusedSort>::parse(Some(MAX_LIMIT.into()), None, None);
    let first = first.map_err(|_| anyhow::anyhow!("a page of our own is none"))?;
    let page = imports::refused_rows(&operator.database, context, done.id, &first).await?;
    for row in page.data.iter().take(SHOWN) {
        let errors = row.errors.as_ref().and_then(serde_json::Value::as_array).into_iter().flatten();
        for error in errors {
            let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
            writeln!(out, "row {}: {} {}", row.number, text("pointer"), text("message"))?;
        }
    }
    if usize::try_from(refused)? > SHOWN {
        writeln!(out, "and more: GET /api/v1/imports/{}/refused-rows.csv has all", done.id)?;
    }
    Ok(())
}
