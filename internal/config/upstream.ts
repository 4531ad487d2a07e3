import type { Kind } from '../core/component.ts';

/*
 * Components of the OpenTelemetry Collector (core and contrib) that users have in their files and that this build may
 * lack. Source: the manifest of the otelcol-contrib distribution in opentelemetry-collector-releases, v0.136, and what
 * was in it before. Written without underscores, which upstream is about to put into all names of several words:
 * https://github.com/open-telemetry/opentelemetry-collector-contrib/issues/45339
 */
const names: Readonly<Record<Kind, string>> = {
  receiver: `
    activedirectoryds aerospike apache apachespark awscloudwatch awscontainerinsightreceiver awsecscontainermetrics
    awsfirehose awss3 awsxray azureblob azureeventhub azuremonitor bigip carbon chrony cloudflare cloudfoundry collectd
    couchdb datadog dockerstats elasticsearch envoyals expvar faro filelog filestats flinkmetrics fluentforward github
    googlecloudmonitoring googlecloudpubsub googlecloudspanner haproxy hostmetrics httpcheck iis influxdb jaeger
    journald jmx k8scluster k8sevents k8sobjects kafka kafkametrics kubeletstats libhoney loki memcached mongodb
    mongodbatlas mysql namedpipe netflow nginx nop nsxt ntp opencensus oracledb otelarrow otlpjsonfile podmanstats
    postgresql prometheus prometheusremotewrite prometheussimple purefa purefb pulsar rabbitmq receivercreator redis
    riak saphana signalfx skywalking snmp snowflake solace splunkenterprise splunkhec sqlquery sqlserver sshcheck statsd
    stef syslog tcpcheck tcplog tlscheck udplog vcenter wavefront webhookevent windowseventlog windowsperfcounters
    zipkin zookeeper`,
  processor: `
    coralogix deltatorate dnslookup geoip
    groupbytrace interval isolationforest k8sattributes logstransform memoryballast metricsgeneration
    metricstarttime metricstransform queuebatch remotetap
    routing schema spanmetrics sumologic unroll`,
  exporter: `
    alertmanager alibabacloudlogservice awscloudwatchlogs awsemf awskinesis awss3 awsxray azureblob azuredataexplorer
    azuremonitor bmchelix carbon cassandra clickhouse coralogix datadog dataset doris faro googlecloud
    googlecloudpubsub googlemanagedprometheus honeycombmarker influxdb kafka loadbalancing logging logicmonitor
    logzio loki mezmo opencensus opensearch otelarrow pulsar rabbitmq sapm sentry
    signalfx skywalking splunkhec stef sumologic syslog tencentcloudlogservice tinybird zipkin`,
  connector: `
    count datadog exceptions failover grafanacloud metricsaslogs otlpjson roundrobin routing servicegraph
    signaltometrics slowsql spanmetrics sum`,
  extension: `
    ack asapauth awscloudwatchmetricstreamsencoding awslogsencoding awsproxy azureauth cgroupruntime datadog dbstorage
    dockerobserver ecsobserver ecstaskobserver filestorage googleclientauth googlecloudlogentryencoding headerssetter
    hostobserver httpforwarder jaegerencoding jaegerremotesampling jsonlogencoding k8sleaderelector k8sobserver
    kafkatopicsobserver memoryballast memorylimiter oauth2client oidc opamp otlpencoding pprof redisstorage sigv4auth
    skywalkingencoding sumologic textencoding zipkinencoding zpages`,
};

/** What to use in their place. */
const advice: Readonly<Partial<Record<Kind, Readonly<Record<string, string>>>>> = {
  receiver: {
    filelog: 'send the logs over OTLP for now',
    jaeger: 'Jaeger clients are retired: send OTLP to the otlp receiver',
    opencensus: 'OpenCensus is retired: send OTLP to the otlp receiver',
  },
  processor: {
    dnslookup: 'use the enrichment processor with a dns source',
    geoip: 'use the enrichment processor with a geoip source',
    schema: 'use the enrichment processor, which upgrades to the newest schema by itself',
    queuebatch: 'use the batch processor, or sending_queue.batch in the exporter',
    memoryballast: 'Node needs no ballast: remove it',
  },
  exporter: {
    logging: 'it was renamed: use the debug exporter',
    loki: 'Loki takes OTLP: use the otlp_http exporter with endpoint http://loki:3100/otlp',
    opencensus: 'OpenCensus is retired: use the otlp_grpc exporter',
  },
  extension: {
    memoryballast: 'Node needs no ballast: remove it',
    memorylimiter: 'use the memory_limiter processor',
    pprof: "use Node's own profiler (node --cpu-prof) in its place",
  },
};

/** @returns what to do in place of an upstream component (maybe empty); undefined where upstream has none of that name. */
export function upstreamAdvice(kind: Kind, type: string): string | undefined {
  const name = type.replaceAll('_', '');
  if (!names[kind].trim().split(/\s+/).includes(name)) return undefined;
  return advice[kind]?.[name] ?? '';
}
