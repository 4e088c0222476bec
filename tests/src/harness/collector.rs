//! An OTLP collector for tests: receives spans over HTTP in protobuf and keeps them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use actix_web::dev::ServerHandle;
use actix_web::web::{Bytes, Data};
use actix_web::{App, HttpResponse, HttpServer, web};
use anyhow::{Context, Result};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use prost::Message;

/// A span that was exported.
#[derive(Debug, Clone)]
pub struct Span {
    /// The `service.name` of the process.
    pub service: String,
    pub name: String,
    /// The protocol's number: 2 is a server, 4 a producer.
    pub kind: i32,
    /// In hexadecimal digits, like the other two.
    pub trace_id: String,
    pub span_id: String,
    pub parent_span_id: String,
    pub attributes: BTreeMap<String, String>,
    pub is_error: bool,
    pub nanoseconds: u64,
}

type Spans = Arc<Mutex<Vec<Span>>>;

/// A running collector. It ends when this is dropped.
#[derive(Debug)]
pub struct Collector {
    address: String,
    spans: Spans,
    server: ServerHandle,
}

impl Collector {
    /// # Errors
    /// Fails if no port is free.
    pub fn start() -> Result<Self> {
        let spans = Spans::default();
        let kept = Data::new(Arc::clone(&spans));
        let server = HttpServer::new(move || {
            App::new().app_data(kept.clone()).route("/v1/traces", web::post().to(take))
        })
        .workers(1)
        .disable_signals()
        .bind(("127.0.0.1", 0))?;
        let address = server.addrs().first().context("no address")?.to_string();
        let server = server.run();
        let handle = server.handle();
        tokio::spawn(server);
        Ok(Self { address: format!("http://{address}"), spans, server: handle })
    }

    /// Returns the value for `telemetry.otlp_endpoint`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Returns the spans that have arrived.
    pub fn spans(&self) -> Vec<Span> {
        self.spans.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        // The stop begins with the call; its future only waits for the end.
        drop(self.server.stop(false));
    }
}

async fn take(spans: Data<Spans>, body: Bytes) -> HttpResponse {
    let Ok(request) = ExportTraceServiceRequest::decode(body) else {
        return HttpResponse::BadRequest().finish();
    };
    let mut kept = spans.lock().unwrap_or_else(PoisonError::into_inner);
    for resource_spans in request.resource_spans {
        let resource = resource_spans.resource.unwrap_or_default();
        let service = attributes(&resource.attributes).remove("service.name").unwrap_or_default();
        for span in resource_spans.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            kept.push(Span {
                service: service.clone(),
                name: span.name,
                kind: span.kind,
                trace_id: hex::encode(&span.trace_id),
                span_id: hex::encode(&span.span_id),
                parent_span_id: hex::encode(&span.parent_span_id),
                attributes: attributes(&span.attributes),
                is_error: span.status.is_some_and(|status| status.code == 2),
                nanoseconds: span.end_time_unix_nano.saturating_sub(span.start_time_unix_nano),
            });
        }
    }
    HttpResponse::Ok().content_type("application/x-protobuf").finish()
}

fn attributes(all: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |one: &KeyValue| match one.value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::BoolValue(truth)) => truth.to_string(),
        other => format!("{other:?}"),
    };
    all.iter().map(|one| (one.key.clone(), text(one))).collect()
}
