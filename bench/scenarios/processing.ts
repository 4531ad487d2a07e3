import type { LoadShape } from '../measure/rig.ts';
import { startSubject } from '../measure/subject.ts';
import { runThroughput } from '../measure/throughput.ts';
import { type Goal, MIB, type Scenario } from './scenario.ts';

const shape: LoadShape = { protocol: 'grpc', connections: 4, streams: 4, signal: 'traces', items: 512 };

/** OTLP in, one processor that changes each span, batch, OTLP out. What is changed on purpose is not compared. */
function processing(name: string, summary: string, processor: string, goals: readonly Goal[]): Scenario {
  const yaml = (sinkPort: number) => `
receivers:
  otlp:
    protocols:
      grpc: { endpoint: '127.0.0.1:\${env:GRPC_PORT}' }
      http: { endpoint: '127.0.0.1:\${env:HTTP_PORT}' }
processors:
  ${processor}
  batch: { send_batch_size: 8192, timeout: 200ms }
exporters:
  otlp_grpc: { endpoint: '127.0.0.1:${sinkPort}', compression: none, tls: { insecure: true } }
service:
  pipelines:
    traces: { receivers: [otlp], processors: [${processor.split(':')[0]}, batch], exporters: [otlp_grpc] }
`;
  return {
    name,
    summary,
    defaultSeconds: 6,
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
        start: (sinkPort) => startSubject(subject, yaml(sinkPort), settings),
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
    'attributes: { actions: [{ key: deployment.environment.name, value: production, action: upsert }, { key: user_agent.original, action: delete }] }',
    [{ figure: 'itemsPerCpuSecond', atLeastTimes: 3 }],
  ),
];
