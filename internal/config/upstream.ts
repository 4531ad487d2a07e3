import type { Kind } from '../core/component.ts';

/**
 * Components of the OpenTelemetry Collector (core and contrib) that users have in their files and that this build may
 * lack, with what to use in their place. https://github.com/open-telemetry/opentelemetry-collector-contrib
 */
const upstream: Readonly<Record<Kind, Readonly<Record<string, string>>>> = {
  receiver: {
    ...list('awsxray carbon collectd fluentforward github influxdb jaeger kafka loki nop opencensus otlpjsonfile'),
    ...list(
      'prometheus prometheus_remote_write prometheusremotewrite pulsar signalfx skywalking splunk_hec statsd syslog',
    ),
    ...list('tcplog udplog webhookevent zipkin datadog docker_stats elasticsearch filestats hostmetrics httpcheck'),
    ...list('journald k8s_cluster k8s_events k8sobjects kubeletstats mongodb mysql nginx postgresql rabbitmq redis'),
    ...list('sqlquery sqlserver windowseventlog windowsperfcounters receiver_creator cloudfoundry faro'),
    filelog: 'send the logs over OTLP for now',
    file_log: 'send the logs over OTLP for now',
    jaeger: 'Jaeger clients are retired: send OTLP to the otlp receiver',
    opencensus: 'OpenCensus is retired: send OTLP to the otlp receiver',
  },
  processor: {
    ...list(
      'attributes cumulativetodelta deltatocumulative deltatorate filter geoip groupbyattrs groupbytrace interval',
    ),
    ...list(
      'isolationforest k8s_attributes k8sattributes logdedup metricsgeneration metricstransform probabilistic_sampler',
    ),
    ...list('redaction remotetap resource resourcedetection routing schema span sumologic tail_sampling transform'),
    ...list('unroll datadog dns_lookup coralogix'),
    queuebatch: 'use the batch processor, or sending_queue.batch in the exporter',
    memory_ballast: 'Node needs no ballast: remove it',
  },
  exporter: {
    ...list(
      'alertmanager awscloudwatchlogs awsemf awskinesis awss3 awsxray azuremonitor azuredataexplorer carbon cassandra',
    ),
    ...list(
      'clickhouse coralogix datadog dataset doris elasticsearch googlecloud googlecloudpubsub honeycombmarker influxdb',
    ),
    ...list('kafka load_balancing loadbalancing mezmo opensearch otelarrow prometheus prometheus_remote_write'),
    ...list('prometheusremotewrite pulsar rabbitmq sapm sentry signalfx skywalking splunk_hec sumologic syslog'),
    ...list('tencentcloud_logservice zipkin'),
    logging: 'it was renamed: use the debug exporter',
    jaeger: 'Jaeger takes OTLP: use the otlp_grpc exporter to port 4317 of Jaeger',
    loki: 'Loki takes OTLP: use the otlp_http exporter with endpoint http://loki:3100/otlp',
    opencensus: 'OpenCensus is retired: use the otlp_grpc exporter',
  },
  connector: list(
    'count datadog exceptions failover grafanacloud metricsaslogs otlpjson routing round_robin roundrobin servicegraph signaltometrics spanmetrics span_metrics sum slowsql',
  ),
  extension: {
    ...list(
      'ack asapauth awsproxy sigv4auth azureauth db_storage docker_observer ecs_observer file_storage googleclientauth',
    ),
    ...list(
      'headers_setter host_observer http_forwarder jaegerremotesampling k8s_observer oauth2client oidc opamp pprof',
    ),
    ...list('redis_storage zpages sumologic text_encoding otlp_encoding json_log_encoding'),
    memory_ballast: 'Node needs no ballast: remove it',
    memory_limiter: 'use the memory_limiter processor',
    pprof: "use Node's own profiler (node --cpu-prof) in its place",
  },
};

function list(names: string): Record<string, string> {
  return Object.fromEntries(names.split(/\s+/).map((name) => [name, '']));
}

/** @returns what to do in place of an upstream component (maybe empty); undefined where upstream has none of that name. */
export function upstreamAdvice(kind: Kind, type: string): string | undefined {
  return upstream[kind][type];
}
