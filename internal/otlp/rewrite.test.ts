import { expect, test } from 'vitest';
import { asPayload, generatePayload, type RandomOptions, randomRequest, stamp, stampsOf } from '../testkit/generate.ts';
import { loadOracle } from '../testkit/oracle.ts';
import { Payload, type Signal } from './payload.ts';
import { Regroup, regroup } from './regroup.ts';
import { type Patch, rewriteLogs, rewriteMetrics, rewriteSpans } from './rewrite.ts';
import { countItems } from './shape.ts';
import { Metric } from './view/metric.ts';
import type { Span } from './view/span.ts';
import { walkSpans } from './view/walk.ts';
import { Writer } from './writer.ts';

const oracle = await loadOracle();
const signals: readonly Signal[] = ['traces', 'logs', 'metrics'];
const shapes: readonly RandomOptions[] = [
  {},
  { unknown: true },
  { padded: true },
  { disorder: true },
  { unknown: true, padded: true, disorder: true },
];

/** Field names on the way from a request to its records. */
const path = {
  traces: ['resourceSpans', 'scopeSpans', 'spans'],
  logs: ['resourceLogs', 'scopeLogs', 'logRecords'],
  metrics: ['resourceMetrics', 'scopeMetrics', 'metrics'],
} as const;

type Tree = any;

function rewrite(
  payload: Payload,
  visitor: { resource?: Visit; scope?: Visit; record?: Visit },
  options?: { keepEmpty: boolean },
): Payload {
  if (payload.signal === 'traces') return rewriteSpans(payload, visitor, options);
  if (payload.signal === 'logs') return rewriteLogs(payload, visitor, options);
  return rewriteMetrics(payload, visitor, options);
}
type Visit = (view: any, patch: Patch) => void;

/** What the batch says, chunks merged, and that it is what it claims to be. */
function read(payload: Payload): Tree {
  const bytes = Buffer.concat(payload.chunks);
  expect(payload.byteLength).toBe(bytes.length);
  expect(asPayload(payload.signal, bytes).itemCount).toBe(payload.itemCount);
  return oracle.read(payload.signal, bytes);
}

/** Removes groups that lost their last member. */
function prune(signal: Signal, tree: Tree, before: Tree): Tree {
  const [resources, scopes, records] = path[signal];
  const emptied = (now: Tree, then: Tree, field: string) => then?.[field]?.length > 0 && !(now[field]?.length > 0);
  const keep = (list: Tree[], old: Tree[], field: string) => list?.filter((now, i) => !emptied(now, old[i], field));
  for (const [r, resource] of (tree[resources] ?? []).entries()) {
    for (const scope of resource[scopes] ?? []) if (scope[records]?.length === 0) delete scope[records];
    const kept = keep(resource[scopes], before[resources][r][scopes], records);
    if (kept) resource[scopes] = kept;
    if (kept?.length === 0) delete resource[scopes];
  }
  const kept = keep(tree[resources], before[resources], scopes);
  if (kept) tree[resources] = kept;
  if (kept?.length === 0) delete tree[resources];
  return tree;
}

function eachRequest(check: (payload: Payload, where: string) => void): void {
  for (const signal of signals) {
    for (const [i, options] of shapes.entries()) {
      for (let seed = 1; seed <= 12; seed++) {
        const bytes = randomRequest(signal, seed, options);
        check(asPayload(signal, bytes), `${signal}, shape ${i}, seed ${seed}`);
      }
    }
  }
}

/** A KeyValue `added: true` as the given field. */
function attribute(field: number): Uint8Array {
  const out = new Writer();
  const pair = out.open(field);
  out.string(1, 'added');
  const value = out.open(2);
  out.varint(2, 1);
  out.close(value);
  out.close(pair);
  return out.finish();
}
const added = { key: 'added', value: { boolValue: true } };
const attributesField = { traces: 9, logs: 6, metrics: 12 } as const;

test('a visitor that asks for nothing to be changed gets the same batch back', () => {
  eachRequest((payload) => {
    expect(rewrite(payload, { resource() {}, scope() {}, record() {} })).toBe(payload);
    if (payload.signal === 'metrics') expect(rewriteMetrics(payload, { point() {} })).toBe(payload);
  });
});

test('dropping every second record equals decode, drop, encode', () => {
  eachRequest((payload, where) => {
    let number = 0;
    const written = rewrite(payload, { record: (_record, patch) => void (number++ % 2 === 0 && patch.drop()) });
    const [resources, scopes, records] = path[payload.signal];
    const tree = read(payload);
    number = 0;
    for (const resource of tree[resources] ?? []) {
      for (const scope of resource[scopes] ?? []) {
        if (scope[records]) scope[records] = scope[records].filter(() => number++ % 2 !== 0);
      }
    }
    expect(read(written), where).toEqual(prune(payload.signal, tree, read(payload)));
  });
});

