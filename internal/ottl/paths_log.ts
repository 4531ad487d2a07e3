import { type Accessor, expectText, fixed32, id, idText, nanos, text, time, varint } from './accessors.ts';
import { anyValue } from './keyed.ts';
import { attributesIn, type Leaves, leaf } from './paths_common.ts';
import { onScene } from './place.ts';
import { asString } from './text.ts';
import { decodeValue } from './values.ts';

const log = onScene((scene) => scene.logFields);
const body = anyValue(log, (scene) => scene.logFields.body, 5);

const bodyText: Accessor = {
  get: (scene) => asString(decodeValue(scene.logFields.body)),
  set: (scene, value) => body.whole.set!(scene, expectText(value)),
};

export const logPaths: Leaves = {
  time_unix_nano: leaf(nanos(log, 1)),
  observed_time_unix_nano: leaf(nanos(log, 11)),
  time: leaf(time(log, 1)),
  observed_time: leaf(time(log, 11)),
  severity_number: leaf(varint(log, 2, true)),
  severity_text: leaf(text(log, 3)),
  body: { ...body, next: { string: leaf(bodyText) } },
  attributes: attributesIn(log, (scene) => scene.log.attributes, 6),
  dropped_attributes_count: leaf(varint(log, 7, false)),
  flags: leaf(fixed32(log, 8, false)),
  trace_id: leaf(id(log, 9, 'trace'), { string: leaf(idText(log, 9, 'trace')) }),
  span_id: leaf(id(log, 10, 'span'), { string: leaf(idText(log, 10, 'span')) }),
  event_name: leaf(text(log, 12)),
};
