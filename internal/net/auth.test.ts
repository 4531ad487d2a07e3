import { expect, test } from 'vitest';
import { object, section } from '../config/fields.ts';
import { formatIssue } from '../config/issues.ts';
import { loadConfig } from '../config/load.ts';
import type { ComponentEntry, Factory } from '../core/component.ts';
import { clientAuth, serverAuth } from './auth.ts';

const factories = [
  { kind: 'receiver', type: 'otlp', schema: object({ auth: section(serverAuth()) }) },
  { kind: 'exporter', type: 'otlp_grpc', schema: object({ auth: section(clientAuth()) }) },
  { kind: 'extension', type: 'bearertokenauth', schema: object({}) },
].map((one) => ({ ...one, signals: ['traces'], create: () => ({}) }) as unknown as Factory);

const components: ComponentEntry[] = factories.map((one) => ({
  kind: one.kind,
  type: one.type,
  aliases: [],
  load: async () => one,
}));

test('an authenticator that is missing or not started is found before the start, at its place', async () => {
  const text = `receivers: { otlp: { auth: { authenticator: bearer } } }
exporters: { otlp_grpc: { auth: { authenticator: bearertokenauth } } }
extensions: { bearertokenauth: }
service: { pipelines: { traces: { receivers: [otlp], exporters: [otlp_grpc] } } }
`;
  const loaded = await loadConfig(['c.yaml'], components, { env: {}, cwd: '/', readFile: async () => text });
  expect(loaded.ok ? [] : loaded.issues.map(formatIssue)).toEqual([
    'c.yaml:1:45 receivers.otlp.auth.authenticator: expected a defined extension, got "bearer": define it under extensions',
    'c.yaml:2:50 exporters.otlp_grpc.auth.authenticator: expected an extension that is started, got "bearertokenauth": add it to service.extensions',
  ]);
});