test('with keepEmpty the groups stay', () => {
  const payload = generatePayload('traces', { items: 8, resources: 2 });
  const tree = read(rewriteSpans(payload, { record: (_span, patch) => patch.drop() }, { keepEmpty: true }));
  expect(tree.resourceSpans).toHaveLength(2);
  expect(tree.resourceSpans[0].scopeSpans[0].spans).toBeUndefined();
  expect(rewriteSpans(payload, { record: (_span, patch) => patch.drop() })).toMatchObject({
    chunks: [],
    itemCount: 0,
    byteLength: 0,
  });
});

test('appending an attribute to every record equals decode, push, encode', () => {
  eachRequest((payload, where) => {
    const { signal } = payload;
    const written = rewrite(payload, { record: (_record, patch) => patch.append(attribute(attributesField[signal])) });
    const tree = read(payload);
    const [resources, scopes, records] = path[signal];
    for (const resource of tree[resources] ?? []) {
      for (const scope of resource[scopes] ?? []) {
        for (const record of scope[records] ?? []) {
          const field = signal === 'metrics' ? 'metadata' : 'attributes';
          record[field] = [...(record[field] ?? []), added];
        }
      }
    }
    expect(read(written), where).toEqual(tree);
  });
});

test('cutting out attributes by their key equals decode, filter, encode', () => {
  const key = Buffer.from('http.method');
  eachRequest((payload, where) => {
    if (payload.signal === 'metrics') return;
    const cut: Visit = ({ attributes }, patch) => {
      while (attributes.next()) if (attributes.current.keyIs(key)) patch.cut(attributes.at, attributes.current.end);
    };
    const written = rewrite(payload, { record: cut });
    const tree = read(payload);
    const [resources, scopes, records] = path[payload.signal];
    for (const resource of tree[resources] ?? []) {
      for (const scope of resource[scopes] ?? []) {
        for (const record of scope[records] ?? []) {
          const kept = record.attributes?.filter((pair: Tree) => pair.key !== 'http.method');
          if (kept?.length > 0) record.attributes = kept;
          else delete record.attributes;
        }
      }
    }
    expect(read(written), where).toEqual(tree);
  });
});

test('patching resources and scopes equals decode, push, encode, also where they stand in pieces or not at all', () => {
  eachRequest((payload, where) => {
    const written = rewrite(payload, {
      resource: (_group, patch) => patch.append(attribute(1)),
      scope: (_group, patch) => patch.append(attribute(3)),
    });
    const tree = read(payload);
    const [resources, scopes] = path[payload.signal];
    for (const group of tree[resources] ?? []) {
      group.resource = { ...group.resource, attributes: [...(group.resource?.attributes ?? []), added] };
      for (const inner of group[scopes] ?? []) {
        inner.scope = { ...inner.scope, attributes: [...(inner.scope?.attributes ?? []), added] };
      }
    }
    expect(read(written), where).toEqual(tree);
    expect(written.itemCount).toBe(payload.itemCount);
  });
});

test('a field put beside the resource or the scope equals decode, set, encode, with a change of it or without', () => {
  const url = new Writer();
  url.string(3, 'beside');
  eachRequest((payload, where) => {
    const written = rewrite(payload, {
      resource: (_group, patch) => {
        if (where.endsWith('2')) patch.append(attribute(1));
        patch.appendBeside(url.finish());
      },
      scope: (_group, patch) => patch.appendBeside(url.finish()),
    });
    const tree = read(payload);
    const [resources, scopes] = path[payload.signal];
    for (const group of tree[resources] ?? []) {
      group.schemaUrl = 'beside';
      if (where.endsWith('2')) {
        group.resource = { ...group.resource, attributes: [...(group.resource?.attributes ?? []), added] };
      }
      for (const inner of group[scopes] ?? []) inner.schemaUrl = 'beside';
    }
    expect(read(written), where).toEqual(tree);
  });
});

