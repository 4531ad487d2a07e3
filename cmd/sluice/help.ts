import { build } from './version.ts';

const general = `Sluice ${build.version}: an OpenTelemetry collector. Traces, metrics and logs in, reshaped, batched and delivered.

Usage: sluice [COMMAND] [OPTIONS]

Commands
  run            load a configuration and run its pipelines (the default command)
  validate       check a configuration; every problem with its file, line and column
  print-config   show the configuration as resolved, secrets masked
  components     list what a configuration may name, with signals and stability
  preview        what recorded telemetry would become in Prometheus, Elasticsearch or Jaeger, without sending it
  backend        prepare Elasticsearch: write the index templates of our documents
  generate       send sample traces, metrics or logs to an OTLP endpoint
  test           cases in YAML beside a configuration: what goes in, what must come out
  ottl           what OTTL statements do to telemetry, one by one
  tap            look at what passes into a component of a running collector
  explain        why a running collector kept a trace, or did not
  replay         what a configuration would make of recorded traffic
  healthcheck    ask a running collector's health_check extension; for containers

  --version      print the version
  --help         this text; 'sluice COMMAND --help' tells of one command

Examples
  sluice                                         runs the built-in default: OTLP in, printed and written to a file
  sluice --config collector.yaml
  sluice validate --config collector.yaml
  sluice generate traces --rate 100 --duration 10s

Exit codes: 0 done, 1 the configuration or the work failed, 2 the command line makes no sense.
`;

const sources = `  --config, -c SOURCE   a file, file:PATH, env:NAME (a variable that holds YAML) or yaml:TEXT; several are merged in order,
                        a later one wins. Without any: the built-in default.
  --set KEY=VALUE       sets one key after all sources, for instance --set processors.batch.timeout=2s
`;

