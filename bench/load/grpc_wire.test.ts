import { expect, test } from 'vitest';
import { bodyPool, stampRequest } from '../items/body.ts';
import { END_STREAM, FRAME, FRAME_HEADER, wireRequest } from './grpc_wire.ts';

test.each([1, 35, 512, 8192])('the frames of %i items hold the message, cut between stamps', (items) => {
  const [body] = bodyPool({ signal: 'traces', items }, 1);
  const wire = wireRequest(body!);
  stampRequest(wire.bytes, wire.marks, 0x01020304);
  const content: Buffer[] = [];
  const { bytes, frames } = wire;
  expect(bytes[3]).toBe(FRAME.headers);
  for (let i = 1; i + 1 < frames.length; i++) {
    const frame = bytes.subarray(frames[i], frames[i + 1]);
    expect(frame.readUIntBE(0, 3)).toBe(frame.length - FRAME_HEADER);
    expect(frame.length - FRAME_HEADER).toBeLessThanOrEqual(16384);
    expect(frame[3]).toBe(FRAME.data);
    expect(frame[4]).toBe(i + 2 === frames.length ? END_STREAM : 0);
    content.push(frame.subarray(FRAME_HEADER));
  }
  const expected = Buffer.from(body!.bytes);
  stampRequest(expected, body!.marks, 0x01020304);
  const message = Buffer.concat(content);
  expect(message.readUInt32BE(1)).toBe(expected.length);
  expect(message.subarray(5).equals(expected)).toBe(true);
});

test('a compressed body is flagged and not touched', () => {
  const [body] = bodyPool({ signal: 'logs', items: 20, gzip: true }, 1);
  const { bytes, frames, marks } = wireRequest(body!);
  expect(marks).toEqual([]);
  const message = bytes.subarray(frames[1]! + FRAME_HEADER);
  expect(message[0]).toBe(1);
  expect(message.subarray(5).equals(body!.gzip!)).toBe(true);
});
