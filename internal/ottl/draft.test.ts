import { expect, test } from 'vitest';
import { Fields } from '../otlp/view/fields.ts';
import { Span } from '../otlp/view/span.ts';
import { walkSpans } from '../otlp/view/walk.ts';
import { Writer } from '../otlp/writer.ts';
import { asPayload, randomRequest } from '../testkit/generate.ts';
import { Draft } from './draft.ts';

/** All that a view knows of a message. */
function known(span: Span): unknown {
  return Array.from({ length: 16 }, (_, i) => {
    const field = i + 1;
    return [span.firstTag(field), span.valueStart(field), span.valueEnd(field)];
  });
}

test('after any run of edits the view knows what a fresh look at the bytes finds', () => {
  let random = 7;
  const below = (limit: number) => (random = (Math.imul(random, 1103515245) + 12345) >>> 0) % limit;
  let edits = 0;
  for (let seed = 1; seed <= 150; seed++) {
    const walk = walkSpans(
      asPayload('traces', randomRequest('traces', seed, { unknown: seed % 2 === 0, disorder: seed % 3 === 0 })),
    );
    const draft = new Draft();
    while (walk.nextResource()) {
      while (walk.nextScope()) {
        while (walk.nextRecord()) {
          const span = walk.record;
          for (let i = 0; i < 6; i++) {
            edits++;
            const insert = new Writer();
            const field = [5, 9, 9, 9, 15, 6][below(6)]!;
            if (field === 6) insert.varint(6, below(300));
            else insert.bytes(field, Buffer.alloc(below(200), field === 5 ? 'n' : 0));
            const list = span.attributes;
            const at = list.next() ? list.at : -1;
            // A bytes field of zeros is no message, but the view of the span does not look inside.
            if (field !== 9) draft.replace(span, field, below(4) === 0 ? undefined : insert);
            else if (at >= 0 && below(2) === 0)
              draft.splice(span, at, list.current.end, below(2) === 0 ? undefined : insert, 9);
            else {
              const end = span.valueEnd(9) < 0 ? span.end : span.valueEnd(9);
              draft.splice(span, end, end, insert, 9);
            }
            const fresh = new Span().reset(Buffer.from(span.buf), span.start, span.end);
            expect(known(span)).toEqual(known(fresh));
          }
          const fields = new Fields().reset(span.buf, span.start, span.end);
          while (fields.next());
          expect(fields.to).toBe(span.end);
        }
      }
    }
  }
  expect(edits).toBeGreaterThan(500);
});
