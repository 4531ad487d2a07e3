import { expect, test } from 'vitest';
import { around, check, components, load, right, withBatch } from './fixture.ts';
import { formatIssue } from './issues.ts';
import { type LoadOptions, loadConfig } from './load.ts';

test('a right configuration loads with its defaults, ids and order', async () => {
  const loaded = await load({ 'collector.yaml': around(right) });
  if (!loaded.ok) throw new Error(loaded.issues.map(formatIssue).join('\n'));
  const { config, warnings } = loaded;
  expect(warnings).toEqual([]);
  expect(config.receivers.get('otlp')?.config).toMatchObject({ protocols: { grpc: { endpoint: 'localhost:4317' } } });
  expect(config.service.pipelines.get('traces')).toEqual({
    id: 'traces',
    signal: 'traces',
    receivers: ['otlp'],
    processors: [],
    exporters: ['debug'],
  });
  expect(config.service).toMatchObject({
    extensions: [],
    memoryBudgetBytes: undefined,
    shutdownTimeoutMs: 25_000,
    telemetry: {
      logs: { level: 'info', encoding: 'console', outputPaths: ['stderr'], initialFields: {} },
      metrics: { level: 'normal', prometheus: [{ host: 'localhost', port: 8888 }], otlp: [] },
      resource: {},
    },
  });
});

test('the fingerprint of a part changes with its meaning only', async () => {
  const fingerprint = async (batch: string) => {
    const loaded = await load({ 'c.yaml': withBatch(batch) });
    return loaded.ok ? loaded.config.processors.get('batch')?.fingerprint : undefined;
  };
  const one = await fingerprint('    timeout: 1s\n    send_batch_size: 5');
  expect(one).toBeDefined();
  expect(await fingerprint('    send_batch_size: 5 # half\n    timeout: "1s"')).toBe(one);
  expect(await fingerprint('    send_batch_size: 6\n    timeout: 1s')).not.toBe(one);
});

test('only the code of defined components is loaded, and what it does wrong is not hidden', async () => {
  const loaded: string[] = [];
  const spied = components.map((row) => ({
    ...row,
    load: () => {
      loaded.push(row.type);
      return row.load();
    },
  }));
  await loadConfig(['yaml:x'], spied, { env: {}, cwd: '/' });
  expect(loaded).toEqual([]);
  await loadConfig([`yaml:${around(right)}`], spied, { env: {}, cwd: '/' });
  expect(loaded).toEqual(['otlp', 'debug']);
});

test('every problem is told at once, each with its place', () =>
  check(
    `receivers:
  otlp:
    protocols:
      grpc: { endpoint: "http://localhost:4317" }
      htpp: { endpoint: localhost:4318 }
processors:
  batch:
    timeout: abc
    send_batch_size: lots
  memory_limitr: { check_interval: 1s }
exporters:
  debug: { verbosity: detaild }
  otlp: { endpoint: 5 }
servce: {}
service:
  pipelines:
    traces: { receivers: [otlp], processors: [batch], exporters: [debug, otlpp] }
`,
    [
      '4:25 receivers.otlp.protocols.grpc.endpoint: expected host:port such as localhost:4317, got "http://localhost:4317": leave http:// away',
      '5:7 receivers.otlp.protocols.htpp: expected a known field, got "htpp"; did you mean "http"?',
      '8:14 processors.batch.timeout: expected a duration such as 200ms, got "abc"',
      '9:22 processors.batch.send_batch_size: expected a number, got "lots"',
      '10:3 processors.memory_limitr: expected a known processor type, got "memory_limitr"; did you mean "memory_limiter"?',
      '12:23 exporters.debug.verbosity: expected one of basic, normal, detailed, got "detaild"; did you mean "detailed"?',
      '13:21 exporters.otlp.endpoint: expected text, got 5: put it in quotes',
      '14:1 servce: expected a known section, got "servce"; did you mean "service"?',
      '17:74 service.pipelines.traces.exporters[1]: expected one of the defined exporters, got "otlpp"; did you mean "otlp"?',
    ],
  ));

