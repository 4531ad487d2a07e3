/**
 * google.rpc.Status with RetryInfo, the two messages that OTLP asks of a server that wants to be called again:
 *
 *     message Status { int32 code = 1; string message = 2; repeated google.protobuf.Any details = 3; }
 *     message Any { string type_url = 1; bytes value = 2; }
 *     message RetryInfo { google.protobuf.Duration retry_delay = 1; }
 *     message Duration { int64 seconds = 1; int32 nanos = 2; }
 *
 * https://github.com/googleapis/googleapis/blob/master/google/rpc/status.proto and error_details.proto
 */

export interface AnyMessage {
  readonly typeUrl: string;
  readonly value: Uint8Array;
}

/** A serialized google.rpc.Status. */
export function encodeStatus(code: number, message: string, details: readonly AnyMessage[] = []): Uint8Array {
  const parts = [varintField(1, code), bytesField(2, Buffer.from(message, 'utf8'))];
  for (const { typeUrl, value } of details) {
    parts.push(bytesField(3, Buffer.concat([bytesField(1, Buffer.from(typeUrl)), bytesField(2, value)])));
  }
  return Buffer.concat(parts);
}

/** @param delayMs how long the client should wait before it sends the same again */
export function encodeRetryInfo(delayMs: number): AnyMessage {
  const seconds = Math.floor(delayMs / 1000);
  const nanos = Math.round((delayMs - seconds * 1000) * 1e6);
  const duration = Buffer.concat([varintField(1, seconds), varintField(2, nanos)]);
  return { typeUrl: 'type.googleapis.com/google.rpc.RetryInfo', value: bytesField(1, duration, true) };
}

function varintField(number: number, value: number): Buffer {
  return value === 0 ? Buffer.alloc(0) : Buffer.from([number << 3, ...varint(value)]);
}

function bytesField(number: number, value: Uint8Array, evenEmpty = false): Buffer {
  if (value.length === 0 && !evenEmpty) return Buffer.alloc(0);
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...varint(value.length)]), value]);
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  bytes.push(rest);
  return bytes;
}
