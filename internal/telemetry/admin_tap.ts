import type { ServerResponse } from 'node:http';
import type { Clock } from '../core/clock.ts';
import type { TapPlace, Tappable } from '../core/tap.ts';
import { encodeJson } from '../otlp/json.ts';
import type { Payload } from '../otlp/payload.ts';
import type { AdminRoute } from './admin.ts';

/** Takes records out of a batch, each as a batch of its own. @param most how many */
export type Pick = (batch: Payload, most: number) => readonly Payload[];

export interface TapOptions {
  readonly clock: Clock;
  readonly taps: Tappable;
  /** Records for which a condition holds; any records without one. */
  picker(filter: string | undefined): Promise<{ readonly pick: Pick } | TapRefused>;
}

/** An answer of 400, 404 or 429; of a filter with what is wrong where in it. */
export interface TapRefused {
  readonly error: string;
  readonly at?: number;
  readonly length?: number;
}

/** A line of the answer. Empty ones only show that the connection lives. */
export type TapLine =
  | { readonly tapping: readonly TapPlace[] }
  /** `data` is one record as OTLP/JSON. */
  | { readonly place: TapPlace; readonly data: unknown }
  | { readonly end: TapEnd };

export interface TapEnd {
  readonly reason: 'limit' | 'timeout';
  readonly shown: number;
  /** Spans, log records and data points that passed. */
  readonly passed: number;
  /** Of these, in batches that were not looked at: the rate was used up, or the client did not read. */
  readonly unseen: number;
}

const maxTaps = 4;
/** Longer records are not shown. */
const maxRecordBytes = 256 * 1024;
/** What conditions may be asked about in a second. */
const maxLookedAt = 50_000;
const aliveEveryMs = 15_000;
/** After its end a client may read what is left for so long. */
const graceMs = 5000;

const limits = { limit: [10, 100_000], rate: [10, 1000], timeoutMs: [30_000, 3_600_000] } as const;

/** `GET /tap?component=&filter=&limit=&rate=&timeoutMs=`: records that pass, in lines of JSON. */
export function tapRoute(options: TapOptions): AdminRoute {
  let open = 0;
  return {
    method: 'get',
    path: '/tap',
    async handle(request, response) {
      const refuse = (status: number, refused: TapRefused) => void response.status(status).json(refused);
      const { component, filter, ...rest } = request.query as Record<string, string | undefined>;
      const bounds = boundsOf(rest);
      if ('error' in bounds) return refuse(400, bounds);
      const wanted = wantedBy(component);
      const places = options.taps.places().filter(wanted);
      if (places.length === 0) return refuse(404, { error: nowhere(component, options.taps.places()) });
      const picker = await options.picker(filter);
      if ('error' in picker) return refuse(400, picker);
      if (open >= maxTaps) return refuse(429, { error: `${maxTaps} taps are open already: end one of them` });
      open += 1;
      response.on('close', () => {
        open -= 1;
      });
      response.writeHead(200, { 'content-type': 'application/x-ndjson' });
      new Session(response, bounds, picker.pick, options.clock).run(options.taps, wanted, places);
    },
  };
}

interface Bounds {
  readonly limit: number;
  /** Records in a second. */
  readonly rate: number;
  readonly timeoutMs: number;
}

function boundsOf(query: Readonly<Record<string, string | undefined>>): Bounds | TapRefused {
  const bounds: Record<string, number> = {};
  for (const [name, [byDefault, most]] of Object.entries(limits)) {
    const value = Number(query[name] ?? byDefault);
    if (!Number.isInteger(value) || value < 1 || value > most) {
      return { error: `${name}: expected a number from 1 to ${most}, got ${JSON.stringify(query[name])}` };
    }
    bounds[name] = value;
  }
  const unknown = Object.keys(query).find((name) => !Object.hasOwn(limits, name));
  if (unknown !== undefined) return { error: `unknown parameter ${JSON.stringify(unknown)}` };
  return bounds as unknown as Bounds;
}

