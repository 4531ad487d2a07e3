import { expect, test } from 'vitest';
import { Payload } from '../../internal/otlp/payload.ts';
import { Sample, seededRandom } from '../../internal/otlp/sample.ts';
import { Span } from '../../internal/otlp/view/span.ts';
import { walkSpans } from '../../internal/otlp/view/walk.ts';
import { Writer } from '../../internal/otlp/writer.ts';
import { asPayload } from '../../internal/testkit/generate.ts';
import { traceIdAlone } from './survey.ts';

const priority = Buffer.from('sampling.priority');

/** What the view says: where the id lies, if nothing else decides. */
function byView(span: Span): number {
  const at = span.valueStart(1);
  if (span.valueEnd(1) - at !== 16 || span.traceId.every((byte) => byte === 0)) return -1;
  return span.traceState === '' && !span.attributes.find(priority) ? at : -1;
}

test('finds the trace id of all spans as SDKs write them', () => {
  const bytes = new Sample('traces', { items: 300 }).next(1_700_000_000_000_000_000n);
  const walk = walkSpans(new Payload('traces', [bytes], 300, bytes.length));
  let spans = 0;
  while (walk.nextResource()) {
    while (walk.nextScope()) {
      for (; walk.nextRecord(); spans++) {
        const id = traceIdAlone(walk.buf, walk.start, walk.end);
        expect(id).toBeGreaterThan(0);
        expect(id).toBe(byView(walk.record));
      }
    }
  }
  expect(spans).toBe(300);
});

test('never says that the trace id alone decides where the view says otherwise, in any order of fields', () => {
  const random = seededRandom(4);
  let found = 0;
  for (let i = 0; i < 20_000; i++) {
    const bytes = randomSpan(random);
    const span = new Span().reset(bytes, 0, bytes.length);
    const id = traceIdAlone(bytes, 0, bytes.length);
    if (id < 0) continue;
    found++;
    expect(id, Buffer.from(bytes).toString('hex')).toBe(byView(span));
  }
  expect(found).toBeGreaterThan(1000);
});

function randomSpan(random: () => number): Uint8Array {
  const out = new Writer(256);
  for (let fields = Math.floor(random() * 8); fields >= 0; fields--) {
    const kind = Math.floor(random() * 11);
    if (kind < 3) out.bytes(1, Buffer.alloc(random() < 0.9 ? 16 : 0, random() < 0.9 ? 7 : 0));
    else if (kind === 3) out.string(3, random() < 0.3 ? 'a=b' : '');
    else if (kind === 4) out.varint64(6, BigInt(Math.floor(random() * 2 ** 40)));
    else if (kind === 5) out.fixed32(16, 1);
    else if (kind === 6) out.fixed64(7, 1n);
    else if (kind === 7) out.string(5, 'x'.repeat(Math.floor(random() * 40_000)));
    else attribute(out, random);
  }
  const bytes = out.finish();
  const whole = new Writer(bytes.length + 32);
  const resource = whole.open(1);
  const scope = whole.open(2);
  whole.bytes(2, bytes);
  whole.close(scope);
  whole.close(resource);
  asPayload('traces', whole.finish());
  return bytes;
}

function attribute(out: Writer, random: () => number): void {
  const pair = out.open(9);
  for (let parts = Math.floor(random() * 3); parts >= 0; parts--) {
    const key = random();
    if (key < 0.2) out.string(1, 'sampling.priority');
    else if (key < 0.6) out.string(1, 'http.request.meth'.slice(0, Math.floor(random() * 18)));
    else {
      const value = out.open(2);
      out.string(1, 'v'.repeat(Math.floor(random() * 300)));
      out.close(value);
    }
  }
  out.close(pair);
}
