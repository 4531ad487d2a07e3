"""Sends the same spans, points and records to $DIRECT and to $THROUGH over $PROTOCOL (grpc or http) with the OpenTelemetry SDK."""

import logging
import os
import sys

from opentelemetry import trace
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import LogRecordExporter, LogRecordExportResult, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult, PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Link, SpanKind, Status, StatusCode

GRPC = os.environ["PROTOCOL"] == "grpc"
if GRPC:
    from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
else:
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter


def exporters(make, path):
    for name in ("DIRECT", "THROUGH"):
        address = os.environ[name]
        if GRPC:
            yield make(endpoint=address, insecure=True)
        else:
            yield make(endpoint=f"http://{address}/v1/{path}")


failures = []


def both(made, data, success):
    for exporter in made:
        result = exporter.export(data)
        if result != success:
            failures.append(f"{type(exporter).__name__}: {result}")
    return success


class Spans(SpanExporter):
    made = list(exporters(OTLPSpanExporter, "traces"))

    def export(self, spans):
        return both(self.made, spans, SpanExportResult.SUCCESS)


class Records(LogRecordExporter):
    made = list(exporters(OTLPLogExporter, "logs"))

    def export(self, batch):
        return both(self.made, batch, LogRecordExportResult.SUCCESS)

    def shutdown(self):
        pass

    def force_flush(self, timeout_millis=0):
        return True


class Points(MetricExporter):
    made = list(exporters(OTLPMetricExporter, "metrics"))

    def export(self, metrics_data, timeout_millis=10_000, **kwargs):
        return both(self.made, metrics_data, MetricExportResult.SUCCESS)

    def force_flush(self, timeout_millis=0):
        return True

    def shutdown(self, timeout_millis=0, **kwargs):
        pass


resource = Resource.create({"service.name": "python-peer", "list": ["a", "b"], "bool": True, "int": 2**53 + 1})

tracers = TracerProvider(resource=resource)
tracers.add_span_processor(BatchSpanProcessor(Spans()))
tracer = tracers.get_tracer("peer.tracer", "1.2.3", schema_url="https://opentelemetry.io/schemas/1.27.0")
with tracer.start_as_current_span("parent", kind=SpanKind.SERVER, attributes={"text": "grüße ✓", "float": 0.1, "ints": [1, -2]}) as parent:
    for n in range(50):
        with tracer.start_as_current_span(f"child {n}", kind=SpanKind.CLIENT, links=[Link(parent.get_span_context(), {"n": n})]) as span:
            span.add_event("event", {"n": n})
            if n % 10 == 0:
                span.record_exception(ValueError("no good"))
                span.set_status(Status(StatusCode.ERROR, "no good"))
tracers.shutdown()

loggers = LoggerProvider(resource=resource)
loggers.add_log_record_processor(SimpleLogRecordProcessor(Records()))
log = logging.getLogger("peer")
log.addHandler(LoggingHandler(logger_provider=loggers))
log.setLevel(logging.DEBUG)
with trace.use_span(parent):
    for n in range(20):
        log.warning("record %d", n, extra={"n": n, "nothing": "", "ratio": n / 3})
loggers.shutdown()

reader = PeriodicExportingMetricReader(Points(), export_interval_millis=3_600_000)
exponential = View(instrument_name="exponential", aggregation=ExponentialBucketHistogramAggregation())
meters = MeterProvider(metric_readers=[reader], resource=resource, views=[exponential])
meter = meters.get_meter("peer.meter", "1.2.3")
counter = meter.create_counter("counter", unit="1", description="counts")
updown = meter.create_up_down_counter("updown")
histogram = meter.create_histogram("histogram", unit="ms")
spread = meter.create_histogram("exponential", unit="ms")
meter.create_observable_gauge("gauge", callbacks=[lambda _: []])
for n in range(100):
    counter.add(n, {"n": n % 5})
    updown.add(-n, {"n": n % 3})
    histogram.record(n * 1.5, {"n": n % 2})
    spread.record(n * 1.5)
meters.shutdown()

if failures:
    sys.exit("; ".join(failures))
