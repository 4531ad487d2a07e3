import { glob, stat } from 'node:fs/promises';
import { sleep } from '../../internal/core/clock.ts';
import type { Component, Outputs, Settings } from '../../internal/core/component.ts';
import { type Consumer, noContext } from '../../internal/core/consumer.ts';
import type { Counter } from '../../internal/core/telemetry.ts';
import { decodeJson } from '../../internal/otlp/json.ts';
import type { Signal } from '../../internal/otlp/payload.ts';
import { isMalformed } from '../../internal/otlp/wire.ts';
import type { ReplayConfig } from './index.ts';
import { readLines } from './lines.ts';

/** As much as the OTLP/HTTP receiver takes in one request. */
const maxLineBytes = 20 * 2 ** 20;
const firstRetryMs = 100;
const maxRetryMs = 5000;

const itemNames = { traces: 'spans', metrics: 'metric_points', logs: 'log_records' } as const;
const keys: readonly (readonly [string, Signal])[] = [
  ['resourceSpans', 'traces'],
  ['resourceMetrics', 'metrics'],
  ['resourceLogs', 'logs'],
];

/**
 * Follows files of OTLP/JSON lines. A line is passed on once the one before it was taken: when the pipeline asks to wait, the file waits.
 * Positions are kept per inode, so that a rotated file is not read twice.
 */
export class FileReplay implements Component {
  readonly #settings: Settings;
  readonly #config: ReplayConfig;
  readonly #outputs: Outputs;
  readonly #stop = new AbortController();
  readonly #positions = new Map<string, number>();
  readonly #counters = new Map<string, Counter>();
  #running: Promise<void> = Promise.resolve();

  constructor(settings: Settings, config: ReplayConfig, outputs: Outputs) {
    this.#settings = settings;
    this.#config = config;
    this.#outputs = outputs;
  }

  async start(): Promise<void> {
    if (this.#config.start_at === 'end' && !this.#config.replay_file) {
      for (const file of await this.#files()) this.#positions.set(file.key, file.size);
    }
    this.#running = this.#poll();
  }

  async shutdown(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #poll(): Promise<void> {
    const { signal } = this.#stop;
    do {
      for (const file of await this.#files()) {
        if (signal.aborted) return;
        try {
          await this.#read(file.path, file.key, file.size);
        } catch (error) {
          this.#settings.logger.warn(
            `cannot read ${file.path}: ${(error as Error).message}; trying again at the next poll`,
          );
        }
      }
    } while (await sleep(this.#settings.clock, this.#config.poll_interval, signal));
  }

  async #files(): Promise<{ path: string; key: string; size: number }[]> {
    const found: { path: string; key: string; size: number }[] = [];
    for await (const path of glob(this.#config.include, { exclude: this.#config.exclude })) {
      const info = await stat(path).catch(() => undefined);
      if (info?.isFile()) found.push({ path, key: `${info.dev}:${info.ino}`, size: info.size });
    }
    return found.sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  async #read(path: string, key: string, size: number): Promise<void> {
    const from = this.#config.replay_file ? 0 : (this.#positions.get(key) ?? 0);
    // Shorter than what was read: somebody truncated it and writes anew.
    const begin = from > size ? 0 : from;
    if (begin === size) return;
    for await (const line of readLines(path, begin, maxLineBytes)) {
      if ('tooLong' in line) this.#refuse(path, `a line of ${line.tooLong} bytes is longer than ${maxLineBytes}`);
      else if (line.text.length > 0 && !(await this.#deliver(path, line.text))) return;
      this.#positions.set(key, line.next);
    }
  }

  /** @returns false when stopped before the line was taken */
  async #deliver(path: string, text: Buffer): Promise<boolean> {
    // The key of the one top-level list stands at the beginning of what a file exporter writes.
    const head = text.subarray(0, 4096).toString('latin1');
    const signal = keys.find(([name]) => head.includes(`"${name}"`))?.[1];
    if (!signal) {
      this.#refuse(path, 'a line is none of resourceSpans, resourceMetrics, resourceLogs');
      return true;
    }
    const batch = decodeJson(signal, text);
    if (isMalformed(batch)) {
      this.#refuse(path, `a line is not OTLP/JSON: ${batch.malformed}`);
      return true;
    }
    const next: Consumer | undefined = this.#outputs[signal];
    if (!next || batch.itemCount === 0) return true;
    for (let wait = firstRetryMs; ; wait = Math.min(wait * 2, maxRetryMs)) {
      const outcome = await next.consume(batch, noContext);
      if (outcome.status === 'accepted') {
        this.#count(`otelcol_receiver_accepted_${itemNames[signal]}`, 'Items taken by the pipeline.', batch.itemCount);
        return true;
      }
      this.#count(`otelcol_receiver_refused_${itemNames[signal]}`, 'Items the pipeline did not take.', batch.itemCount);
      if (outcome.status === 'permanent') {
        this.#settings.logger.error(`the pipeline refused a line of ${path} for good: ${outcome.reason}`, {
          items: batch.itemCount,
        });
        return true;
      }
      if (!(await sleep(this.#settings.clock, Math.max(wait, outcome.retryAfterMs ?? 0), this.#stop.signal)))
        return false;
    }
  }

  #refuse(path: string, why: string): void {
    this.#settings.logger.error(`${path}: ${why}; the line is passed over`);
    this.#count('otelcol_receiver_requests', 'Requests by outcome.', 1, { outcome: 'failure' });
  }

  #count(name: string, help: string, items: number, more: Readonly<Record<string, string>> = {}): void {
    let counter = this.#counters.get(name);
    if (!counter) {
      const labels = { receiver: this.#settings.id, transport: 'file', ...more };
      counter = this.#settings.meter.counter({ name, help, labels });
      this.#counters.set(name, counter);
    }
    counter.add(items);
  }
}
