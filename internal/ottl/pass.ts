import { Assembly } from '../otlp/assembly.ts';
import { Payload, type Signal } from '../otlp/payload.ts';
import { countItems } from '../otlp/shape.ts';
import type { Cursor } from '../otlp/view/cursor.ts';
import { Fields } from '../otlp/view/fields.ts';
import {
  type DataPoint,
  ExponentialHistogramPoint,
  HistogramPoint,
  NumberPoint,
  SummaryPoint,
} from '../otlp/view/point.ts';
import { LEN } from '../otlp/wire.ts';
import { Writer } from '../otlp/writer.ts';
import { type Context, Scene } from './scene.ts';
import { fail, ValueMap } from './values.ts';

/** What is done at each place of one context. */
export interface Work {
  readonly context: Context;
  /** The contexts whose records `run` may change. */
  readonly writes: ReadonlySet<Context>;
  readonly usesCache: boolean;
  run(scene: Scene): void;
}

const tag = (field: number) => (field << 3) | LEN;
const GROUPS = tag(1);
/** Scopes in a resource's group, records in a scope's. */
const MEMBERS = tag(2);
const EVENTS = tag(11);
const POINTS = tag(1);
const SPAN_ATTRIBUTES = 9;
const LOG_ATTRIBUTES = 6;
/** Between batches a pass holds on to the last one, and to what was drafted in it, up to this size. */
const MAX_IDLE_BYTES = 1 << 20;
/** Metrics made in one scope. */
const MAX_ADDED = 10_000;
const noCache = new ValueMap([]);

/**
 * Goes through batches once and has `work` change what it will: records that it leaves alone are copied as they are,
 * fields that nobody knows stay. A message that holds records and is itself to be changed stands on the scene without
 * them, so that a change costs no copy of all.
 */
export class Pass {
  readonly #work: Work;
  readonly #signal: Signal;
  #scene = new Scene();
  #points = newPoints();
  #out = new Assembly();
  /** Bytes behind the pass for each one before it, in the last batch. */
  #share = 1;

  constructor(signal: Signal, work: Work) {
    this.#signal = signal;
    this.#work = work;
  }

  /** Returns `payload` itself where nothing changes. Throws what `work` throws; then nothing is changed. */
  run(payload: Payload): Payload {
    try {
      return this.#through(payload);
    } finally {
      this.#scene.overlay.abandon();
      if (payload.byteLength > MAX_IDLE_BYTES) {
        this.#scene = new Scene();
        this.#points = newPoints();
      }
    }
  }

  #through(payload: Payload): Payload {
    this.#out = new Assembly();
    this.#scene.added.length = 0;
    let same = true;
    const chunks: Uint8Array[] = [];
    for (const chunk of payload.chunks) {
      const written = this.#chunk(chunk);
      if (written !== chunk) same = false;
      if (written.length > 0) chunks.push(written);
    }
    if (same) return payload;
    let items = payload.itemCount;
    // Statements may replace data points, and make metrics.
    if (this.#signal === 'metrics') items = chunks.reduce((sum, chunk) => sum + countItems(this.#signal, chunk), 0);
    const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    this.#share = bytes / Math.max(1, payload.byteLength);
    return new Payload(this.#signal, chunks, items, bytes);
  }

  #chunk(chunk: Uint8Array): Uint8Array {
    this.#out.expect(Math.ceil(chunk.length * this.#share));
    return this.#out.inRoom(chunk, (buf, start, end) => this.#groups(buf, start, end));
  }

