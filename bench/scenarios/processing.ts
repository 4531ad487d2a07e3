import type { LoadShape } from '../measure/rig.ts';
import { startSubject } from '../measure/subject.ts';
import { runThroughput } from '../measure/throughput.ts';
import { type Parts, pipelineYaml } from './config.ts';
import { type Goal, MIB, type Scenario } from './scenario.ts';

const shape: LoadShape = { protocol: 'grpc', connections: 4, streams: 4, signal: 'traces', items: 512 };

/** OTLP in, one processor that changes each span, batch, OTLP out. What is changed on purpose is not compared. */
function processing(
  name: string,
  summary: string,
  processors: Parts,
  goals: readonly Goal[],
  subjects?: Scenario['subjects'],
): Scenario {
  return {
    name,
    summary,
    defaultSeconds: 6,
    ...(subjects && { subjects }),
    figures: [
      { key: 'itemsPerCpuSecond', label: 'items per CPU second' },
      { key: 'itemsPerSecond', label: 'items per second' },
      { key: 'peakRssMib', label: 'peak RSS, MiB' },
      { key: 'lost', label: 'lost' },
      { key: 'duplicates', label: 'duplicates' },
    ],
    goals: [...goals, { figure: 'lost', atMost: 0 }, { figure: 'duplicates', atMost: 0 }],
    measure: async (subject, settings) => {
      const run = await runThroughput({
        shape,
        warmupSeconds: 3,
        seconds: settings.seconds,
        start: (sinkPort) => startSubject(subject, pipelineYaml(shape, sinkPort, processors), settings),
      });
      for (const [error, count] of Object.entries(run.errors)) settings.log(`${count} requests answered ${error}`);
      return {
        itemsPerCpuSecond: run.itemsPerCpuSecond,
        itemsPerSecond: run.itemsPerSecond,
        peakRssMib: run.peakRssBytes / MIB,
        lost: run.account.lost,
        duplicates: run.account.duplicates,
      };
    },
  };
}

export const processingScenarios: readonly Scenario[] = [
  processing(
    'attributes-512',
    'attributes: one upsert and one delete, 512 spans per request',
    {
      attributes:
        '{ actions: [{ key: deployment.environment.name, value: production, action: upsert }, { key: user_agent.original, action: delete }] }',
    },
    [{ figure: 'itemsPerCpuSecond', atLeastTimes: 3 }],
  ),
  processing(
    'transform-512',
    'transform: one attribute set, one renamed, the name replaced by pattern, 512 spans per request',
    {
      transform: `{ trace_statements: ${JSON.stringify([
        'set(span.attributes["deployment.environment.name"], "production")',
        'set(span.attributes["http.agent"], span.attributes["user_agent.original"])',
        'delete_key(span.attributes, "user_agent.original")',
        'replace_pattern(span.name, "/[0-9]+", "/{id}")',
      ])} }`,
    },
    [{ figure: 'itemsPerCpuSecond', atLeastTimes: 3 }],
  ),
  processing(
    'redaction-512',
    'redaction: three value patterns over all attributes, 512 spans per request (the Go peer has no such processor)',
    {
      redaction: `{ allow_all_keys: true, blocked_values: ${JSON.stringify(['4[0-9]{12}(?:[0-9]{3})?', '[a-z0-9.]+@[a-z0-9]+\\.(com|org)', '(?i)bearer [a-z0-9]+'])} }`,
    },
    [],
    ['sluice'],
  ),
];
