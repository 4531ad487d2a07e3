import { expect, test } from 'vitest';
import { decodeExportResponse, emptyExportResponse, encodeExportResponse } from './response.ts';
import { isMalformed } from './wire.ts';

test('a partial success comes back as it was written', () => {
  const bytes = encodeExportResponse('logs', { rejectedItems: 300, message: 'zu groß' });
  expect(decodeExportResponse(bytes)).toEqual({ rejectedItems: 300, message: 'zu groß' });
});

test('a full success is the shared empty message', () => {
  expect(encodeExportResponse('traces', { rejectedItems: 0, message: '' })).toBe(emptyExportResponse);
  expect(decodeExportResponse(emptyExportResponse)).toEqual({ rejectedItems: 0, message: '' });
});

test('a repeated partial_success is merged, the last value of each field winning', () => {
  const first = encodeExportResponse('traces', { rejectedItems: 1, message: 'a' });
  const second = encodeExportResponse('traces', { message: 'b' });
  expect(decodeExportResponse(Buffer.concat([first, second]))).toEqual({ rejectedItems: 1, message: 'b' });
});

test('unknown fields are skipped and a cut-off answer is a stated error', () => {
  const bytes = encodeExportResponse('metrics', { rejectedItems: 5, message: 'too old' });
  expect(decodeExportResponse(Buffer.concat([Buffer.from([0x7a, 1, 0]), bytes]))).toMatchObject({ rejectedItems: 5 });
  for (let size = 1; size < bytes.length; size++) {
    expect(isMalformed(decodeExportResponse(bytes.subarray(0, size)))).toBe(true);
  }
});
