import { test } from 'vitest';
import { around, check, checkWarnings, right } from './fixture.ts';

const wrongPipelines: [string, string, string[]][] = [
  [
    'nothing in it',
    '    traces: { receivers: [otlp], exporters: [debug] }\n    logs:',
    [
      '6:5 service.pipelines.logs: expected at least one of its receivers, got none',
      '6:5 service.pipelines.logs: expected at least one of its exporters, got none',
    ],
  ],
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

const parting = (targets: string) => `${right}
connectors: { parting: { pipelines: [${targets}] } }`;
const wrongTargets: [string, string, string[]][] = [
  ['right', 'traces/a, traces/b', []],
  [
    'misspelt',
    'traces/a, trace/b',
    [
      '3:48 connectors.parting.pipelines[1]: expected one of the defined pipelines, got "trace/b"; did you mean "traces/b"?',
    ],
  ],
  [
    'not its own',
    'traces/in',
    [
      '3:38 connectors.parting.pipelines[0]: expected a pipeline that has parting among its receivers, got "traces/in": add it there',
    ],
  ],
];
test.each(wrongTargets)('pipelines that a connector names are %s', (_name, targets, want) => {
  const pipelines = `    traces/in: { receivers: [otlp], exporters: [parting] }
    traces/a: { receivers: [parting], exporters: [debug] }
    traces/b: { receivers: [parting], exporters: [debug] }`;
  return check(around(parting(targets), pipelines), want);
});

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
