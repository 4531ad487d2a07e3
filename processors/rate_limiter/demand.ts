import type { Settings } from '../../internal/core/component.ts';
import type { BatchContext } from '../../internal/core/consumer.ts';
import type { Payload } from '../../internal/otlp/payload.ts';
import { countIn, leadsOn, shapeOf } from '../../internal/otlp/shape.ts';
import { Fields } from '../../internal/otlp/view/fields.ts';
import { ResourceGroup } from '../../internal/otlp/view/resource.ts';
import type { Allowance } from './bucket.ts';
import type { RateLimiterConfig } from './config.ts';
import { Allowances } from './keys.ts';

/** Bytes; longer keys share the overflow's allowance, so that nobody fills the memory with names. */
const longestKey = 256;

/** What one key wants of its allowance. */
export interface Demand {
  /** '' where the resource or request has none; undefined where it is too long. */
  readonly key: string | undefined;
  readonly allowance: Allowance;
  items: number;
  bytes: number;
}

const groupTypes = { traces: 'ResourceSpans', metrics: 'ResourceMetrics', logs: 'ResourceLogs' } as const;

/** Says whose a batch is, and what each key asks for. */
export class Demands {
  readonly allowances: Allowances;
  readonly #config: RateLimiterConfig;
  readonly #settings: Settings;
  readonly #attribute: Uint8Array | undefined;

  constructor(settings: Settings, config: RateLimiterConfig) {
    this.#settings = settings;
    this.#config = config;
    this.allowances = new Allowances(config, settings.clock.monotonic());
    const attribute = config.key?.resource_attribute;
    this.#attribute = attribute === undefined ? undefined : Buffer.from(attribute);
  }

  /** One for each allowance that the batch needs. */
  of(batch: Payload, ctx: BatchContext): Map<Allowance, Demand> {
    if (this.#attribute) return this.#byResource(batch);
    const header = this.#config.key?.metadata;
    const key = header === undefined ? '' : short(ctx.metadata?.get(header)?.join(',') ?? '');
    const allowance = this.allowances.of(key, this.#settings.clock.monotonic());
    return new Map([[allowance, { key, allowance, items: batch.itemCount, bytes: batch.byteLength }]]);
  }

  /** Which of these demands a resource's is. */
  demandOf(group: ResourceGroup, demands: ReadonlyMap<Allowance, Demand>): Demand {
    const only = demands.values().next().value!;
    if (demands.size === 1) return only;
    const key = this.#keyOf(group);
    for (const demand of demands.values()) if (demand.key === key) return demand;
    // Keys that share the overflow's allowance are one demand, under the name of the first.
    for (const demand of demands.values()) if (this.allowances.isOverflow(demand.allowance)) return demand;
    return only;
  }

  #byResource(batch: Payload): Map<Allowance, Demand> {
    const shape = shapeOf(batch.signal);
    const demands = new Map<Allowance, Demand>();
    const group = new ResourceGroup(groupTypes[batch.signal]);
    const fields = new Fields();
    const now = this.#settings.clock.monotonic();
    for (const chunk of batch.chunks) {
      fields.reset(chunk, 0, chunk.length);
      while (fields.next()) {
        if (!leadsOn(shape[0]!, fields)) continue;
        const items = countIn(shape, 1, chunk, fields.from, fields.to);
        if (items === 0) continue;
        const key = this.#keyOf(group.reset(chunk, fields.from, fields.to));
        const allowance = this.allowances.of(key, now);
        const demand = demands.get(allowance);
        const bytes = fields.to - fields.at;
        if (!demand) demands.set(allowance, { key, allowance, items, bytes });
        else {
          demand.items += items;
          demand.bytes += bytes;
        }
      }
    }
    return demands;
  }

  #keyOf(group: ResourceGroup): string | undefined {
    const value = group.resource.attributes.find(this.#attribute!)?.value;
    switch (value?.kind) {
      case 'string':
        return value.valueEnd(1) - value.valueStart(1) > longestKey ? undefined : value.stringValue;
      case 'int':
        return String(value.intValue);
      case 'bool':
        return String(value.boolValue);
      default:
        return '';
    }
  }
}

function short(key: string): string | undefined {
  return key.length > longestKey ? undefined : key;
}