const topics: Readonly<Record<string, string>> = {
  run: `Usage: sluice [run] [--config SOURCE]... [--set KEY=VALUE]...

Runs the pipelines until SIGTERM or SIGINT; then receivers stop, queues drain until service.shutdown_timeout (30s) and what is left
is counted and logged. A second signal stops at once. SIGHUP reads the configuration again: when it is wrong the old one stays.

${sources}
Examples
  sluice --config collector.yaml
  sluice run --config base.yaml --config site.yaml --set service.telemetry.logs.level=debug
  sluice --config 'yaml:{exporters: {debug: {verbosity: detailed}}}' --config collector.yaml
`,
  validate: `Usage: sluice validate [--config SOURCE]... [--set KEY=VALUE]... [--strict]

Prints every problem as file:line:column with what was expected; starts nothing. Warns of what is allowed and hardly meant: sampling
policies that are never asked, caches and buffers that do not fit, samplers that multiply, counters behind a sampler, processors out of
order. Exit code 0 when valid (warnings allowed), 1 when not.

${sources}  --strict              warnings are errors

Examples
  sluice validate --config collector.yaml
  sluice validate --strict --config collector.yaml
`,
  'print-config': `Usage: sluice print-config [--config SOURCE]... [--set KEY=VALUE]...

Prints the configuration after merging, substitution and defaults. Secrets are shown as [REDACTED].

${sources}
Example
  sluice print-config --config base.yaml --config site.yaml
`,
  components: `Usage: sluice components [--json]

Lists receivers, processors, exporters, connectors and extensions with the signals they handle and their stability.
`,
  preview: `Usage: sluice preview prometheus|elasticsearch|jaeger [--config SOURCE... [--exporter ID]] [--records N] FILE

Shows what recorded telemetry would become: series with their labels, documents with the index each goes to, Jaeger spans. Nothing is sent.
FILE is what the file exporter writes, ours or the Go collector's: OTLP/JSON lines, or records with their length in front.

  --config, -c SOURCE   take the settings of the exporter in this configuration; without it: the defaults
  --exporter ID         which one, where there are several of the type
  --records N           how many records of the file, default 10; 0: all

Output is text that Prometheus would be scraped with, the body of a bulk request, or one span a line as Jaeger's query API has it.

Examples
  sluice preview prometheus telemetry.jsonl
  sluice preview elasticsearch --config collector.yaml --exporter elasticsearch/logs telemetry.jsonl
  sluice preview jaeger telemetry.jsonl | jq -r '.process.serviceName + " " + .operationName'
`,
  backend: `Usage: sluice backend elasticsearch install --endpoint URL
       sluice backend elasticsearch install --config SOURCE... [--exporter ID]

Writes the component template and the index templates of the mapping mode otel to Elasticsearch. Doing it again changes nothing. The setting
setup.templates of the exporter does the same at each start.

  --endpoint URL        where Elasticsearch is; credentials may stand in it, http://user:password@host:9200
  --config, -c SOURCE   take address, TLS and credentials of the exporter in this configuration
  --exporter ID         which one, where there are several of the type

Examples
  sluice backend elasticsearch install --endpoint http://localhost:9200
  sluice backend elasticsearch install --config collector.yaml --exporter elasticsearch/logs
`,
  generate: `Usage: sluice generate traces|metrics|logs [--endpoint HOST:PORT] [--rate N] [--duration D] [--batch N] [--protocol grpc|http]

Sends realistic sample telemetry of a small web shop over OTLP and says what became of it.

  --endpoint HOST:PORT  default localhost:4317 (grpc) or localhost:4318 (http)
  --rate N              items (spans, points, records) per second, default 100
  --duration D          how long, default 10s
  --batch N             items per request, default 20
  --protocol P          grpc (default) or http

Examples
  sluice generate traces
  sluice generate metrics --rate 1000 --duration 1m --protocol http
`,
  test: `Usage: sluice test [--format text|json|junit] [--only TEXT] FILE...

Plays cases through the real processors and connectors of a configuration, on virtual time, and sends nothing anywhere. FILE is a file of
cases, or a folder of which all NAME.test.yaml are taken. Exit codes: 0 all passed, 1 some failed, 2 a case or its configuration is wrong.

  --format FORMAT       text (default), json, or junit for CI servers
  --json                the same as --format json
  --only TEXT           cases with this in their name

A file: config (a path or a configuration; NAME.test.yaml takes NAME.yaml), pipeline or processor to run (default: all pipelines), and cases.
  cases:
    - name: errors are kept
      processor: tail_sampling
      input:
        spans:
          - { name: GET /, trace: good, duration: 20ms, resource: { service.name: shop }, attributes: { http.status: 200 } }
          - { name: GET /, trace: bad, status: error }
      expect: { sampled: [bad], not_sampled: [good], counts: { spans: 1 } }
Everything that a case may say: docs/cookbook.md.

Examples
  sluice test configs/cookbook
  sluice test --format junit sampling.test.yaml > results.xml
`,
  ottl: `Usage: sluice ottl [--context CONTEXT] [--input FILE] [--file FILE] [STATEMENT]...

Carries OTTL statements out on telemetry, one after the other, and shows for each record what it was, what each condition said, what each
statement changed, and what it became. A condition alone is asked on each record. Without --input: whether the statements are right.
What is wrong is told with a caret under the place.

  --input, -i FILE      telemetry: .yaml in the short form of 'sluice test' (spans:, logs:, metrics:), or what the file exporter writes
  --file FILE           statements, one a line; indented lines go on, # begins a comment
  --context CONTEXT     resource, scope, span, spanevent, metric, datapoint or log: paths then need no prefix
  --records N           how many records are shown, default 10

Examples
  sluice ottl 'set(span.name, "x") where span.kind == SPAN_KIND_SERVER'
  sluice ottl --input spans.yaml --context span 'set(attributes["tier"], "gold") where attributes["plan"] == "paid"'
  sluice ottl --input telemetry.jsonl 'IsMatch(log.body, "timeout") and log.severity_number >= SEVERITY_NUMBER_ERROR'
`,
  tap: `Usage: sluice tap [COMPONENT] [--filter CONDITION] [--limit N] [--rate N/s] [--timeout D] [--endpoint URL] [--json]

Shows some of the spans, log records and metrics that pass into a processor, exporter or connector of a running collector, or out of a
receiver; without COMPONENT what goes to the exporters. Nothing of the configuration changes, a reload does not end it, and what cannot be
shown in time is passed over, never held. Ctrl-C ends it. Exit code 1 when nothing passed, or nobody answers.

  COMPONENT             its id, such as batch or transform/rename; kind:id (exporter:otlp) where two have the same
  --filter CONDITION    OTTL: 'attributes["http.route"] == "/pay"', 'resource.attributes["service.name"] == "shop"'
  --limit N             records to show, default 10
  --rate N/s            records a second at most, default 10
  --timeout D           default 30s
  --endpoint URL        where the collector serves its metrics, default http://localhost:8888; it answers to its own machine only
  --json                lines of OTLP/JSON, as the file exporter writes them

Examples
  sluice tap
  sluice tap transform --filter 'span.status.code == STATUS_CODE_ERROR' --limit 3
  sluice tap --json --limit 100 > some.jsonl && sluice ottl --input some.jsonl 'set(span.name, "x")'
`,
  explain: `Usage: sluice explain TRACE_ID [--endpoint URL] [--json]

Asks a running collector what its samplers did with a trace: kept or not, when, by which policy, what made the decision due, what each
policy compared, and how many spans came in time and late. Exit code 1 when no sampler knows the trace, or nobody answers.

  --endpoint URL        where the collector serves its metrics, default http://localhost:8888; it answers to its own machine only
  --json                the answer as the collector gives it

Examples
  sluice explain 0af7651916cd43dd8448eb211c80319c
  kubectl exec deploy/sluice -- /sluice explain 0af7651916cd43dd8448eb211c80319c
`,
  replay: `Usage: sluice replay --config SOURCE... [--compare SOURCE...] [--arrival latest|median] [--json] CAPTURE...

Runs recorded traffic through the pipelines of a configuration, on virtual time and as fast as the machine can, and sends nothing anywhere:
the processors and connectors are the real ones, receivers are replaced by the capture and exporters by counters. Prints what was kept and
left out by policy and by service, error traces missed, items and bytes for each exporter, the ledger of each pipeline and the memory held.
Same input, same output.

A CAPTURE is a file that the file exporter wrote, ours or the Go collector's: JSON lines, or format: proto, plain, gzip or zstd. Several are
merged by time. A batch arrives at the latest end or record time in it, never before the one that came before it in the file.

${sources}  --compare SOURCE      what --config is compared with, the running one for instance: prints both and what changes from it to --config,
                        with examples of traces whose fate changes
  --arrival TIME        latest (the default) or median: where one host's clock is wrong, the median of a batch is the better guess
  --json                the same as JSON

Examples
  sluice replay --config candidate.yaml telemetry.jsonl
  sluice replay --config candidate.yaml --compare running.yaml telemetry-*.jsonl telemetry.jsonl
`,
  healthcheck: `Usage: sluice healthcheck [--endpoint URL]

Asks the health_check extension of a running collector and exits with 0 (healthy) or 1 (not healthy, not reachable).

  --endpoint URL        default http://localhost:13133/

Example, in a Dockerfile
  HEALTHCHECK CMD ["/sluice", "healthcheck"]
`,
};

export function help(topic: string | undefined): string {
  return (topic !== undefined && Object.hasOwn(topics, topic) && topics[topic]) || general;
}
