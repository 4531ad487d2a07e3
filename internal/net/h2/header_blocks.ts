import type { Connection } from './connection.ts';
import * as f from './frames.ts';

/** Frames that a block may take before each further one counts as noise. */
const USUAL_PARTS = 8;

/** A block that goes on in CONTINUATION frames. */
interface OpenBlock {
  readonly id: number;
  readonly flags: number;
  readonly since: number;
  readonly parts: Buffer[];
  bytes: number;
}

/** HEADERS and CONTINUATION frames, put together (RFC 9113 6.2, 6.10). An unfinished block is counted and bounded. */
export class HeaderBlocks {
  readonly #connection: Connection;
  #open: OpenBlock | undefined;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  get openSince(): number | undefined {
    return this.#open?.since;
  }

  /** @returns false after failing the connection: while a block is open, nothing but its continuation may come */
  expects(type: number, id: number, length: number): boolean {
    const connection = this.#connection;
    const open = this.#open;
    if (!open) {
      if (type !== f.CONTINUATION) return true;
      connection.fail(f.PROTOCOL_ERROR, 'CONTINUATION without an open header block');
      return false;
    }
    if (type !== f.CONTINUATION || id !== open.id) {
      connection.fail(f.PROTOCOL_ERROR, 'a header block is interrupted by another frame');
      return false;
    }
    if (open.bytes + length <= connection.server.limits.maxHeaderListBytes) return true;
    connection.fail(f.ENHANCE_YOUR_CALM, 'a header block that does not end');
    return false;
  }

  headers(flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    const connection = this.#connection;
    let from = start;
    let to = end;
    if (flags & f.FLAG_PADDED) to -= from < end ? bytes[from++]! : 1;
    if (flags & f.FLAG_PRIORITY) {
      if (to - from >= 5 && (f.readUint32(bytes, from) & 0x7fff_ffff) === id) {
        connection.fail(f.PROTOCOL_ERROR, 'a stream that depends on itself');
        return;
      }
      from += 5;
    }
    if (from > to) {
      connection.fail(f.PROTOCOL_ERROR, 'HEADERS padding is longer than the frame');
    } else if (flags & f.FLAG_END_HEADERS) {
      connection.headerBlock(flags, id, bytes, from, to);
    } else if (connection.keep(to - from)) {
      const parts = [Buffer.from(bytes.subarray(from, to))];
      this.#open = { id, flags, since: connection.now, parts, bytes: to - from };
    }
  }

  continuation(flags: number, bytes: Buffer, start: number, end: number): void {
    const connection = this.#connection;
    const open = this.#open!;
    if (start === end || open.parts.length > USUAL_PARTS) connection.noisy();
    if (connection.deaf || !connection.keep(end - start)) return;
    open.parts.push(Buffer.from(bytes.subarray(start, end)));
    open.bytes += end - start;
    if ((flags & f.FLAG_END_HEADERS) === 0) return;
    this.drop();
    const whole = Buffer.concat(open.parts);
    connection.headerBlock(open.flags, open.id, whole, 0, whole.length);
  }

  drop(): void {
    if (this.#open) this.#connection.unkeep(this.#open.bytes);
    this.#open = undefined;
  }
}