const wrongParts: [string, string, string[]][] = [
  [
    'a missing field',
    around(`${right}\n  # none\nprocessors: {}`).replace('{ debug: }', '{ debug: , otlp: { } }'),
    ['2:23 exporters.otlp.endpoint: expected text, got nothing: this field is required'],
  ],
  [
    'a number for true',
    withBatch('    metadata_keys: 5'),
    ['5:20 processors.batch.metadata_keys: expected a list, got 5'],
  ],
  [
    'text in a list of text',
    withBatch('    metadata_keys: [a, 5]'),
    ['5:24 processors.batch.metadata_keys[1]: expected text, got 5: put it in quotes'],
  ],
  [
    'a fraction',
    withBatch('    send_batch_size: 1.5'),
    ['5:22 processors.batch.send_batch_size: expected a whole number, got 1.5'],
  ],
  [
    'too small a number',
    withBatch('    send_batch_size: -1'),
    ['5:22 processors.batch.send_batch_size: expected a number of at least 0, got -1'],
  ],
  [
    'a map for a number',
    withBatch('    send_batch_size: { a: 1 }'),
    ['5:5 processors.batch.send_batch_size: expected a number, got a map'],
  ],
  [
    'a duration without unit',
    withBatch('    timeout: 5'),
    ['5:14 processors.batch.timeout: expected a duration such as 200ms, got 5; did you mean "5s" or "5ms"?'],
  ],
  [
    'a negative duration',
    withBatch('    timeout: -5s'),
    ['5:14 processors.batch.timeout: expected a duration of at least 0, got "-5s"'],
  ],
  [
    'a duration of a wrong type',
    withBatch('    timeout: true'),
    ['5:14 processors.batch.timeout: expected a duration such as 200ms, got true'],
  ],
  [
    'a key spelled in camel case',
    withBatch('    sendBatchSize: 1'),
    [
      '5:5 processors.batch.sendBatchSize: expected a known field, got "sendBatchSize"; did you mean "send_batch_size"?',
    ],
  ],
  [
    'a key like no other',
    withBatch('    zzz: 1'),
    [
      '5:5 processors.batch.zzz: expected a known field, got "zzz"; known are timeout, send_batch_size, send_batch_max_size, metadata_keys',
    ],
  ],
  [
    'text for a component',
    around(`${right.replace('debug: ', 'debug: loud ')}`),
    ['2:21 exporters.debug: expected a map, got "loud"'],
  ],
  [
    'a list for a section',
    around(`${right}\nprocessors: [batch]`),
    ['3:13 processors: expected a map of processors by their ids, as in "otlp:"'],
  ],
  [
    'an id without type',
    around(`${right}\nprocessors: { /x: }`),
    [
      '3:15 processors./x: expected an id such as otlp or otlp/name, got "/x": the type is letters, digits and _, a letter first',
    ],
  ],
  [
    'an id without name',
    around(`${right}\nprocessors: { batch/: }`),
    [
      '3:15 processors.batch/: expected an id such as otlp or otlp/name, got "batch/": after the slash a name is missing',
    ],
  ],
  [
    'an id with spaces',
    around(`${right}\nprocessors: { "batch/a b": }`),
    [
      '3:15 processors["batch/a b"]: expected an id such as otlp or otlp/name, got "batch/a b": the name has neither spaces nor symbols',
    ],
  ],
  [
    'a component of another kind',
    around(`${right}\nprocessors: { debug: }`),
    ['3:15 processors.debug: expected a known processor type, got "debug": there is an exporter of that name'],
  ],
  [
    'an upstream component',
    around(`${right}\nprocessors: { k8s_attributes: }`),
    [
      '3:15 processors.k8s_attributes: expected a known processor type, got "k8s_attributes": it is a component of the OpenTelemetry Collector that is not available in this build; remove it, or see "sluice components" for what there is',
    ],
  ],
  [
    'an upstream component with a successor',
    around(`${right.replace('debug: ', 'debug: , logging: ')}`),
    [
      '2:23 exporters.logging: expected a known exporter type, got "logging": it is a component of the OpenTelemetry Collector that is not available in this build; it was renamed: use the debug exporter',
    ],
  ],
  [
    'an unsupported field',
    around(right.replace('debug: ', 'debug: , otlp: { endpoint: "x:1", sending_queue: { storage: file_storage } }')),
    [
      '2:65 exporters.otlp.sending_queue.storage: known in the OpenTelemetry Collector, not supported by Sluice yet: the queue is held in memory only; remove it',
    ],
  ],
  [
    'a header whose name is none',
    around(right.replace('debug: ', 'debug: , otlp: { endpoint: a, headers: { a b: secret } }')),
    ['2:60 exporters.otlp.headers["a b"]: expected the name of a header, got "a b"'],
  ],
  [
    'a header without value',
    around(right.replace('debug: ', 'debug: , otlp: { endpoint: a, headers: { b: } }')),
    ['2:55 exporters.otlp.headers.b: expected text, got nothing'],
  ],
];
test.each(wrongParts)('%s is told', (_name, text, want) => check(text, want));

test('a secret is not shown in an error', () =>
  check(around(`${right}\nextensions: { bearertokenauth: { token: 12345 } }`), [
    '3:41 extensions.bearertokenauth.token: expected text, got something else (a secret, not shown): put it in quotes',
  ]));

test('without service, or with nothing at all, the error says so', async () => {
  await check(right, ['1:1 service: expected service with pipelines, got nothing: without it nothing would run']);
  await check('', ['1:1 service: expected service with pipelines, got nothing: without it nothing would run']);
});

const unreadable: [string, string[], Partial<LoadOptions>, string][] = [
  ['a missing file', ['none.yaml'], {}, 'none.yaml expected a readable file at /work/none.yaml: there is no such file'],
  [
    'an unset variable',
    ['env:CONFIG'],
    {},
    'env:CONFIG expected YAML in the environment variable CONFIG, which is not set',
  ],
  [
    'an unknown scheme',
    ['s3:bucket'],
    {},
    's3:bucket expected a location starting with env:, file:, http:, https:, yaml: or a path, got "s3:"',
  ],
  ['a set without value', ['yaml:'], { sets: ['a.b'] }, '--set expected key.path=value, got "a.b"'],
  ['no source', [], {}, '--config expected at least one --config FILE'],
];
test.each(unreadable)('%s is told', async (_name, sources, options, want) => {
  const loaded = await load({}, { sources, ...options });
  expect(loaded.ok ? [] : loaded.issues.map(formatIssue)).toEqual([want]);
});
