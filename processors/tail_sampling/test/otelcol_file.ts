import { open } from 'node:fs/promises';
import { Payload } from '../../../internal/otlp/payload.ts';

/** What the Go collector's file exporter wrote with `format: proto`: messages, each with its length in front. */
export async function* payloadsIn(path: string): AsyncGenerator<Payload> {
  const file = await open(path);
  try {
    const length = Buffer.alloc(4);
    while ((await file.read(length, 0, 4)).bytesRead === 4) {
      const body = Buffer.alloc(length.readUInt32BE());
      await file.read(body, 0, body.length);
      yield new Payload('traces', [body], 0, body.length);
    }
  } finally {
    await file.close();
  }
}