test('dropping resources and scopes equals decode, filter, encode', () => {
  eachRequest((payload, where) => {
    const [resources, scopes] = path[payload.signal];
    let number = 0;
    const noResources = rewrite(payload, { resource: (_group, patch) => void (number++ % 2 && patch.drop()) });
    const tree = read(payload);
    const kept = tree[resources]?.filter((_: Tree, i: number) => i % 2 === 0);
    expect(read(noResources)[resources] ?? [], where).toEqual(kept ?? []);

    const named = (group: Tree) => group.schemaUrl !== '';
    const noScopes = rewrite(payload, { scope: (group, patch) => void (named(group) && patch.drop()) });
    for (const resource of tree[resources] ?? []) {
      resource[scopes] = resource[scopes]?.filter((scope: Tree) => !scope.schemaUrl);
      if (!(resource[scopes]?.length > 0)) delete resource[scopes];
    }
    expect(read(noScopes), where).toEqual(pruneResources(tree, read(payload), payload.signal));
  });
});

function pruneResources(tree: Tree, before: Tree, signal: Signal): Tree {
  const [resources, scopes] = path[signal];
  const lost = (group: Tree, i: number) => before[resources][i][scopes] && !group[scopes];
  tree[resources] = tree[resources]?.filter((group: Tree, i: number) => !lost(group, i));
  if (!(tree[resources]?.length > 0)) delete tree[resources];
  return tree;
}

const dataFields = ['gauge', 'sum', 'histogram', 'exponentialHistogram', 'summary'];

test('dropping and patching data points equals decode, edit, encode', () => {
  for (const options of [{}, { unknown: true }, { padded: true }]) {
    for (let seed = 1; seed <= 100; seed++) {
      const payload = asPayload('metrics', randomRequest('metrics', seed, options));
      const odd = (time: string | bigint | undefined) => BigInt(time ?? 0) % 2n === 1n;
      const flags = Uint8Array.from([0x50, 1]); // field 10 of histograms
      const written = rewriteMetrics(payload, {
        point: (point, patch, metric) => {
          if (odd(point.timeUnixNano)) patch.drop();
          else if (metric.kind === 'histogram') patch.append(flags);
        },
      });
      const tree = read(payload);
      for (const resource of tree.resourceMetrics ?? []) {
        for (const scope of resource.scopeMetrics ?? []) {
          scope.metrics = scope.metrics?.filter((metric: Tree) => {
            const data = metric[dataFields.find((field) => metric[field]) ?? ''];
            const kept = data?.dataPoints?.filter((point: Tree) => !odd(point.timeUnixNano));
            if (metric.histogram) for (const point of kept ?? []) point.flags = 1;
            if (data?.dataPoints) data.dataPoints = kept;
            return kept?.length !== 0;
          });
          if (!scope.metrics) delete scope.metrics;
        }
      }
      expect(read(written), `seed ${seed}`).toEqual(prune('metrics', tree, read(payload)));
    }
  }
});

test('data that is left without points does not bring back what it had overwritten', () => {
  const point = Uint8Array.from([0x0a, 0]);
  const out = new Writer();
  out.bytes(7, point); // a sum, overwritten
  out.bytes(5, point); // by a gauge
  const metric = out.finish();
  const view = new Metric().reset(metric, 0, metric.length);
  expect(view.kind).toBe('gauge');
  const request = wrap(wrap(wrap(metric, 2), 2), 1);
  const written = rewriteMetrics(asPayload('metrics', request), {
    point: (point, patch) => void (point.end === request.length && patch.drop()),
  });
  expect(read(written)).toEqual({});
});

function wrap(content: Uint8Array, field: number): Uint8Array {
  const out = new Writer();
  out.bytes(field, content);
  return out.finish();
}

test('a metric replaced by one with more points is counted anew, and then its points are visited', () => {
  const payload = asPayload('metrics', wrap(wrap(wrap(wrap(Uint8Array.from([0x0a, 0]), 5), 2), 2), 1));
  expect(payload.itemCount).toBe(1);
  const content = wrap(Uint8Array.from([0x0a, 0, 0x0a, 2, 0x40, 1, 0x0a, 0]), 5);
  const record = (_metric: Metric, patch: Patch) => patch.replace(content);
  expect(rewriteMetrics(payload, { record }).itemCount).toBe(3);
  const written = rewriteMetrics(payload, {
    record,
    point: (point, patch) => void (point.noRecordedValue && patch.drop()),
  });
  expect(written.itemCount).toBe(2);
  read(written);
});

test('a record replaced and a piece of it replaced come out so', () => {
  const payload = generatePayload('traces', { items: 3 });
  const name = (text: string) => wrap(Buffer.from(text), 5);
  const tree = read(
    rewriteSpans(payload, {
      record: (span, patch) => {
        if (span.startTimeUnixNano === 0n) patch.drop();
        patch.splice(span.firstTag(5), span.valueEnd(5), name('renamed'));
      },
    }),
  );
  const want = read(payload);
  for (const span of want.resourceSpans[0].scopeSpans[0].spans) span.name = 'renamed';
  expect(tree).toEqual(want);
  const replaced = rewriteSpans(payload, { record: (_span, patch) => patch.replace(name('all')) });
  expect(read(replaced).resourceSpans[0].scopeSpans[0].spans).toEqual(Array(3).fill({ name: 'all' }));
});

