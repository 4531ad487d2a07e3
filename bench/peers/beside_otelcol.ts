import type { ProcessorFactory } from '../../internal/core/component.ts';
import { noContext } from '../../internal/core/consumer.ts';
import type { Signal } from '../../internal/otlp/payload.ts';
import { canonical, firstDifference } from '../../internal/testkit/canonical.ts';
import { asPayload } from '../../internal/testkit/generate.ts';
import type { Oracle } from '../../internal/testkit/oracle.ts';
import { RecordingConsumer, testSettings } from '../../internal/testkit/settings.ts';
import { throughOtelcol } from './through_otelcol.ts';

/** So many pipelines one Go collector runs at once. */
const atOnce = 40;

/**
 * The same requests through a processor of Sluice and its namesake in the Go collector, by each of these configurations.
 *
 * @param asLine what of a request is compared
 * @returns where what comes out differs but for the order of attributes, which a map does not have: a paragraph for each
 * configuration, '' where nothing differs
 * @throws Error when the collector does not start or refuses a request
 */
export async function differencesFromOtelcol(
  oracle: Oracle,
  signal: Signal,
  factory: ProcessorFactory,
  configs: readonly object[],
  requests: readonly Uint8Array[],
  asLine = (bytes: Uint8Array) => canonical(oracle, signal, bytes),
): Promise<string> {
  // The Go collector normalizes what it decodes: only then are both fed the same.
  const [plain] = await throughOtelcol(signal, 'batch', [{ timeout: 0 }], requests);
  const line = (bytes: Uint8Array) => {
    try {
      return asLine(bytes);
    } catch (thrown) {
      return `unreadable: ${(thrown as Error).message}: ${Buffer.from(bytes).toString('latin1')}`;
    }
  };
  const differences: string[] = [];
  for (let from = 0; from < configs.length; from += atOnce) {
    const some = configs.slice(from, from + atOnce);
    const theirs = await throughOtelcol(signal, factory.type, some, plain!);
    for (const [i, config] of some.entries()) {
      const ours = await throughSluice(signal, factory, config, plain!);
      const difference = firstDifference(ours.map(line).join('\n'), theirs[i]!.map(line).join('\n'));
      if (difference) differences.push(`${JSON.stringify(config)}\n${difference}`);
    }
  }
  return differences.join('\n\n');
}

async function throughSluice(
  signal: Signal,
  factory: ProcessorFactory,
  config: object,
  requests: readonly Uint8Array[],
): Promise<Uint8Array[]> {
  const next = new RecordingConsumer();
  const { parse } = factory.schema as unknown as { parse(config: object): never };
  const processor = factory.create(testSettings({ kind: 'processor', signal }), parse(config), next);
  for (const request of requests) await processor.consume(asPayload(signal, request), noContext);
  return next.taken.map((batch) => Buffer.concat(batch.chunks));
}
