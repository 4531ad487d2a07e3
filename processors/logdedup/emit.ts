import { encodeField, encodeValue } from '../../internal/otlp/attributes/encode.ts';
import { Payload } from '../../internal/otlp/payload.ts';
import { Fields } from '../../internal/otlp/view/fields.ts';
import { KeyValue, type Plain } from '../../internal/otlp/view/value.ts';
import { LEN } from '../../internal/otlp/wire.ts';
import { Writer } from '../../internal/otlp/writer.ts';
import type { LogdedupConfig } from './config.ts';
import type { Entry, Table } from './table.ts';
import { timestampsIn } from './timestamp.ts';

/** A batch ends once it is so large. */
const enoughBytes = 1 << 20;
const attributesField = 6;
const ATTRIBUTE = (attributesField << 3) | LEN;
const nanosecondsPerMs = 1_000_000n;

/** Turns what was merged into log records, with upstream's attributes. */
export class Emitter {
  readonly #countKey: Uint8Array;
  readonly #firstKey = Buffer.from('first_observed_timestamp');
  readonly #lastKey = Buffer.from('last_observed_timestamp');
  readonly #timestamp: (ms: number) => string;
  readonly #fields = new Fields();
  readonly #pair = new KeyValue();

  constructor(config: LogdedupConfig) {
    this.#countKey = Buffer.from(config.log_count_attribute);
    this.#timestamp = timestampsIn(config.timezone);
  }

  /** Batches of moderate size. @param now wall time, milliseconds */
  *batches(table: Table, now: number): Generator<Payload> {
    const out = new Writer(enoughBytes);
    let items = 0;
    for (const { resource, scope, entries } of table.groups) {
      for (let next = 0; next < entries.length; ) {
        const group = out.open(1);
        out.raw(resource);
        const inner = out.open(2);
        out.raw(scope);
        // One at least, however large the heads are.
        do {
          this.#record(out, entries[next++]!, now);
          items++;
        } while (next < entries.length && out.length < enoughBytes);
        out.close(inner);
        out.close(group);
        if (out.length < enoughBytes) continue;
        yield take(out, items);
        items = 0;
      }
    }
    if (items > 0) yield take(out, items);
  }

  #record(out: Writer, entry: Entry, now: number): void {
    const record = out.open(2);
    out.fixed64(1, nanoseconds(now));
    const fields = this.#fields.reset(entry.buf, entry.start, entry.end);
    while (fields.next()) {
      if (fields.tag === ATTRIBUTE && this.#isOurs(entry.buf, fields.from, fields.to)) continue;
      out.range(entry.buf, fields.at, fields.to);
    }
    out.fixed64(11, nanoseconds(entry.first));
    put(out, this.#countKey, entry.count);
    put(out, this.#firstKey, this.#timestamp(entry.first));
    put(out, this.#lastKey, this.#timestamp(entry.last));
    out.close(record);
  }

  #isOurs(buf: Uint8Array, start: number, end: number): boolean {
    const pair = this.#pair.reset(buf, start, end);
    return pair.keyIs(this.#countKey) || pair.keyIs(this.#firstKey) || pair.keyIs(this.#lastKey);
  }
}

function put(out: Writer, key: Uint8Array, value: Plain): void {
  out.raw(encodeField(attributesField, key, encodeValue(value)).bytes);
}

function nanoseconds(ms: number): bigint {
  return BigInt(Math.round(ms)) * nanosecondsPerMs;
}

function take(out: Writer, items: number): Payload {
  const bytes = Buffer.from(out.buffer.subarray(0, out.length));
  out.clear();
  return new Payload('logs', [bytes], items, bytes.length);
}
