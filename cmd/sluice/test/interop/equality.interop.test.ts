import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startOtelcol } from '../../../../bench/peers/otelcol.ts';
import { peer } from '../../../../bench/peers/peer.ts';
import { startSluice } from '../../../../bench/peers/sluice.ts';
import { messagesOf, post } from '../../../../bench/peers/through_otelcol.ts';
import type { Signal } from '../../../../internal/otlp/payload.ts';
import { canonical, firstDifference, sortedBytes } from '../../../../internal/testkit/canonical.ts';
import { asPayload } from '../../../../internal/testkit/generate.ts';
import { loadOracle } from '../../../../internal/testkit/oracle.ts';
import { recordsOf } from './records.ts';

/*
 * The same file and the same 50,000 spans, log records and data points through the Go collector and through Sluice, both
 * as programs. What their file exporters write must be equal, request by request, but for the order of attributes: a map
 * has none, and the Go collector closes the gap of a deletion with the last one. Skipped where it can neither be found nor built.
 */

const found = await peer('otelcol', { log: (line) => process.stderr.write(`${line}\n`) });
if ('missing' in found) process.stderr.write(`skipped: ${found.missing}\n`);
const interop = test.skipIf('missing' in found);

const records = 50_000;
const together = new Array<undefined>(8).fill(undefined);
const signals = ['traces', 'logs', 'metrics'] as const;

const files: Record<string, readonly Signal[]> = {
  attributes: signals,
  resource: signals,
  filter: signals,
  transform: signals,
  redaction: signals,
  span: ['traces'],
};

/** Requests of so many records. */
function requests(signal: Signal): Uint8Array[] {
  const made: Uint8Array[] = [];
  for (let items = 0; items < records; ) {
    // Several in one, as they may stand on the wire: a request each would take most of the time.
    const request = Buffer.concat(together.map((_, i) => recordsOf(signal, made.length * together.length + i + 1)));
    items += asPayload(signal, request).itemCount;
    made.push(request);
  }
  return made;
}

/** All files are fed the same. */
const sent = 'missing' in found ? undefined : new Map(signals.map((signal) => [signal, requests(signal)]));

type Batches = Map<Signal, Uint8Array[]>;

/** @returns what the file exporters of a program that runs this file write when it is fed these requests */
async function through(start: typeof startOtelcol, yaml: string, batches: Batches): Promise<Batches> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-equality-'));
  try {
    const collector = await start({ yaml, env: { OUT: folder } });
    try {
      for (const [signal, requests] of batches) {
        for (const request of requests) await post(`http://127.0.0.1:${collector.ports.http}/v1/${signal}`, request);
      }
    } finally {
      await collector.stop();
    }
    const written = new Map<Signal, Uint8Array[]>();
    for (const signal of batches.keys()) {
      const all = messagesOf(await readFile(join(folder, signal)));
      // A request that only metrics without data are left of travels on there, and ends here.
      written.set(
        signal,
        all.filter((bytes) => asPayload(signal, bytes).itemCount > 0),
      );
    }
    return written;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const file = (name: string) => readFile(new URL(`equality/${name}.yaml`, import.meta.url), 'utf8');

interop.each(Object.entries(files))(
  '%s.yaml: what comes out is what comes out of the Go collector',
  async (name, of) => {
    const oracle = await loadOracle();
    const yaml = await file(name);
    const batches = new Map(of.map((signal) => [signal, sent!.get(signal)!]));
    const theirs = await through(startOtelcol, yaml, batches);
    // Written anew by the Go collector, since messages that are empty, or fields that have their default, may be left out.
    const ours = await through(startOtelcol, await file('plain'), await through(startSluice, yaml, batches));
    const differences: string[] = [];
    for (const signal of of) {
      const [own, other] = [ours.get(signal)!, theirs.get(signal)!];
      if (own.length !== other.length) differences.push(`${signal}: ${own.length} requests, not ${other.length}`);
      for (const [i, bytes] of own.slice(0, other.length).entries()) {
        const theirBytes = other[i]!;
        if (sortedBytes(signal, bytes) === sortedBytes(signal, theirBytes)) continue;
        const [mine, go] = [bytes, theirBytes].map((each) => canonical(oracle, signal, each));
        differences.push(
          `${signal}, request ${i}\n${firstDifference(mine!, go!) ?? 'in bytes that no schema tells apart'}`,
        );
      }
    }
    expect(differences.slice(0, 5).join('\n'), `${differences.length} requests differ`).toBe('');
  },
);
