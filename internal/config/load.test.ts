import { expect, test } from 'vitest';
import { components } from './fixture.ts';
import { formatIssue } from './issues.ts';
import { type Loaded, type LoadOptions, loadConfig } from './load.ts';

/** Loads files by their names; the first is given as --config unless `sources` says otherwise. */
function load(
  files: Record<string, string>,
  options: Partial<LoadOptions> & { sources?: string[] } = {},
): Promise<Loaded> {
  const { sources = Object.keys(files).slice(0, 1), ...rest } = options;
  return loadConfig(sources, components, {
    env: {},
    cwd: '/work',
    readFile: async (path) => {
      const text = files[path.replace('/work/', '')];
      if (text === undefined) throw Object.assign(new Error('no'), { code: 'ENOENT' });
      return text;
    },
    ...rest,
  });
}

async function check(text: string, want: readonly string[], options: Partial<LoadOptions> = {}) {
  const loaded = await load({ 'collector.yaml': text }, options);
  expect(loaded.ok ? [] : loaded.issues.map(formatIssue)).toEqual(want.map((issue) => `collector.yaml:${issue}`));
}

async function checkWarnings(text: string, want: readonly string[], options: Partial<LoadOptions> = {}) {
  const loaded = await load({ 'collector.yaml': text }, options);
  expect(loaded.ok ? [] : loaded.issues.map(formatIssue)).toEqual([]);
  expect(loaded.warnings.map(formatIssue)).toEqual(want.map((issue) => `collector.yaml:${issue}`));
}

/** A right configuration with one part replaced: lines 1 to 5 hold `part`. */
const around = (part: string, pipelines = '    traces: { receivers: [otlp], exporters: [debug] }') => `${part}
service:
  pipelines:
${pipelines}
`;
const right = `receivers: { otlp: { protocols: { grpc: } } }
exporters: { debug: }`;
const withBatch = (batch: string) =>
  around(
    `${right}
processors:
  batch:
${batch}`,
    '    traces: { receivers: [otlp], processors: [batch], exporters: [debug] }',
  );

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

const wrongYaml: [string, string, string[]][] = [
  [
    'a duplicate key',
    'a: 1\na: 2\n',
    ['2:1 expected each key once, got a duplicate: merge the two parts, or name one type/name'],
  ],
  ['a tab', 'receivers:\n\totlp:\n', ['2:1 expected spaces, got a tab as indentation: YAML forbids tabs there']],
  ['bad indentation', 'a:\n    b: 1\n   c: 2\n', ['3:1 expected the same indentation as the lines around it']],
  [
    'text with a colon',
    'a: b: c\n',
    ['1:4 expected one value after the colon: put quotes around text that has ": " in it'],
  ],
  ['an open quote', 'a: "x\n', ['2:1 expected valid YAML: Missing closing "quote']],
  [
    'two documents',
    'a: 1\n---\nb: 2\n',
    ['2:1 expected one YAML document, got a second one: give each its own --config'],
  ],
  ['an unknown alias', 'a: *b\n', ['1:4 a: expected an anchor &b before this alias']],
  [
    'an alias to itself',
    'a: &a [*a]\n',
    ['1:7 a[0]: expected a tree, got an alias to a part that it stands in itself'],
  ],
  ['a list', '- a\n', ['1:1 expected a map with receivers, exporters and service']],
  ['a map as a key', '{ {a: b}: c }\n', ['1:3 expected text as a key']],
  ['a merge of text', 'a:\n  <<: text\n', ['2:7 a["<<"]: expected a map or a list of maps to merge']],
];
test.each(wrongYaml)('YAML with %s is an issue with its place', (_name, text, want) => check(text, want));

test('aliases that multiply, and nesting without end, are stopped early', async () => {
  const bomb = Array.from(
    'bcdefgh',
    (name, index) => `${name}: &${name} [${Array(10).fill(`*${String.fromCharCode(97 + index)}`)}]`,
  );
  const wide = await load({ 'c.yaml': `a: &a [x]\n${bomb.join('\n')}` });
  expect(wide.ok ? [] : wide.issues.map((issue) => issue.message)).toEqual([
    'expected at most 100000 values, aliases counted, got more',
  ]);
  const deep = await load({ 'c.yaml': `a: ${'['.repeat(900)}${']'.repeat(900)}` });
  expect(deep.ok ? [] : deep.issues.map((issue) => issue.message)).toEqual(['expected at most 200 levels, got more']);
});

