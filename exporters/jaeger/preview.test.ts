import { expect, test } from 'vitest';
import { asPayload, randomRequest } from '../../internal/testkit/generate.ts';
import { preview } from './preview.ts';
import { messages } from './test/messages.ts';

test('the preview says what a message would say', () => {
  for (let seed = 1; seed <= 100; seed++) {
    const batch = asPayload('traces', randomRequest('traces', seed));
    const sent = messages('api_v2', batch).flatMap(({ service, tags, spans }) =>
      spans.map((span) => ({ ...span, service, processTags: tags.map(shown) })),
    );
    const previewed = preview(batch);
    expect(previewed.length).toBe(sent.length);
    for (const [i, span] of previewed.entries()) {
      const want = sent[i]!;
      expect(plain(span)).toEqual(
        plain({
          traceID: want.trace,
          spanID: want.id,
          operationName: want.name,
          references: want.references.map((reference) => {
            const [refType, traceID, spanID] = reference.split(' ');
            return { refType, traceID, spanID };
          }),
          flags: want.flags,
          startTime: Number(want.start / 1000n),
          duration: Number(want.duration / 1000n),
          tags: want.tags.map(shown),
          logs: want.logs.map(({ time, fields }) => ({ timestamp: Number(time / 1000n), fields: fields.map(shown) })),
          process: { serviceName: want.service, tags: want.processTags },
        }),
      );
    }
  }
});

/** As it is written: JSON knows no -0. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

function shown([type, key, value]: readonly [string, string, unknown]) {
  const safe = (whole: bigint) =>
    BigInt(Number(whole)) === whole && Number.isSafeInteger(Number(whole)) ? Number(whole) : String(whole);
  if (type === 'int64') return { key, type, value: safe(value as bigint) };
  if (type === 'float64') return { key, type, value: Number.isFinite(value) ? value : String(value) };
  if (type === 'binary') return { key, type, value: Buffer.from(value as string, 'hex').toString('base64') };
  return { key, type, value };
}
