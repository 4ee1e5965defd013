//! Traces: one follows a request into the databases, through the outbox, and on to the instances that tell subscribers.
//! They are made and sent (by OTLP over HTTP) where `OTEL_EXPORTER_OTLP_ENDPOINT` names a collector; its standard siblings
//! (`OTEL_SERVICE_NAME`, `OTEL_TRACES_SAMPLER`, …) count too. And where measurements are kept until Prometheus asks.

use std::{collections::HashMap, time::Duration};

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use opentelemetry::{propagation::TextMapPropagator, trace::TracerProvider};
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::{
    Resource, propagation::TraceContextPropagator, trace::SdkTracerProvider, trace::Tracer,
};
use tokio_util::sync::CancellationToken;
use tracing::{Span, Subscriber};
use tracing_opentelemetry::{OpenTelemetryLayer, OpenTelemetrySpanExt};
use tracing_subscriber::{
    Layer,
    filter::{Filtered, LevelFilter, Targets},
    registry::LookupSpan,
};

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const TRACES_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
const NAME: &str = "OTEL_SERVICE_NAME";
const PARENT: &str = "traceparent";

/// The bounds of a latency's histogram, in seconds.
const LATENCIES: [f64; 12] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0];
/// Between two times that measurements are folded.
const FOLD: Duration = Duration::from_secs(5);

/// The traces of this process; what is not sent yet is sent when this is dropped.
#[derive(Debug)]
pub struct Traces(SdkTracerProvider);

impl Drop for Traces {
    fn drop(&mut self) {
        // An error: the collector is away.
        let _ = self.0.shutdown();
    }
}

/// What makes spans into traces.
pub type TraceLayer<S> = Filtered<OpenTelemetryLayer<S, Tracer>, Targets, S>;

/// Begins to trace, where a collector is named.
pub fn start<S>() -> Option<(Traces, TraceLayer<S>)>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let named = |name| std::env::var(name).is_ok_and(|value| !value.is_empty());
    if !named(ENDPOINT) && !named(TRACES_ENDPOINT) {
        return None;
    }
    // An endpoint that cannot be understood is told by the exporter's own log line; the server runs without traces.
    let exporter = SpanExporter::builder().with_http().build().ok()?;
    let mut resource = Resource::builder();
    if !named(NAME) {
        resource = resource.with_service_name("rankedhonor");
    }
    let provider = SdkTracerProvider::builder()
        .with_resource(resource.build())
        .with_batch_exporter(exporter)
        .build();
    let ours = Targets::new().with_target("rankedhonor", LevelFilter::DEBUG);
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("rankedhonor"));
    Some((Traces(provider), layer.with_filter(ours)))
}

/// How the present span is named to others (W3C trace context); none where nothing is traced.
pub fn current() -> Option<String> {
    let mut carrier = HashMap::new();
    TraceContextPropagator::new().inject_context(&Span::current().context(), &mut carrier);
    carrier.remove(PARENT)
}

/// Makes a span part of the trace that others have named. A name that is none changes nothing.
pub fn follows(span: &Span, parent: &str) {
    let carrier = HashMap::from([(PARENT.to_owned(), parent.to_owned())]);
    // An error: the span is not traced.
    let _ = span.set_parent(TraceContextPropagator::new().extract(&carrier));
}

/// Keeps what is measured from now on: in summaries, and in a histogram what is to be added up over instances.
///
/// # Errors
/// When something keeps it already.
pub fn record() -> Result<PrometheusHandle, BuildError> {
    let latency = Matcher::Full("rankedhonor_result_to_subscriber_seconds".into());
    PrometheusBuilder::new().set_buckets_for_metric(latency, &LATENCIES)?.install_recorder()
}

/// Folds what was measured, which otherwise would grow until somebody asks for it.
pub async fn fold(metrics: PrometheusHandle, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(FOLD)).await.is_some() {
        metrics.run_upkeep();
    }
}