test('anchors and merge keys work', async () => {
  const loaded = await load({
    'c.yaml': around(
      `${right}
x-none: &none {}`.replace(
        'x-none: &none {}',
        'processors:\n  batch: &slow { timeout: 3s, send_batch_size: 7 }\n  batch/b: { <<: *slow, timeout: 4s }\n  batch/c: *slow',
      ),
    ),
  });
  if (!loaded.ok) throw new Error(loaded.issues.map(formatIssue).join('\n'));
  expect(loaded.config.processors.get('batch/b')?.config).toMatchObject({ timeout: 4000, send_batch_size: 7 });
  expect(loaded.config.processors.get('batch/c')?.config).toMatchObject({ timeout: 3000, send_batch_size: 7 });
});

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
    around(`${right}\nprocessors: { tail_sampling: }`),
    [
      '3:15 processors.tail_sampling: expected a known processor type, got "tail_sampling": it is a component of the OpenTelemetry Collector that is not available in this build; remove it, or see "sluice components" for what there is',
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
];
test.each(wrongParts)('%s is told', (_name, text, want) => check(text, want));

test('a secret is not shown in an error', () =>
  check(around(`${right}\nextensions: { bearertokenauth: { token: 12345 } }`), [
    '3:41 extensions.bearertokenauth.token: expected text, got something else (a secret, not shown): put it in quotes',
  ]));

const wrongPipelines: [string, string, string[]][] = [
  [
    'no receivers',
    '    traces: { exporters: [debug] }',
    ['5:5 service.pipelines.traces: expected at least one of its receivers, got none'],
  ],
  [
    'no exporters',
    '    traces: { receivers: [otlp], exporters: [] }',
    ['5:34 service.pipelines.traces: expected at least one of its exporters, got none'],
  ],
  [
    'an unknown signal',
    '    trace: { receivers: [otlp], exporters: [debug] }',
    ['5:5 service.pipelines.trace: expected one of traces, metrics, logs, got "trace"; did you mean "traces"?'],
  ],
  [
    'profiles',
    '    profiles: { receivers: [otlp], exporters: [debug] }',
    [
      '5:5 service.pipelines.profiles: known in the OpenTelemetry Collector, not supported by Sluice yet: profiles; remove this pipeline',
    ],
  ],
  [
    'an empty name',
    '    traces/: { receivers: [otlp], exporters: [debug] }',
    [
      '5:5 service.pipelines.traces/: expected an id such as otlp or otlp/name, got "traces/": after the slash a name is missing',
    ],
  ],
  [
    'a missing component',
    '    traces: { receivers: [zipkin], processors: [batch], exporters: [debug] }',
    [
      '5:27 service.pipelines.traces.receivers[0]: expected one of the defined receivers, got "zipkin": define it under receivers',
      '5:49 service.pipelines.traces.processors[0]: expected one of the defined processors, got "batch": define it under processors',
    ],
  ],
  [
    'a component of the wrong section',
    '    traces: { receivers: [otlp], exporters: [debug, otlp] }',
    [
      '5:53 service.pipelines.traces.exporters[1]: expected one of the defined exporters, got "otlp", which is one of the receivers',
    ],
  ],
  [
    'a component twice',
    '    traces: { receivers: [otlp, otlp], exporters: [debug] }',
    ['5:33 service.pipelines.traces.receivers[1]: expected each of the receivers once in a pipeline, got "otlp" again'],
  ],
  [
    'an unknown part',
    '    traces: { recievers: [otlp], exporters: [debug] }',
    ['5:15 service.pipelines.traces.recievers: expected a known field, got "recievers"; did you mean "receivers"?'],
  ],
  [
    'text for a list',
    '    traces: { receivers: otlp, exporters: [debug] }',
    ['5:26 service.pipelines.traces.receivers: expected a list, got "otlp"'],
  ],
  ['none at all', '    {}', ['4:3 service.pipelines: expected at least one pipeline, such as traces']],
];
test.each(wrongPipelines)('a pipeline with %s is told', (_name, pipelines, want) =>
  check(around(right, pipelines), want),
);

test('a receiver is not used for a signal that it does not yield', () =>
  check(
    around(
      right.replace('{ otlp:', '{ hostmetrics: , otlp:'),
      '    traces: { receivers: [otlp, hostmetrics], exporters: [debug] }',
    ),
    [
      '5:33 service.pipelines.traces.receivers[1]: expected a receiver of traces, got "hostmetrics", which yields metrics',
    ],
  ));

