import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SERVICE_NAMES } from '../items/template.ts';
import type { LoadShape } from '../measure/rig.ts';
import { startSubject } from '../measure/subject.ts';
import { runThroughput } from '../measure/throughput.ts';
import { type Parts, pipelineYaml } from './config.ts';
import { type Goal, MIB, type Scenario } from './scenario.ts';

const oneService: LoadShape = { protocol: 'grpc', connections: 4, streams: 4, signal: 'traces', items: 512 };

/** As a gateway gets it: the spans of ten services in a request, sixteen requests in turns, so up to 160 services in all. */
export const manyServices: LoadShape = { ...oneService, services: 10 };

/** OTLP in, one processor that changes each span, batch, OTLP out. What is changed on purpose is not compared. */
function processing(
  name: string,
  summary: string,
  processors: Parts | (() => Promise<Parts>),
  goals: readonly Goal[],
  { subjects, shape = oneService }: { subjects?: Scenario['subjects']; shape?: LoadShape } = {},
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
      const parts = typeof processors === 'function' ? await processors() : processors;
      const run = await runThroughput({
        shape,
        warmupSeconds: 3,
        seconds: settings.seconds,
        start: (sinkPort) => startSubject(subject, pipelineYaml(shape, sinkPort, parts), settings),
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

/** Every service that the load can be of, as CSV. */
export function catalogue(): string {
  const rows = SERVICE_NAMES.map((name, at) => `${name},team-${at % 50},${at % 4}`);
  return ['key,service.owner.name,service.tier', ...rows].join('\n');
}

/** The catalogue lies in a file: a command line has no room for it. */
async function enrichmentParts(): Promise<Parts> {
  const path = join(tmpdir(), 'sluice-bench-services.csv');
  await writeFile(path, catalogue());
  return { enrichment: `{ sources: [{ name: catalogue, type: file, path: ${path}, key: resource.service.name }] }` };
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
    'redaction: three value patterns over all attributes, 512 spans per request',
    {
      redaction: `{ allow_all_keys: true, blocked_values: ${JSON.stringify(['4[0-9]{12}(?:[0-9]{3})?', '[a-z0-9.]+@[a-z0-9]+\\.(com|org)', '(?i)bearer [a-z0-9]+'])} }`,
    },
    [{ figure: 'itemsPerCpuSecond', atLeastTimes: 2 }],
  ),
  processing(
    'enrichment-512',
    'enrichment from a catalogue of 10,000 services, 512 spans of 10 services per request, each found (the Go peer has no such processor)',
    enrichmentParts,
    [{ figure: 'itemsPerCpuSecond', atLeast: 800_000 }],
    { subjects: ['sluice'], shape: manyServices },
  ),
];