/** `batch`, `exporter:otlp`; every exporter where none is named. */
function wantedBy(component: string | undefined): (place: TapPlace) => boolean {
  if (!component) return ({ kind }) => kind === 'exporter';
  return ({ kind, id }) => id === component || `${kind}:${id}` === component;
}

function nowhere(component: string | undefined, places: readonly TapPlace[]): string {
  const ids = [...new Set(places.map(({ kind, id }) => `${kind}:${id}`))].join(', ');
  return `there is no component ${JSON.stringify(component ?? 'exporter')} to tap: expected one of ${ids}`;
}

/** One client. Holds at most what its connection buffers: a record that it cannot take is not shown. */
class Session {
  readonly #response: ServerResponse;
  readonly #bounds: Bounds;
  readonly #pick: Pick;
  readonly #clock: Clock;
  #shown = 0;
  #passed = 0;
  #unseen = 0;
  /** Records that may be shown, and looked at, now; filled as time goes by. */
  #room: number;
  #lookable = maxLookedAt;
  #filledAt: number;
  #stop: () => void = () => {};

  constructor(response: ServerResponse, bounds: Bounds, pick: Pick, clock: Clock) {
    this.#response = response;
    this.#bounds = bounds;
    this.#pick = pick;
    this.#clock = clock;
    this.#room = bounds.rate;
    this.#filledAt = clock.monotonic();
  }

  run(taps: Tappable, wanted: (place: TapPlace) => boolean, places: readonly TapPlace[]): void {
    this.#write({ tapping: places });
    const untap = taps.tap(wanted, (place, batch) => this.#saw(place, batch));
    const deadline = this.#clock.after(this.#bounds.timeoutMs, () => this.#end('timeout'));
    const alive = this.#clock.every(aliveEveryMs, () => {
      if (!this.#response.writableNeedDrain) this.#response.write('\n');
    });
    this.#stop = () => {
      untap();
      deadline.cancel();
      alive.cancel();
    };
    this.#response.on('close', this.#stop).on('error', this.#stop);
  }

  /** On the way of a batch: whatever happens here is no concern of the pipeline's. */
  #saw(place: TapPlace, batch: Payload): void {
    this.#passed += batch.itemCount;
    this.#fill();
    const most = Math.min(Math.floor(this.#room), this.#bounds.limit - this.#shown);
    if (most < 1 || this.#lookable <= 0 || this.#response.writableNeedDrain) {
      this.#unseen += batch.itemCount;
      return;
    }
    this.#lookable -= batch.itemCount;
    try {
      for (const record of this.#pick(batch, most)) this.#show(place, record);
    } catch {
      // Bytes that cannot be shown.
      this.#unseen += batch.itemCount;
    }
    if (this.#shown >= this.#bounds.limit) this.#end('limit');
  }

  #show(place: TapPlace, record: Payload): void {
    this.#room -= 1;
    if (record.byteLength > maxRecordBytes || this.#response.writableNeedDrain) {
      this.#unseen += record.itemCount;
      return;
    }
    this.#shown += 1;
    const head = `{"place":${JSON.stringify(place)},"data":`;
    this.#response.write(Buffer.concat([Buffer.from(head), encodeJson(record), Buffer.from('}\n')]));
  }

  #fill(): void {
    const now = this.#clock.monotonic();
    const seconds = (now - this.#filledAt) / 1000;
    this.#filledAt = now;
    this.#room = Math.min(this.#bounds.rate, this.#room + seconds * this.#bounds.rate);
    this.#lookable = Math.min(maxLookedAt, this.#lookable + seconds * maxLookedAt);
  }

  #end(reason: TapEnd['reason']): void {
    this.#stop();
    this.#write({ end: { reason, shown: this.#shown, passed: this.#passed, unseen: this.#unseen } });
    this.#response.end();
    const grace = this.#clock.after(graceMs, () => this.#response.destroy());
    this.#response.on('close', () => grace.cancel());
  }

  #write(line: TapLine): void {
    this.#response.write(`${JSON.stringify(line)}\n`);
  }
}
