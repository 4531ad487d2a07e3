import {
  type Accessor,
  computed,
  expectText,
  fixed32,
  id,
  idText,
  messages,
  nanos,
  text,
  time,
  varint,
} from './accessors.ts';
import type { Key } from './keyed.ts';
import { attributesIn, type Leaves, leaf } from './paths_common.ts';
import { inside, onScene } from './place.ts';
import { insertMember, memberOf } from './trace_state.ts';
import { fail } from './values.ts';

const span = onScene((scene) => scene.spanFields);
const status = inside(span, 15, (scene) => scene.spanFields.status);
const event = onScene((scene) => scene.event);

const kinds = ['Unspecified', 'Internal', 'Server', 'Client', 'Producer', 'Consumer'];
const deprecatedKinds = kinds.map((kind) => `SPAN_KIND_${kind.toUpperCase()}`);
const kind = varint(span, 6, true);
const traceState = text(span, 3);

/** The span's kind by name. @param unknown what a kind that nobody knows is called */
function kindName(names: readonly string[], unknown: string): Accessor {
  return {
    get: (scene) => names[scene.spanFields.kind] ?? unknown,
    set(scene, value) {
      const index = names.indexOf(expectText(value));
      if (index < 0) fail(`unknown span kind ${JSON.stringify(value)}: expected one of ${names.join(', ')}`);
      kind.set!(scene, BigInt(index));
    },
  };
}

function traceStateMember(keys: readonly Key[]): Accessor {
  const [key] = keys;
  if (keys.length !== 1 || key?.kind !== 'text') {
    return computed(() => fail('trace_state is indexed by exactly one string'));
  }
  return {
    get: (scene) => memberOf(scene.spanFields.traceState, key.text),
    set(scene, value) {
      const changed = insertMember(scene.spanFields.traceState, key.text, expectText(value));
      if (changed !== undefined) traceState.set!(scene, changed);
    },
  };
}

export const spanPaths: Leaves = {
  trace_id: leaf(id(span, 1, 'trace'), { string: leaf(idText(span, 1, 'trace')) }),
  span_id: leaf(id(span, 2, 'span'), { string: leaf(idText(span, 2, 'span')) }),
  parent_span_id: leaf(id(span, 4, 'span'), { string: leaf(idText(span, 4, 'span')) }),
  trace_state: { whole: traceState, by: traceStateMember },
  name: leaf(text(span, 5)),
  kind: leaf(kind, {
    string: leaf(kindName(kinds, '')),
    deprecated_string: leaf(kindName(deprecatedKinds, '')),
  }),
  start_time_unix_nano: leaf(nanos(span, 7)),
  end_time_unix_nano: leaf(nanos(span, 8)),
  start_time: leaf(time(span, 7)),
  end_time: leaf(time(span, 8)),
  attributes: attributesIn(span, (scene) => scene.span.attributes, 9),
  dropped_attributes_count: leaf(varint(span, 10, false)),
  events: leaf(messages(span, 11, 'span events', true)),
  dropped_events_count: leaf(varint(span, 12, false)),
  links: leaf(messages(span, 13, 'span links', true)),
  dropped_links_count: leaf(varint(span, 14, false)),
  status: leaf(messages(span, 15, 'status', false), {
    code: leaf(varint(status, 3, true)),
    message: leaf(text(status, 2)),
  }),
  flags: leaf(fixed32(span, 16, true)),
};

export const eventPaths: Leaves = {
  time_unix_nano: leaf(nanos(event, 1)),
  time: leaf(time(event, 1)),
  name: leaf(text(event, 2)),
  attributes: attributesIn(event, (scene) => scene.event.attributes, 3),
  dropped_attributes_count: leaf(varint(event, 4, false)),
  event_index: leaf(computed((scene) => BigInt(scene.eventIndex))),
};
