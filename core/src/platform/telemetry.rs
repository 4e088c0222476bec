//! Logs to standard error and metrics in Prometheus' text format.

use std::io::IsTerminal;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

use crate::platform::config::{ConfigError, LogConfig, LogFormat, without_secrets};

/// Seconds; from a quick read to the longest wait that a default timeout permits.
const DURATION_BUCKETS: &[f64] =
    &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// Starts logging; the first call in a process wins.
///
/// # Errors
/// Fails if the filter does not parse.
pub fn init_logs(config: &LogConfig) -> Result<(), ConfigError> {
    let filter = EnvFilter::try_new(&config.filter).map_err(|error| {
        let problem = without_secrets(&error.to_string());
        ConfigError::value("log.filter", format!("{problem}; expected such as `info,comptoir_api=debug`"))
    })?;
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    // An error here means that a subscriber is installed already, by an earlier call or by a test.
    let _ = match config.format {
        LogFormat::Text => logs.try_init(),
        LogFormat::Json => {
            logs.json().flatten_event(true).with_current_span(true).with_span_list(false).try_init()
        }
    };
    Ok(())
}

/// The upper bounds of a histogram's buckets, for metrics whose name ends with `suffix`.
#[derive(Debug, Clone, Copy)]
pub struct Buckets<'a> {
    pub suffix: &'a str,
    pub bounds: &'a [f64],
}

/// Installs the process-wide metrics recorder; the handle renders the answer of `/metrics`. Durations have buckets of
/// their own; `buckets` are those of all other histograms. A whole name in the place of a suffix wins over both.
///
/// # Errors
/// Fails if a recorder is already installed.
pub fn install_metrics(buckets: &[Buckets<'_>]) -> Result<PrometheusHandle, BuildError> {
    let mut builder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), DURATION_BUCKETS)?;
    for Buckets { suffix, bounds } in buckets {
        let matcher = if suffix.starts_with('_') { Matcher::Suffix } else { Matcher::Full };
        builder = builder.set_buckets_for_metric(matcher((*suffix).to_owned()), bounds)?;
    }
    builder.install_recorder()
}

pub use metrics_exporter_prometheus::PrometheusHandle as MetricsHandle;
