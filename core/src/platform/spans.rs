//! Spans, exported by OTLP (HTTP, protobuf) if the configuration names a collector. If it does not, [`active`] returns
//! `None`, and no spans are made.
//!
//! Spans are made for requests that are answered and for messages that are sent, with the names and attributes of
//! OpenTelemetry's semantic conventions; log lines are not turned into spans.

use std::sync::OnceLock;
use std::time::Duration;

use opentelemetry::trace::{
    Span as _, SpanBuilder, SpanKind, Status, TraceContextExt, Tracer, TracerProvider,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{Protocol, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracer, SdkTracerProvider,
};
use serde::Deserialize;

use crate::platform::config::ConfigError;
use crate::platform::trace_parent::TraceParent;

/// The maximum of spans that wait for their export; more are dropped, and their number is logged at the end.
const QUEUE_SPANS: usize = 8192;
/// The maximum of spans in one request to the collector.
const BATCH_SPANS: usize = 512;
const EXPORT_EVERY: Duration = Duration::from_secs(1);
/// How long the export of the last spans may take when the process ends.
const FLUSH_LIMIT: Duration = Duration::from_secs(3);
/// Where a collector takes spans (OTLP specification, "OTLP/HTTP request").
const PATH: &str = "/v1/traces";

static ACTIVE: OnceLock<Spans> = OnceLock::new();

/// The section `[telemetry]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TelemetryConfig {
    pub otlp_endpoint: String,
    pub otlp_timeout_ms: u64,
    pub sample_ratio: f64,
}

impl TelemetryConfig {
    /// # Errors
    /// Fails if a setting has a value that cannot be meant; names the setting.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let endpoint = self.otlp_endpoint.as_str();
        if !endpoint.is_empty() && endpoint.strip_prefix("http://").is_none_or(str::is_empty) {
            return Err(ConfigError::value(
                "telemetry.otlp_endpoint",
                "must be empty or an address such as http://127.0.0.1:4318, without TLS: run a collector beside the \
                 process and let it encrypt what leaves the machine",
            ));
        }
        if self.otlp_timeout_ms == 0 {
            return Err(ConfigError::value("telemetry.otlp_timeout_ms", "must be at least 1"));
        }
        if !(0.0..=1.0).contains(&self.sample_ratio) {
            return Err(ConfigError::value("telemetry.sample_ratio", "must be 0 to 1"));
        }
        Ok(())
    }
}

/// Starts to export if a collector is configured. `service` is the name of the service in the spans.
///
/// # Errors
/// Fails if the endpoint is not an address.
pub fn start(config: &TelemetryConfig, service: &'static str) -> Result<(), ConfigError> {
    if config.otlp_endpoint.is_empty() {
        return Ok(());
    }
    let refused = |problem: String| ConfigError::value("telemetry.otlp_endpoint", problem);
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{}{PATH}", config.otlp_endpoint.trim_end_matches('/')))
        .with_timeout(Duration::from_millis(config.otlp_timeout_ms))
        .build()
        .map_err(|error| refused(error.to_string()))?;
    let limits = BatchConfigBuilder::default()
        .with_max_queue_size(QUEUE_SPANS)
        .with_max_export_batch_size(BATCH_SPANS)
        .with_scheduled_delay(EXPORT_EVERY)
        .build();
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let provider = SdkTracerProvider::builder()
        .with_span_processor(BatchSpanProcessor::builder(exporter).with_batch_config(limits).build())
        // A trace that began elsewhere keeps its decision on sampling; one that begins here is sampled by its id.
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(config.sample_ratio))))
        .with_resource(Resource::builder().with_service_name(service).with_attribute(version).build())
        .build();
    let tracer = provider.tracer("comptoir");
    // Once a process; a second call changes nothing.
    let _ = ACTIVE.set(Spans { provider, tracer });
    Ok(())
}

/// Returns the maker of spans, if spans are exported.
pub fn active() -> Option<&'static Spans> {
    ACTIVE.get()
}

/// Exports the spans that are left; takes some seconds at most. Blocks: call it when the runtime's work is done.
pub fn flush() {
    if let Some(spans) = active()
        && let Err(error) = spans.provider.shutdown_with_timeout(FLUSH_LIMIT)
    {
        tracing::warn!(%error, "the last spans were not exported");
    }
}

/// Makes spans and exports them when they end.
#[derive(Debug)]
pub struct Spans {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

/// The name and the attributes of a span when it begins.
#[derive(Debug)]
pub struct Beginning {
    pub name: String,
    pub attributes: Vec<KeyValue>,
}

impl Spans {
    /// Begins the span of a request that is being answered: the child of its `traceparent`, or the beginning of a trace.
    pub fn server(&self, caller: Option<&TraceParent>, beginning: Beginning) -> Span {
        let parent = caller.map_or_else(Context::new, remote);
        self.begin(SpanKind::Server, beginning, &parent)
    }

    /// Begins the span of a message that is being sent: the child of the `traceparent` that it carries. Returns `None` if that
    /// trace is not recorded.
    pub fn producer(&self, cause: &TraceParent, beginning: impl FnOnce() -> Beginning) -> Option<Span> {
        let parent = remote(cause);
        parent
            .span()
            .span_context()
            .is_sampled()
            .then(|| self.begin(SpanKind::Producer, beginning(), &parent))
    }

    fn begin(&self, kind: SpanKind, beginning: Beginning, parent: &Context) -> Span {
        let builder = SpanBuilder::from_name(beginning.name).with_kind(kind);
        let builder = builder.with_attributes(beginning.attributes);
        Span(self.tracer.build_with_context(builder, parent))
    }
}

/// A span that has begun. It ends, and is exported, when it is dropped.
#[derive(Debug)]
pub struct Span(opentelemetry_sdk::trace::Span);

impl Span {
    /// Returns the W3C `traceparent` for work that this span causes.
    pub fn traceparent(&self) -> TraceParent {
        TraceParent::from(self.0.span_context())
    }

    pub fn set(&mut self, attribute: KeyValue) {
        self.0.set_attribute(attribute);
    }

    /// Marks the span as failed; `kind` is one of a few words.
    pub fn fail(&mut self, kind: impl Into<String>) {
        self.0.set_attribute(KeyValue::new("error.type", kind.into()));
        self.0.set_status(Status::error(""));
    }
}

fn remote(parent: &TraceParent) -> Context {
    Context::new().with_remote_span_context((*parent).into())
}

pub use opentelemetry::KeyValue as Attribute;

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(config: &TelemetryConfig) -> String {
        config.validate().expect_err("refused").to_string()
    }

    #[test]
    fn what_cannot_be_meant_is_refused_by_name() {
        let valid = TelemetryConfig {
            otlp_endpoint: "http://127.0.0.1:4318".to_owned(),
            otlp_timeout_ms: 5000,
            sample_ratio: 1.0,
        };
        valid.validate().expect("valid");
        for endpoint in ["127.0.0.1:4318", "https://collector", "http://", "grpc://x"] {
            let error = refused(&TelemetryConfig { otlp_endpoint: endpoint.to_owned(), ..valid.clone() });
            assert!(error.contains("telemetry.otlp_endpoint"), "{error}");
        }
        assert!(refused(&TelemetryConfig { sample_ratio: 1.5, ..valid.clone() }).contains("sample_ratio"));
        assert!(refused(&TelemetryConfig { sample_ratio: f64::NAN, ..valid }).contains("sample_ratio"));
    }
}
