import type { ComponentEntry } from '../../internal/core/component.ts';

/** THE list of components. Code is loaded only for those that a configuration names. */
export const components: readonly ComponentEntry[] = [
  entry('receiver', 'otlp', [], async () => (await import('../../receivers/otlp/index.ts')).default),
  entry(
    'receiver',
    'otlp_json_file',
    ['otlpjsonfile'],
    async () => (await import('../../receivers/otlp_json_file/index.ts')).default,
  ),

  entry('processor', 'attributes', [], async () => (await import('../../processors/attributes/index.ts')).default),
  entry('processor', 'batch', [], async () => (await import('../../processors/batch/index.ts')).default),
  entry(
    'processor',
    'cumulativetodelta',
    [],
    async () => (await import('../../processors/cumulativetodelta/index.ts')).default,
  ),
  entry(
    'processor',
    'deltatocumulative',
    [],
    async () => (await import('../../processors/deltatocumulative/index.ts')).default,
  ),
  entry('processor', 'enrichment', [], async () => (await import('../../processors/enrichment/index.ts')).default),
  entry('processor', 'data_quality', [], async () => (await import('../../processors/data_quality/index.ts')).default),
  entry('processor', 'filter', [], async () => (await import('../../processors/filter/index.ts')).default),
  entry('processor', 'groupbyattrs', [], async () => (await import('../../processors/groupbyattrs/index.ts')).default),
  entry(
    'processor',
    'logdedup',
    ['log_dedup'],
    async () => (await import('../../processors/logdedup/index.ts')).default,
  ),
  entry(
    'processor',
    'memory_limiter',
    [],
    async () => (await import('../../processors/memory_limiter/index.ts')).default,
  ),
  entry(
    'processor',
    'error_biased_sampler',
    [],
    async () => (await import('../../processors/error_biased_sampler/index.ts')).default,
  ),
  entry(
    'processor',
    'probabilistic_sampler',
    [],
    async () => (await import('../../processors/probabilistic_sampler/index.ts')).default,
  ),
  entry('processor', 'rate_limiter', [], async () => (await import('../../processors/rate_limiter/index.ts')).default),
  entry('processor', 'redaction', [], async () => (await import('../../processors/redaction/index.ts')).default),
  entry('processor', 'resource', [], async () => (await import('../../processors/resource/index.ts')).default),
  entry(
    'processor',
    'resourcedetection',
    ['resource_detection'],
    async () => (await import('../../processors/resourcedetection/index.ts')).default,
  ),
  entry('processor', 'span', [], async () => (await import('../../processors/span/index.ts')).default),
  entry(
    'processor',
    'tail_sampling',
    [],
    async () => (await import('../../processors/tail_sampling/index.ts')).default,
  ),
  entry('processor', 'transform', [], async () => (await import('../../processors/transform/index.ts')).default),

  entry('exporter', 'otlp_grpc', ['otlp'], async () => (await import('../../exporters/otlp_grpc/index.ts')).default),
  entry(
    'exporter',
    'otlp_http',
    ['otlphttp'],
    async () => (await import('../../exporters/otlp_http/index.ts')).default,
  ),
  entry('exporter', 'jaeger', [], async () => (await import('../../exporters/jaeger/index.ts')).default),
  entry('exporter', 'prometheus', [], async () => (await import('../../exporters/prometheus/index.ts')).default),
  entry(
    'exporter',
    'prometheus_remote_write',
    ['prometheusremotewrite'],
    async () => (await import('../../exporters/prometheus_remote_write/index.ts')).default,
  ),
  entry('exporter', 'debug', [], async () => (await import('../../exporters/debug/index.ts')).default),
  entry('exporter', 'elasticsearch', [], async () => (await import('../../exporters/elasticsearch/index.ts')).default),
  entry('exporter', 'file', [], async () => (await import('../../exporters/file/index.ts')).default),
  entry('exporter', 'nop', [], async () => (await import('../../exporters/nop/index.ts')).default),

  entry('connector', 'data_quality', [], async () => (await import('../../connectors/data_quality/index.ts')).default),
  entry('connector', 'forward', [], async () => (await import('../../connectors/forward/index.ts')).default),

  entry(
    'extension',
    'health_check',
    ['healthcheck', 'healthcheckv2'],
    async () => (await import('../../extensions/health_check/index.ts')).default,
  ),
  entry(
    'extension',
    'bearertokenauth',
    ['bearer_token_auth'],
    async () => (await import('../../extensions/bearertokenauth/index.ts')).default,
  ),
  entry(
    'extension',
    'basicauth',
    ['basic_auth'],
    async () => (await import('../../extensions/basicauth/index.ts')).default,
  ),
];

function entry(
  kind: ComponentEntry['kind'],
  type: string,
  aliases: readonly string[],
  load: ComponentEntry['load'],
): ComponentEntry {
  return { kind, type, aliases, load };
}
