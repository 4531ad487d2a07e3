import { expect, test } from 'vitest';
import { factories } from './fixture.ts';
import { jsonSchema } from './json_schema.ts';
import { reference } from './reference.ts';

type Json = Record<string, any>;
const schema = jsonSchema(factories) as Json;
const definition = (name: string): Json => schema.definitions[name];

/** Enough of JSON Schema to tell right from wrong with what this folder writes; throws on a keyword it does not know. */
function valid(json: Json, value: any): boolean {
  return Object.entries(json).every(([keyword, rule]) => {
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    switch (keyword) {
      case '$ref':
        return valid(definition(rule.replace('#/definitions/', '')), value);
      case 'type': {
        const is = value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value;
        return [rule].flat().some((type) => type === is || (type === 'integer' && Number.isInteger(value)));
      }
      case 'properties':
        return (
          !isObject || Object.entries(rule).every(([key, inner]) => !(key in value) || valid(inner as Json, value[key]))
        );
      case 'patternProperties':
        return (
          !isObject ||
          Object.entries(rule).every(([pattern, inner]) =>
            Object.keys(value).every((key) => !new RegExp(pattern).test(key) || valid(inner as Json, value[key])),
          )
        );
      case 'additionalProperties': {
        if (!isObject) return true;
        const known = (key: string) =>
          key in (json.properties ?? {}) ||
          Object.keys(json.patternProperties ?? {}).some((pattern) => new RegExp(pattern).test(key));
        return Object.keys(value).every(
          (key) => known(key) || (rule !== false && valid(rule === true ? {} : rule, value[key])),
        );
      }
      case 'propertyNames':
        return !isObject || Object.keys(value).every((key) => valid(rule, key));
      case 'required':
        return !isObject || rule.every((key: string) => key in value);
      case 'items':
        return !Array.isArray(value) || value.every((item) => valid(rule, item));
      case 'anyOf':
        return rule.some((option: Json) => valid(option, value));
      case 'not':
        return !valid(rule, value);
      case 'enum':
        return rule.some((option: unknown) => JSON.stringify(option) === JSON.stringify(value));
      case 'const':
        return rule === value;
      case 'pattern':
        return typeof value !== 'string' || new RegExp(rule).test(value);
      case 'minimum':
        return typeof value !== 'number' || value >= rule;
      case 'exclusiveMinimum':
        return typeof value !== 'number' || value > rule;
      case 'maximum':
        return typeof value !== 'number' || value <= rule;
      case 'minLength':
        return typeof value !== 'string' || value.length >= rule;
      case '$schema':
      case 'title':
      case 'description':
      case 'default':
      case 'deprecated':
      case 'definitions':
        return true;
      default:
        throw new Error(`unknown keyword ${keyword}`);
    }
  });
}

const service = { pipelines: { traces: { receivers: ['otlp'], exporters: ['debug'] } } };
const accepted: object[] = [
  { receivers: { otlp: { protocols: { grpc: null } } }, exporters: { debug: null }, service },
  { processors: { 'batch/a': { timeout: '200ms', send_batch_size: 5 }, batch: null }, service },
  { processors: { batch: { timeout: 0, send_batch_size: '$' + '{env:SIZE}' } }, service },
  {
    exporters: {
      'otlp/x': { endpoint: 'a:1', headers: { a: 'b' } },
      otlphttp: { endpoint: 'a', headers: [{ name: 'a', value: 'b' }] },
    },
    service,
  },
  {
    exporters: { otlp: { endpoint: 'a', compression: '$' + '{env:C:-gzip}', tls: { tpm: { enabled: false } } } },
    service,
  },
  { service: { ...service, shutdown_timeout: '1m', telemetry: { metrics: { level: 'none' }, resource: { a: null } } } },
];
test.each(accepted)('the JSON Schema accepts %j', (config) => expect(valid(schema, config)).toBe(true));

const refused: object[] = [
  { processor: {} },
  { processors: { batch: { timout: '1s' } } },
  { processors: { batch: { timeout: '5' } } },
  { processors: { batch: { timeout: 5 } } },
  { processors: { batch: { send_batch_size: '5' } } },
  { processors: { batch: { send_batch_size: -1 } } },
  { processors: { tail_sampling: {} } },
  { exporters: { otlp: {} } },
  { exporters: { otlp: { endpoint: 'a', compression: 'lz4' } } },
  { exporters: { otlp: { endpoint: 'a', sending_queue: { storage: 'x' } } } },
  { service: { pipelines: { traces: { receiver: ['otlp'] } } } },
];
test.each(refused)('the JSON Schema refuses %j', (config) => expect(valid(schema, config)).toBe(false));

test('the JSON Schema carries descriptions, units and defaults', () => {
  expect(definition('processor.batch').properties.timeout).toMatchObject({
    description: 'A batch waits at most so long.',
    default: '200ms',
  });
  expect(
    definition('receiver.otlp').properties.protocols.properties.grpc.properties.max_recv_msg_size_mib,
  ).toMatchObject({
    description: 'Largest message. Unit: MiB.',
    default: 4,
  });
  expect(definition('processor.batch').description).toBe('The batch processor.');
  expect(JSON.stringify(schema)).not.toMatch(/"(?:kind|unit|secret|harmless|ignored|unsupported|reference)":/);
});

test('the reference page shows each component with aliases, signals, fields, defaults and what is not there', () => {
  const page = reference(factories);
  expect(page).toContain(
    '### otlp_grpc exporter (also `otlp`)\n\nThe otlp_grpc exporter.\n\nStability: beta; signals: traces, metrics, logs.',
  );
  expect(page).toContain('| `timeout` | duration | `200ms` | A batch waits at most so long. |');
  expect(page).toContain('| `endpoint` | text | required | Where to send. |');
  expect(page).toContain('| `protocols.grpc` | map | off |  |');
  expect(page).toContain(
    '| `protocols.grpc.max_recv_msg_size_mib` | whole number | `4` | Largest message. Unit: MiB. |',
  );
  expect(page).toContain('| `compression` | `gzip`, `zstd`, `none` | `gzip` | How requests are compressed. |');
  expect(page).toContain('| `token` | secret text |  |  |');
  expect(page).toContain('- `sending_queue.storage`: the queue is held in memory only; remove it');
  expect(page).toContain('- `protocols.grpc.read_buffer_size`: it sizes buffers of the Go implementation');
  expect(page).toContain(
    '### forward connector\n\nThe forward connector.\n\nStability: beta; signals: traces, metrics, logs.\n\nNo fields.',
  );
  expect(page).toMatch(/## Service\n\n[\s\S]*\| `shutdown_timeout` \| duration \| `25s` \|/);
});
