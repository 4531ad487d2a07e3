import type { Payload } from '../../internal/otlp/payload.ts';
import { type Patch, rewriteLogs, rewriteMetrics, rewriteSpans } from '../../internal/otlp/rewrite.ts';
import type { Cursor } from '../../internal/otlp/view/cursor.ts';
import type { ResourceGroup } from '../../internal/otlp/view/resource.ts';
import type { Allowance } from './bucket.ts';
import type { Demand } from './demand.ts';

/** Of a key so far. `whole`: all that it sent may pass, and is paid. */
interface Share extends Demand {
  readonly whole: boolean;
}

/**
 * Keeps of each key as many items as its allowance covers, in their order. A key that needs no cut pays for its whole
 * groups, one that does for the items that are left of it.
 *
 * @param demandOf whose a resource is @returns what is left, and what each key has paid
 */
export function cut(
  batch: Payload,
  demands: ReadonlyMap<Allowance, Demand>,
  demandOf: (group: ResourceGroup) => Demand,
): { readonly kept: Payload; readonly paid: readonly Demand[] } {
  const shares = new Map<Allowance, Share>();
  for (const demand of demands.values()) shares.set(demand.allowance, begin(demand));
  let share!: Share;
  const resource = (group: ResourceGroup, patch: Patch) => {
    share = shares.get(demandOf(group).allowance)!;
    if (!share.whole && share.allowance.wait(1, 1) > 0) patch.drop();
  };
  const item = (item: Cursor, patch: Patch) => {
    if (share.whole) return;
    const bytes = item.end - item.start;
    if (share.allowance.wait(1, bytes) > 0) {
      patch.drop();
      return;
    }
    share.allowance.take(1, bytes);
    share.items++;
    share.bytes += bytes;
  };
  const rewrites = {
    traces: () => rewriteSpans(batch, { resource, record: item }),
    logs: () => rewriteLogs(batch, { resource, record: item }),
    metrics: () => rewriteMetrics(batch, { resource, point: item }),
  };
  return { kept: rewrites[batch.signal](), paid: [...shares.values()] };
}

function begin(demand: Demand): Share {
  const { key, allowance, items, bytes } = demand;
  if (!allowance.covers(items, bytes)) return { key, allowance, items: 0, bytes: 0, whole: false };
  allowance.take(items, bytes);
  return { key, allowance, items, bytes, whole: true };
}
