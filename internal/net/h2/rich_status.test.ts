import protobuf from 'protobufjs';
import { expect, test } from 'vitest';
import { encodeRetryInfo, encodeStatus } from './rich_status.ts';

const { root } = protobuf.parse(`
  syntax = "proto3";
  message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
  message Any { string type_url = 1; bytes value = 2; }
  message RetryInfo { Duration retry_delay = 1; }
  message Duration { int64 seconds = 1; int32 nanos = 2; }
`);
const decode = (type: string, bytes: Uint8Array) => {
  const message = root.lookupType(type);
  return message.toObject(message.decode(bytes), { longs: Number, defaults: true }) as Record<string, any>;
};

test('protobufjs reads the status, its words and the delay', () => {
  for (const [delayMs, seconds, nanos] of [
    [0, 0, 0],
    [1, 0, 1_000_000],
    [1500, 1, 500_000_000],
    [3_600_000, 3600, 0],
  ] as const) {
    const status = decode('Status', encodeStatus(14, 'später '.repeat(50), [encodeRetryInfo(delayMs)]));
    expect(status).toMatchObject({ code: 14, message: 'später '.repeat(50) });
    expect(status.details[0].typeUrl).toBe('type.googleapis.com/google.rpc.RetryInfo');
    expect(decode('RetryInfo', status.details[0].value).retryDelay).toEqual({ seconds, nanos });
  }
});

test('a status without details is its code and its words', () => {
  expect(decode('Status', encodeStatus(3, 'no'))).toEqual({ code: 3, message: 'no', details: [] });
});