  #groups(buf: Uint8Array, start: number, end: number): Uint8Array {
    const fields = new Fields().reset(buf, start, end);
    while (fields.next()) {
      if (fields.tag !== GROUPS) this.#out.copy(buf, fields.at, fields.to);
      else {
        this.#holder(buf, fields, 'resource', this.#scene.resource, MEMBERS, (scopes) => {
          this.#holder(buf, scopes, 'scope', this.#scene.scope, MEMBERS, (records) => this.#record(buf, records));
        });
      }
    }
    return this.#out.finish();
  }

  /**
   * A message that holds others. It is left in place where it only holds; where it may change, what it holds is put
   * together apart and follows it.
   */
  #holder(
    buf: Uint8Array,
    at: Fields,
    context: Context,
    cursor: Cursor,
    members: number,
    member: (at: Fields) => void,
  ): void {
    const work = this.#work;
    const own = work.context === context;
    const out = this.#out;
    if (!own && !work.writes.has(context)) {
      cursor.reset(buf, at.from, at.to);
      out.open(at.tag, buf, at.at, at.from, at.to);
      const fields = new Fields().reset(buf, at.from, at.to);
      while (fields.next()) {
        if (fields.tag === members) member(fields);
        else out.copy(buf, fields.at, fields.to);
      }
      if (context === 'scope') this.#added();
      out.close();
      return;
    }
    const head = without(members, buf, at);
    cursor.reset(head, 0, head.length);
    if (own) {
      this.#run();
      if (cursor.buf === head) {
        out.copy(buf, at.at, at.to);
        return;
      }
    }
    const held = new Assembly();
    const fields = new Fields().reset(buf, at.from, at.to);
    this.#out = held;
    while (fields.next()) {
      if (fields.tag !== members) continue;
      if (own) held.copy(buf, fields.at, fields.to);
      else member(fields);
    }
    if (context === 'scope') this.#added();
    this.#out = out;
    const content = held.finish();
    out.open(at.tag);
    out.copy(cursor.buf, cursor.start, cursor.end);
    out.flush();
    out.copy(content, 0, content.length);
    out.close();
  }

  /** What statements made: the same statements are about it, as upstream. */
  #added(): void {
    const { added } = this.#scene;
    for (let i = 0; i < added.length; i++) {
      if (i >= MAX_ADDED)
        fail(
          `more than ${MAX_ADDED} metrics were made in one scope: give the statement a condition that they do not meet`,
        );
      const field = new Writer(added[i]!.length + 8);
      field.bytes(2, added[i]!);
      const bytes = field.finish();
      const at = new Fields().reset(bytes, 0, bytes.length);
      at.next();
      this.#record(bytes, at);
    }
    added.length = 0;
  }

  #record(buf: Uint8Array, at: Fields): void {
    const scene = this.#scene;
    switch (this.#work.context) {
      case 'span':
        this.#leaf(buf, at, scene.span, SPAN_ATTRIBUTES);
        return;
      case 'log':
        this.#leaf(buf, at, scene.log, LOG_ATTRIBUTES);
        return;
      case 'metric':
        this.#leaf(buf, at, scene.metric);
        return;
      case 'spanevent': {
        scene.eventIndex = 0;
        this.#holder(buf, at, 'span', scene.span, EVENTS, (event) => {
          this.#leaf(buf, event, scene.event);
          scene.eventIndex++;
        });
        return;
      }
      case 'datapoint':
        this.#metric(buf, at);
        return;
      default:
        this.#out.copy(buf, at.at, at.to);
    }
  }

  #metric(buf: Uint8Array, at: Fields): void {
    const out = this.#out;
    this.#scene.metric.reset(buf, at.from, at.to);
    out.open(at.tag, buf, at.at, at.from, at.to);
    const data = new Fields().reset(buf, at.from, at.to);
    while (data.next()) {
      const point = (data.tag & 7) === LEN ? this.#points[data.tag >>> 3] : undefined;
      if (!point) {
        out.copy(buf, data.at, data.to);
        continue;
      }
      this.#scene.point = point;
      out.open(data.tag, buf, data.at, data.from, data.to);
      const fields = new Fields().reset(buf, data.from, data.to);
      while (fields.next()) {
        if (fields.tag === POINTS) this.#leaf(buf, fields, point);
        else out.copy(buf, fields.at, fields.to);
      }
      out.close();
    }
    out.close();
  }

  /** The record that the work is about. @param attributes their field, where they are mostly what is changed */
  #leaf(buf: Uint8Array, at: Fields, cursor: Cursor, attributes?: number): void {
    const out = this.#out;
    const { overlay } = this.#scene;
    cursor.reset(buf, at.from, at.to);
    if (attributes !== undefined) overlay.begin(cursor, attributes);
    this.#run();
    if (overlay.end(out, at.tag)) return;
    if (cursor.buf === buf) {
      out.copy(buf, at.at, at.to);
      return;
    }
    out.prefix(at.tag, cursor.end - cursor.start);
    out.copy(cursor.buf, cursor.start, cursor.end);
    // The next record is drafted in the same place.
    out.flush();
  }

  #run(): void {
    if (this.#work.usesCache) this.#scene.cache = noCache;
    this.#work.run(this.#scene);
  }
}

/** The message's fields but for those it holds. */
function without(members: number, buf: Uint8Array, at: Fields): Uint8Array {
  const head = new Assembly();
  const fields = new Fields().reset(buf, at.from, at.to);
  while (fields.next()) if (fields.tag !== members) head.copy(buf, fields.at, fields.to);
  return Buffer.from(head.finish());
}

/** A view for each kind of data point, by the field of the metric that holds it. */
function newPoints(): Readonly<Record<number, DataPoint>> {
  return {
    5: new NumberPoint(),
    7: new NumberPoint(),
    9: new HistogramPoint(),
    10: new ExponentialHistogramPoint(),
    11: new SummaryPoint(),
  };
}
