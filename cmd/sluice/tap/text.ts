import type { TapPlace } from '../../../internal/core/tap.ts';
import { decodeJson } from '../../../internal/otlp/json.ts';
import { isMalformed } from '../../../internal/otlp/wire.ts';
import type { TapEnd } from '../../../internal/telemetry/admin_tap.ts';
import { printable } from '../printable.ts';
import { Frame } from '../short/frame.ts';
import { kindsBySignal } from '../short/specs.ts';
import { fromPayload } from '../short/telemetry.ts';
import { recordLines, titleOf } from '../short/text.ts';

export function placeText({ kind, id, pipeline, signal }: TapPlace): string {
  const way = kind === 'receiver' ? 'out of' : 'into';
  return printable(`${way} ${kind} ${id} (${pipeline ?? signal})`);
}

/** @param data one record as OTLP/JSON */
export function recordText(place: TapPlace, data: unknown): string {
  const batch = decodeJson(place.signal, JSON.stringify(data));
  if (isMalformed(batch)) return `${placeText(place)}: ${batch.malformed}\n`;
  const kind = kindsBySignal[place.signal];
  const records = fromPayload(batch, new Frame()).map((record) => {
    const lines = recordLines(kind, record).map((line) => `   ${line}\n`);
    return `${kind.one} ${titleOf(record)} ${placeText(place)}\n${lines.join('')}`;
  });
  return records.join('');
}

export function endText({ reason, shown, passed, unseen }: TapEnd): string {
  const rest =
    unseen > 0
      ? `; ${unseen} of them were not looked at: the rate was used up, or they came faster than they are read`
      : '';
  const why = reason === 'timeout' ? 'the time is over' : 'that is the limit';
  return `${why}: ${shown} shown of ${passed} items that passed${rest}`;
}
