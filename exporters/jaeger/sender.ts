import type { Host, Settings } from '../../internal/core/component.ts';
import { Notice } from '../../internal/core/notice.ts';
import { accepted, type Outcome, type Permanent, permanent, type Retryable } from '../../internal/core/outcome.ts';
import type { Located, Loss, SendContext, Sender } from '../../internal/exporterhelper/index.ts';
import type { Payload } from '../../internal/otlp/payload.ts';
import type { JaegerConfig } from './config.ts';
import type { Cutter, Message, Run } from './cutter.ts';
import { openTransport, type Transport } from './transport.ts';

/** Messages are not made smaller than this for a server that finds them too large. */
const leastMessageBytes = 16 * 1024;
/** Messages of one batch that are under way at the same time. */
const maxUnderWay = 16;

/** How far a batch has come: it is sent in several messages, and after a failure from where it stopped. */
interface Journey {
  readonly cutter: Cutter;
  readonly losses: Loss[];
  /** Spans that have arrived. */
  delivered: number;
  /** What the server said of messages that it took: of rejected spans, or a warning. */
  remark: string | undefined;
}

/** Sends each batch in messages that the server takes. What has arrived is not sent again when another message fails. */
export class JaegerSender implements Sender {
  readonly #settings: Settings;
  readonly #config: JaegerConfig;
  readonly #journeys = new WeakMap<Payload, Journey>();
  readonly #tooLarge: Notice;
  #maxBytes: number;
  #transport: Transport | undefined;

  constructor(settings: Settings, config: JaegerConfig) {
    this.#settings = settings;
    this.#config = config;
    this.#maxBytes = config.max_message_bytes;
    this.#tooLarge = new Notice(settings.clock);
  }

  async start(host: Host): Promise<void> {
    this.#transport = await openTransport(this.#settings, this.#config, host);
  }

  async send(batch: Payload, { abort }: SendContext): Promise<Outcome> {
    const transport = this.#transport;
    if (!transport) return permanent('shutdown', 'the exporter is not running');
    const journey = this.#journeys.get(batch) ?? begin(transport, batch);
    // Two pipelines may send the same batch here at the same time: each goes its own way.
    this.#journeys.delete(batch);
    const refusal = await this.#travel(journey, transport, abort);
    if (!refusal) return arrived(journey, batch.itemCount);
    this.#journeys.set(batch, journey);
    return stopped(journey, refusal);
  }

  async shutdown(): Promise<void> {
    this.#transport?.close();
    this.#transport = undefined;
  }

  /**
   * Sends until nothing is left, or until something must wait: then what is under way is still answered.
   * @returns why it did not come to its end
   */
  async #travel(journey: Journey, transport: Transport, abort: AbortSignal): Promise<Retryable | undefined> {
    const underWay = new Set<Promise<void>>();
    let bytes = 0;
    let refusal: Retryable | undefined;
    while (!refusal) {
      const message = journey.cutter.next(this.#maxBytes);
      if (!message && underWay.size === 0) break;
      if (message) {
        bytes += message.byteLength;
        const sent: Promise<void> = post(transport, message, abort)
          .then((outcome) => {
            refusal = this.#settle(journey, message, outcome) ?? refusal;
          })
          .finally(() => {
            underWay.delete(sent);
            bytes -= message.byteLength;
          });
        underWay.add(sent);
        // Small messages, of many processes, go side by side, or each would cost the time to the server and back.
        if (underWay.size < maxUnderWay && bytes < this.#maxBytes / 2) continue;
      }
      await Promise.race(underWay);
    }
    await Promise.all(underWay);
    return refusal;
  }

  /** @returns the refusal of a message that is to be sent again later */
  #settle(journey: Journey, message: Message, outcome: Outcome): Retryable | undefined {
    if (outcome.status === 'retryable') {
      message.takeBack();
      return outcome;
    }
    if (outcome.status === 'accepted') {
      const rejected = Math.min(outcome.rejectedItems ?? 0, message.items);
      journey.delivered += message.items - rejected;
      journey.losses.push(...firstOf(message.runs(), rejected));
      journey.remark ??= outcome.reason;
    } else if (this.#makesSmaller(outcome, message)) message.takeBack();
    else journey.losses.push(...message.runs().map((run) => ({ ...run, outcome })));
    return undefined;
  }

  /** The server takes less than it was thought to: so this message, and all later ones, become smaller. */
  #makesSmaller(outcome: Permanent, { items, byteLength }: Message): boolean {
    if (outcome.code !== 'too_large' || items < 2) return false;
    const maxBytes = Math.floor(byteLength / 2);
    if (maxBytes < leastMessageBytes) return false;
    this.#maxBytes = Math.min(this.#maxBytes, maxBytes);
    this.#tooLarge.event(() => {
      const fields = { refused_bytes: byteLength, next_bytes: this.#maxBytes, reason: outcome.reason };
      this.#settings.logger.warn('Jaeger takes smaller messages only: set max_message_bytes to what it takes', fields);
    });
    return true;
  }
}

function begin(transport: Transport, batch: Payload): Journey {
  return { cutter: transport.cut(batch), losses: [], delivered: 0, remark: undefined };
}

async function post(transport: Transport, message: Message, abort: AbortSignal): Promise<Outcome> {
  let read = false;
  try {
    const outcome = await transport.post(message, abort);
    read = outcome.status === 'accepted';
    return outcome;
  } finally {
    // After a failure the connection may still hold a part.
    message.release(read);
  }
}

function stopped({ cutter, losses, delivered }: Journey, refusal: Retryable): Located {
  if (delivered === 0 && losses.length === 0) return refusal;
  const rest = cutter.rest().map((run) => ({ ...run, outcome: refusal }));
  return { ...refusal, losses: inOrder([...losses, ...rest]) };
}

function arrived({ losses, delivered, remark }: Journey, items: number): Located {
  if (losses.length === 0) return remark === undefined ? accepted : { status: 'accepted', reason: remark };
  const refusals = losses.flatMap(({ outcome }) => (outcome?.status === 'permanent' ? [outcome] : []));
  const said = refusals[0];
  if (said && delivered === 0) return { ...said, losses: inOrder(losses) };
  const reason = said?.reason ?? remark ?? 'Jaeger rejected part of the batch';
  return { status: 'accepted', rejectedItems: items - delivered, reason, losses: inOrder(losses) };
}

function inOrder(losses: readonly Loss[]): Loss[] {
  return losses.toSorted((a, b) => a.from - b.from);
}

/** The server does not say which spans: the first ones stand for them. */
function firstOf(runs: readonly Run[], items: number): Run[] {
  const first: Run[] = [];
  for (const run of runs) {
    if (items <= 0) break;
    first.push({ from: run.from, items: Math.min(run.items, items) });
    items -= run.items;
  }
  return first;
}
