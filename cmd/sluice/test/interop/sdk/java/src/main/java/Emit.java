import static io.opentelemetry.api.common.AttributeKey.booleanKey;
import static io.opentelemetry.api.common.AttributeKey.doubleKey;
import static io.opentelemetry.api.common.AttributeKey.longArrayKey;
import static io.opentelemetry.api.common.AttributeKey.longKey;
import static io.opentelemetry.api.common.AttributeKey.stringArrayKey;
import static io.opentelemetry.api.common.AttributeKey.stringKey;

import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.common.Value;
import io.opentelemetry.api.logs.Severity;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.context.Context;
import io.opentelemetry.exporter.otlp.http.logs.OtlpHttpLogRecordExporter;
import io.opentelemetry.exporter.otlp.http.metrics.OtlpHttpMetricExporter;
import io.opentelemetry.exporter.otlp.http.trace.OtlpHttpSpanExporter;
import io.opentelemetry.exporter.otlp.logs.OtlpGrpcLogRecordExporter;
import io.opentelemetry.exporter.otlp.metrics.OtlpGrpcMetricExporter;
import io.opentelemetry.exporter.otlp.trace.OtlpGrpcSpanExporter;
import io.opentelemetry.sdk.common.CompletableResultCode;
import io.opentelemetry.sdk.logs.SdkLoggerProvider;
import io.opentelemetry.sdk.logs.export.BatchLogRecordProcessor;
import io.opentelemetry.sdk.logs.export.LogRecordExporter;
import io.opentelemetry.sdk.metrics.Aggregation;
import io.opentelemetry.sdk.metrics.InstrumentSelector;
import io.opentelemetry.sdk.metrics.InstrumentType;
import io.opentelemetry.sdk.metrics.SdkMeterProvider;
import io.opentelemetry.sdk.metrics.View;
import io.opentelemetry.sdk.metrics.data.AggregationTemporality;
import io.opentelemetry.sdk.metrics.data.MetricData;
import io.opentelemetry.sdk.metrics.export.MetricExporter;
import io.opentelemetry.sdk.metrics.export.PeriodicMetricReader;
import io.opentelemetry.sdk.resources.Resource;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.export.BatchSpanProcessor;
import io.opentelemetry.sdk.trace.export.SpanExporter;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Sends the same spans, points and records to $DIRECT and to $THROUGH over $PROTOCOL (grpc or http) with the OpenTelemetry SDK. */
public class Emit {
  static final boolean GRPC = System.getenv("PROTOCOL").equals("grpc");
  static boolean failed = false;

  static String url(String name, String path) {
    return "http://" + System.getenv(name) + (GRPC ? "" : "/v1/" + path);
  }

  static SpanExporter spans(String name) {
    return GRPC
        ? OtlpGrpcSpanExporter.builder().setEndpoint(url(name, "traces")).setCompression("gzip").build()
        : OtlpHttpSpanExporter.builder().setEndpoint(url(name, "traces")).setCompression("gzip").build();
  }

  static LogRecordExporter logs(String name) {
    return GRPC
        ? OtlpGrpcLogRecordExporter.builder().setEndpoint(url(name, "logs")).build()
        : OtlpHttpLogRecordExporter.builder().setEndpoint(url(name, "logs")).build();
  }

  static MetricExporter metrics(String name) {
    return GRPC
        ? OtlpGrpcMetricExporter.builder().setEndpoint(url(name, "metrics")).build()
        : OtlpHttpMetricExporter.builder().setEndpoint(url(name, "metrics")).build();
  }

  static final class Both implements MetricExporter {
    final List<MetricExporter> made = List.of(metrics("DIRECT"), metrics("THROUGH"));

    @Override
    public CompletableResultCode export(Collection<MetricData> data) {
      List<CompletableResultCode> results = new ArrayList<>();
      for (MetricExporter each : made) results.add(each.export(data));
      return CompletableResultCode.ofAll(results);
    }

    @Override
    public CompletableResultCode flush() {
      return CompletableResultCode.ofSuccess();
    }

    @Override
    public CompletableResultCode shutdown() {
      return CompletableResultCode.ofSuccess();
    }

    @Override
    public AggregationTemporality getAggregationTemporality(InstrumentType type) {
      return made.get(0).getAggregationTemporality(type);
    }
  }