const connectors = `${right}
connectors: { forward: , forward/b: , spanmetrics: }`;
const wrongConnectors: [string, string, string[]][] = [
  [
    'only as exporter',
    '    traces: { receivers: [otlp], exporters: [forward] }',
    ['3:15 connectors.forward: expected it among the receivers of a pipeline too, got it only as exporter of traces'],
  ],
  [
    'only as receiver',
    '    traces: { receivers: [forward], exporters: [debug] }',
    ['3:15 connectors.forward: expected it among the exporters of a pipeline too, got it only as receiver of traces'],
  ],
  [
    'with signals that do not fit',
    '    traces: { receivers: [otlp], exporters: [forward] }\n    logs: { receivers: [forward], exporters: [debug] }',
    [
      '3:15 connectors.forward: expected a pipeline that takes what it makes of traces from traces, got only logs',
      '3:15 connectors.forward: expected a pipeline that feeds it for logs, got only traces',
    ],
  ],
  [
    'that makes metrics of traces, for logs',
    '    traces: { receivers: [otlp], exporters: [spanmetrics] }\n    metrics: { receivers: [spanmetrics], exporters: [debug] }\n    logs: { receivers: [spanmetrics], exporters: [spanmetrics] }',
    [
      '8:25 service.pipelines.logs.receivers[0]: expected a receiver of logs, got "spanmetrics", which yields metrics',
      '8:51 service.pipelines.logs.exporters[0]: expected an exporter of logs, got "spanmetrics", which takes traces',
    ],
  ],
  [
    'in a circle',
    '    traces/in: { receivers: [otlp, forward/b], exporters: [forward] }\n    traces/out: { receivers: [forward], exporters: [forward/b, debug] }',
    [
      '7:53 service.pipelines.traces/out.exporters[0]: expected pipelines without a circle, got traces/in → forward → traces/out → forward/b → traces/in',
    ],
  ],
];
test.each(wrongConnectors)('a connector used %s is told', (_name, pipelines, want) =>
  check(around(connectors, pipelines), want),
);

test('a connector between two pipelines is right, also from traces to metrics', () =>
  checkWarnings(
    around(
      connectors,
      '    traces: { receivers: [otlp], exporters: [forward, spanmetrics] }\n    traces/b: { receivers: [forward], exporters: [debug] }\n    metrics: { receivers: [spanmetrics], exporters: [debug] }',
    ),
    ['3:26 connectors.forward/b: is defined but not used in any pipeline, so it is not started'],
  ));

test('an id that is a connector and something else is ambiguous', () =>
  check(around(`${right.replace('debug: ', 'debug: , forward: ')}\nconnectors: { forward: }`), [
    '2:23 exporters.forward: expected a known exporter type, got "forward": there is a connector of that name',
    '3:15 connectors.forward: expected an id that no other part has, got one of the exporters: name one of them type/name',
  ]));

test('extensions are defined, listed once, and listed where a component names them', () =>
  check(
    `receivers: { otlp: { protocols: { grpc: { auth: { authenticator: bearertokenauth } }, http: { auth: { authenticator: bearer } } } } }
exporters: { debug: }
extensions: { health_check: , bearertokenauth: }
service:
  extensions: [health_check, health_check, zpages]
  pipelines: { traces: { receivers: [otlp], exporters: [debug] } }
`,
    [
      '1:66 receivers.otlp.protocols.grpc.auth.authenticator: expected an extension that is started, got "bearertokenauth": add it to service.extensions',
      '1:118 receivers.otlp.protocols.http.auth.authenticator: expected a defined extension, got "bearer": define it under extensions',
      '5:30 service.extensions[1]: expected each extension once, got "health_check" again',
      '5:44 service.extensions[2]: expected one of the defined extensions, got "zpages": define it under extensions',
    ],
  ));

test('what works but is hardly meant is a warning', () =>
  checkWarnings(
    `receivers:
  otlp: { protocols: { grpc: { read_buffer_size: 5, tls: { tpm: { enabled: false } } } } }
  otlp/unused: { protocols: { } }
processors: { batch: , memory_limiter: }
exporters: { debug: }
extensions: { health_check: }
service:
  telemetry: { metrics: { address: ":8889" } }
  pipelines: { traces: { receivers: [otlp], processors: [batch, memory_limiter], exporters: [debug] } }
`,
    [
      '2:32 receivers.otlp.protocols.grpc.read_buffer_size: has no effect in Sluice: it sizes buffers of the Go implementation',
      '3:3 receivers.otlp/unused: is defined but not used in any pipeline, so it is not started',
      '6:15 extensions.health_check: is defined but not used in service.extensions, so it is not started',
      '8:27 service.telemetry.metrics.address: is deprecated: use readers with pull.exporter.prometheus',
      '9:65 service.pipelines.traces.processors[1]: works best as the first processor: what stands before it holds memory that it does not guard',
    ],
  ));

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