test('pieces may be cut in any order, but not twice', () => {
  const payload = generatePayload('traces', { items: 1 });
  const names = (record: (span: Span, patch: Patch) => void) => {
    const walk = walkSpans(rewriteSpans(payload, { record }));
    walk.nextResource();
    walk.nextScope();
    walk.nextRecord();
    return [walk.record.name, walk.record.kind, walk.record.has(1)];
  };
  const name = new Writer();
  name.string(5, 'renamed');
  const inDisorder = (span: Span, patch: Patch) => {
    patch.cut(span.firstTag(6), span.valueEnd(6));
    patch.append(name.finish());
    patch.cut(span.firstTag(1), span.valueEnd(1));
    patch.cut(span.firstTag(5), span.valueEnd(5));
  };
  expect(names(inDisorder)).toEqual(['renamed', 0, false]);
  const twice = (span: Span, patch: Patch) => {
    patch.cut(span.start + 9, span.start + 20);
    patch.cut(span.start, span.start + 10);
  };
  expect(() => names(twice)).toThrow(/cut already/);
});

test('an untouched chunk is passed on as it is beside one that changes', () => {
  const parts = [1, 2, 3].map((seed) => generatePayload('traces', { items: 4, seed }));
  const batch = Payload.concat('traces', parts);
  const gone = stamp(2, 3);
  const written = rewriteSpans(batch, {
    record: (span, patch) => void (Buffer.from(span.spanId).toString('hex') === gone && patch.drop()),
  });
  expect(written.chunks[0]).toBe(batch.chunks[0]);
  expect(written.chunks[2]).toBe(batch.chunks[2]);
  expect(written.itemCount).toBe(11);
  expect(stampsOf(written)).toEqual(stampsOf(batch).filter((stamp) => stamp !== gone));
});

test('regrouping puts equal resources and scopes together and loses nothing', () => {
  const parts = [1, 2, 3].map((seed) => generatePayload('traces', { items: 6, resources: 2, seed }));
  const batch = Payload.concat('traces', parts);
  const tree = read(regroup(batch));
  expect(tree.resourceSpans).toHaveLength(2);
  expect(tree.resourceSpans[0].scopeSpans).toHaveLength(1);
  expect(tree.resourceSpans[0].scopeSpans[0].spans).toHaveLength(9);
  expect(stampsOf(regroup(batch)).sort()).toEqual(stampsOf(batch).sort());
  expect(regroup(parts[0]!)).toBe(parts[0]);
});

test('regrouping keeps each record under what described it', () => {
  eachRequest((payload, where) => {
    const twice = new Payload(
      payload.signal,
      [...payload.chunks, ...payload.chunks],
      payload.itemCount * 2,
      payload.byteLength * 2,
    );
    const [resources, scopes, records] = path[payload.signal];
    const described = (tree: Tree) =>
      (tree[resources] ?? [])
        .flatMap(({ [scopes]: inside, ...resource }: Tree) =>
          (inside ?? []).flatMap(({ [records]: items, ...scope }: Tree) =>
            (items ?? []).map((item: Tree) => JSON.stringify([resource, scope, item])),
          ),
        )
        .sort();
    const written = regroup(twice);
    expect(described(read(written)), where).toEqual(described(read(twice)));
    expect(written.itemCount).toBe(twice.itemCount);
    expect(countItems(written.signal, Buffer.concat(written.chunks))).toBe(twice.itemCount);
  });
});

test('records picked from several batches come together under their groups', () => {
  const parts = [1, 2].map((seed) => generatePayload('traces', { items: 10, resources: 2, seed }));
  const picked = new Regroup('traces');
  const wanted: string[] = [];
  for (const part of parts) {
    const walk = walkSpans(part);
    while (walk.nextResource()) {
      while (walk.nextScope()) {
        while (walk.nextRecord()) {
          const id = Buffer.from(walk.record.spanId).toString('hex');
          if (Number(`0x${id}`) % 3 !== 0) continue;
          picked.add(walk, walk);
          wanted.push(id);
        }
      }
    }
  }
  const payload = picked.finish();
  expect(stampsOf(payload).sort()).toEqual(wanted.sort());
  expect(payload.itemCount).toBe(wanted.length);
  expect(read(payload).resourceSpans).toHaveLength(2);
});