  static void finish(CompletableResultCode result) {
    if (!result.join(20, TimeUnit.SECONDS).isSuccess()) failed = true;
  }

  public static void main(String[] args) {
    Resource resource =
        Resource.create(
            Attributes.builder()
                .put("service.name", "java-peer")
                .put(stringArrayKey("list"), "a", "b")
                .put(booleanKey("bool"), true)
                .put(longKey("int"), (1L << 53) + 1)
                .build());

    SdkTracerProvider tracers =
        SdkTracerProvider.builder()
            .setResource(resource)
            .addSpanProcessor(BatchSpanProcessor.builder(SpanExporter.composite(spans("DIRECT"), spans("THROUGH"))).build())
            .build();
    var tracer = tracers.tracerBuilder("peer.tracer").setInstrumentationVersion("1.2.3").setSchemaUrl("https://opentelemetry.io/schemas/1.27.0").build();
    var parent =
        tracer
            .spanBuilder("parent")
            .setSpanKind(SpanKind.SERVER)
            .setAttribute("text", "grüße ✓")
            .setAttribute("float", 0.1)
            .setAttribute(longArrayKey("ints"), List.of(1L, -2L))
            .startSpan();
    Context within = Context.current().with(parent);
    for (int n = 0; n < 50; n++) {
      var span =
          tracer
              .spanBuilder("child " + n)
              .setParent(within)
              .setSpanKind(SpanKind.CLIENT)
              .addLink(parent.getSpanContext(), Attributes.of(longKey("n"), (long) n))
              .startSpan();
      span.addEvent("event", Attributes.of(longKey("n"), (long) n));
      if (n % 10 == 0) {
        span.recordException(new IllegalStateException("no good"));
        span.setStatus(StatusCode.ERROR, "no good");
      }
      span.end();
    }
    parent.end();
    finish(tracers.forceFlush());

    SdkLoggerProvider loggers =
        SdkLoggerProvider.builder()
            .setResource(resource)
            .addLogRecordProcessor(BatchLogRecordProcessor.builder(LogRecordExporter.composite(logs("DIRECT"), logs("THROUGH"))).build())
            .build();
    var logger = loggers.loggerBuilder("peer.logger").setInstrumentationVersion("1.2.3").build();
    for (int n = 0; n < 20; n++) {
      logger
          .logRecordBuilder()
          .setContext(within)
          .setSeverity(Severity.WARN)
          .setSeverityText("WARN")
          .setBody(Value.of(Value.of("record " + n), Value.of(n), Value.of(new byte[] {0, (byte) 255})))
          .setAttribute(longKey("n"), (long) n)
          .setAttribute(doubleKey("ratio"), n / 3.0)
          .emit();
    }
    finish(loggers.forceFlush());

    SdkMeterProvider meters =
        SdkMeterProvider.builder()
            .setResource(resource)
            .registerMetricReader(PeriodicMetricReader.builder(new Both()).setInterval(Duration.ofHours(1)).build())
            .registerView(
                InstrumentSelector.builder().setName("exponential").build(),
                View.builder().setAggregation(Aggregation.base2ExponentialBucketHistogram()).build())
            .build();
    var meter = meters.meterBuilder("peer.meter").setInstrumentationVersion("1.2.3").build();
    var counter = meter.counterBuilder("counter").setUnit("1").setDescription("counts").build();
    var updown = meter.upDownCounterBuilder("updown").ofDoubles().build();
    var histogram = meter.histogramBuilder("histogram").setUnit("ms").build();
    var spread = meter.histogramBuilder("exponential").setUnit("ms").build();
    var gauge = meter.gaugeBuilder("gauge").build();
    for (int n = 0; n < 100; n++) {
      counter.add(n, Attributes.of(stringKey("n"), "" + n % 5), within);
      updown.add(-n, Attributes.of(longKey("n"), (long) (n % 3)), within);
      histogram.record(n * 1.5, Attributes.of(longKey("n"), (long) (n % 2)), within);
      spread.record(n * 1.5);
      gauge.set(n / 7.0);
    }
    finish(meters.forceFlush());
    System.exit(failed ? 1 : 0);
  }
}
