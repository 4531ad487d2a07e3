import { mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { Signal } from '../../../internal/otlp/payload.ts';
import { type Arrival, CaptureNotes, readCapture } from './capture.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-capture-'));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;

const nanos = (ms: number) => String(BigInt(Math.round(ms)) * 1_000_000n);

/** A line with one item of each time, in milliseconds; undefined for an item without one. */
function line(times: readonly (number | undefined)[], signal: Signal = 'traces'): string {
  const items = times.map((ms) => {
    const at = ms === undefined ? {} : { at: nanos(ms) };
    if (signal === 'traces') return { name: 's', ...(at.at && { startTimeUnixNano: '1', endTimeUnixNano: at.at }) };
    if (signal === 'logs')
      return { severityNumber: 9, ...(at.at && { timeUnixNano: '1', observedTimeUnixNano: at.at }) };
    return { name: 'm', gauge: { dataPoints: [{ asInt: '1', ...(at.at && { timeUnixNano: at.at }) }] } };
  });
  if (signal === 'traces') return JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: items }] }] });
  if (signal === 'logs') return JSON.stringify({ resourceLogs: [{ scopeLogs: [{ logRecords: items }] }] });
  return JSON.stringify({ resourceMetrics: [{ scopeMetrics: [{ metrics: items }] }] });
}

/** Arrival times of the batches in these files, with the number of their items. */
async function arrivals(texts: readonly (readonly string[])[], arrival: Arrival = 'latest') {
  const paths = texts.map((lines) => {
    const path = join(folder, String(files++));
    writeFileSync(path, lines.join('\n'));
    return path;
  });
  const notes = new CaptureNotes();
  const got: [number, number][] = [];
  for await (const { at, batch } of readCapture(paths, arrival, notes)) got.push([at, batch.itemCount]);
  return { got, notes };
}

test.each(['traces', 'logs', 'metrics'] as const)(
  'a batch of %s arrives at the latest time of its items',
  async (signal) => {
    const { got } = await arrivals([[line([100, 300, 200], signal), line([400, undefined], signal)]]);
    expect(got).toEqual([
      [300, 3],
      [400, 2],
    ]);
  },
);

test('none arrives before the one in front of it in its file, and one without any time arrives with that', async () => {
  const { got, notes } = await arrivals([[line([500]), line([200]), line([undefined]), line([600])]]);
  expect(got.map(([at]) => at)).toEqual([500, 500, 500, 600]);
  expect(notes.behind).toBe(0);
});

test('several files are one stream in the order of time, the first one first where times are equal', async () => {
  const { got } = await arrivals([
    [line([100]), line([300]), line([500])],
    [line([100, 100]), line([200, 200]), line([400, 400])],
    [],
  ]);
  expect(got).toEqual([
    [100, 1],
    [100, 2],
    [200, 2],
    [300, 1],
    [400, 2],
    [500, 1],
  ]);
});

test('an item an hour ahead is told; its time counts as the latest, and not as the median', async () => {
  const hour = 3_600_000;
  const texts = [[line([100, 101, 102 + 2 * hour]), line([200])]];
  const latest = await arrivals(texts);
  expect(latest.got.map(([at]) => at)).toEqual([102 + 2 * hour, 102 + 2 * hour]);
  expect(latest.notes).toMatchObject({ outliers: 1, behind: 1 });
  const median = await arrivals(texts, 'median');
  expect(median.got.map(([at]) => at)).toEqual([101, 200]);
  expect(median.notes).toMatchObject({ outliers: 1, behind: 0 });
});

test('a time beyond all calendars is a time', async () => {
  const far = JSON.stringify({
    resourceSpans: [{ scopeSpans: [{ spans: [{ endTimeUnixNano: '18446744073709551615' }] }] }],
  });
  const { got } = await arrivals([[line([100]), far]]);
  expect(got[1]![0]).toBeGreaterThan(1e13);
});

test.runIf(process.platform === 'linux')('who stops reading early leaves no file open', async () => {
  const path = join(folder, 'early');
  writeFileSync(path, `${line([1])}\n${line([2])}\n`);
  for await (const { at } of readCapture([path, path], 'latest', new CaptureNotes())) {
    expect(at).toBe(1);
    break;
  }
  const open = () =>
    readdirSync('/proc/self/fd').filter((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`) === path;
      } catch {
        return false;
      }
    });
  await expect.poll(open).toEqual([]);
});
