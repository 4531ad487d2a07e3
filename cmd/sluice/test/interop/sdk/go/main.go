// Sends the same spans, points and records to $DIRECT and to $THROUGH over $PROTOCOL (grpc or http) with the OpenTelemetry SDK.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploggrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/metric"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

type spans []sdktrace.SpanExporter

func (s spans) ExportSpans(ctx context.Context, batch []sdktrace.ReadOnlySpan) (err error) {
	for _, each := range s {
		err = errors.Join(err, each.ExportSpans(ctx, batch))
	}
	return err
}
func (s spans) Shutdown(context.Context) error { return nil }

type points []sdkmetric.Exporter

func (p points) Temporality(k sdkmetric.InstrumentKind) metricdata.Temporality {
	return p[0].Temporality(k)
}
func (p points) Aggregation(k sdkmetric.InstrumentKind) sdkmetric.Aggregation {
	return p[0].Aggregation(k)
}
func (p points) Export(ctx context.Context, data *metricdata.ResourceMetrics) (err error) {
	for _, each := range p {
		err = errors.Join(err, each.Export(ctx, data))
	}
	return err
}
func (p points) ForceFlush(context.Context) error { return nil }
func (p points) Shutdown(context.Context) error   { return nil }

type records []sdklog.Exporter

func (r records) Export(ctx context.Context, batch []sdklog.Record) (err error) {
	for _, each := range r {
		err = errors.Join(err, each.Export(ctx, batch))
	}
	return err
}
func (r records) ForceFlush(context.Context) error { return nil }
func (r records) Shutdown(context.Context) error   { return nil }

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return value
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var s spans
	var p points
	var r records
	for _, name := range []string{"DIRECT", "THROUGH"} {
		at := os.Getenv(name)
		if os.Getenv("PROTOCOL") == "grpc" {
			s = append(s, must(otlptracegrpc.New(ctx, otlptracegrpc.WithEndpoint(at), otlptracegrpc.WithInsecure(), otlptracegrpc.WithCompressor("gzip"))))
			p = append(p, must(otlpmetricgrpc.New(ctx, otlpmetricgrpc.WithEndpoint(at), otlpmetricgrpc.WithInsecure())))
			r = append(r, must(otlploggrpc.New(ctx, otlploggrpc.WithEndpoint(at), otlploggrpc.WithInsecure())))
		} else {
			s = append(s, must(otlptracehttp.New(ctx, otlptracehttp.WithEndpoint(at), otlptracehttp.WithInsecure(), otlptracehttp.WithCompression(otlptracehttp.GzipCompression))))
			p = append(p, must(otlpmetrichttp.New(ctx, otlpmetrichttp.WithEndpoint(at), otlpmetrichttp.WithInsecure())))
			r = append(r, must(otlploghttp.New(ctx, otlploghttp.WithEndpoint(at), otlploghttp.WithInsecure())))
		}
	}
	res := resource.NewSchemaless(attribute.String("service.name", "go-peer"), attribute.StringSlice("list", []string{"a", "b"}), attribute.Bool("bool", true), attribute.Int64("int", 1<<53+1))

	tracers := sdktrace.NewTracerProvider(sdktrace.WithResource(res), sdktrace.WithBatcher(s))
	tracer := tracers.Tracer("peer.tracer", trace.WithInstrumentationVersion("1.2.3"), trace.WithSchemaURL("https://opentelemetry.io/schemas/1.27.0"))
	within, parent := tracer.Start(ctx, "parent", trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(attribute.String("text", "grüße ✓"), attribute.Float64("float", 0.1), attribute.Int64Slice("ints", []int64{1, -2})))
	for n := range 50 {
		_, span := tracer.Start(within, fmt.Sprintf("child %d", n), trace.WithSpanKind(trace.SpanKindClient), trace.WithLinks(trace.Link{SpanContext: parent.SpanContext(), Attributes: []attribute.KeyValue{attribute.Int("n", n)}}))
		span.AddEvent("event", trace.WithAttributes(attribute.Int("n", n)))
		if n%10 == 0 {
			span.RecordError(errors.New("no good"))
			span.SetStatus(codes.Error, "no good")
		}
		span.End()
	}
	parent.End()
	must(0, tracers.Shutdown(ctx))

	loggers := sdklog.NewLoggerProvider(sdklog.WithResource(res), sdklog.WithProcessor(sdklog.NewSimpleProcessor(r)))
	logger := loggers.Logger("peer.logger", log.WithInstrumentationVersion("1.2.3"))
	for n := range 20 {
		var record log.Record
		record.SetTimestamp(time.Now())
		record.SetSeverity(log.SeverityWarn)
		record.SetSeverityText("WARN")
		record.SetBody(attribute.MapValue(attribute.String("text", fmt.Sprintf("record %d", n)), attribute.Slice("list", attribute.IntValue(n), attribute.ByteSliceValue([]byte{0, 255}), attribute.MapValue(attribute.Bool("deep", true)))))
		record.AddAttributes(attribute.Int("n", n), attribute.Float64("ratio", float64(n)/3))
		logger.Emit(within, record)
	}
	must(0, loggers.Shutdown(ctx))

	exponential := sdkmetric.NewView(sdkmetric.Instrument{Name: "exponential"}, sdkmetric.Stream{Aggregation: sdkmetric.AggregationBase2ExponentialHistogram{MaxSize: 160, MaxScale: 20}})
	meters := sdkmetric.NewMeterProvider(sdkmetric.WithResource(res), sdkmetric.WithReader(sdkmetric.NewPeriodicReader(p, sdkmetric.WithInterval(time.Hour))), sdkmetric.WithView(exponential))
	meter := meters.Meter("peer.meter", metric.WithInstrumentationVersion("1.2.3"))
	counter := must(meter.Int64Counter("counter", metric.WithUnit("1"), metric.WithDescription("counts")))
	updown := must(meter.Float64UpDownCounter("updown"))
	histogram := must(meter.Float64Histogram("histogram", metric.WithUnit("ms")))
	spread := must(meter.Float64Histogram("exponential", metric.WithUnit("ms")))
	gauge := must(meter.Float64Gauge("gauge"))
	for n := range 100 {
		counter.Add(within, int64(n), metric.WithAttributes(attribute.Int("n", n%5)))
		updown.Add(within, float64(-n), metric.WithAttributes(attribute.Int("n", n%3)))
		histogram.Record(within, float64(n)*1.5, metric.WithAttributes(attribute.Int("n", n%2)))
		spread.Record(within, float64(n)*1.5)
		gauge.Record(within, float64(n)/7)
	}
	must(0, meters.Shutdown(ctx))
}
