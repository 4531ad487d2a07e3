import { LEN, shortVarintEnd, skipValue, uint32At } from '../wire.ts';

const nothing: Uint8Array = new Uint8Array(0);

/** The fields of a message one by one: `at` the tag, the value from `from` to `to`, without its length. */
export class Fields {
  tag = 0;
  at = 0;
  from = 0;
  to = 0;
  #buf = nothing;
  #end = 0;

  reset(buf: Uint8Array, start: number, end: number): this {
    this.#buf = buf;
    this.#end = end;
    this.to = start;
    return this;
  }

  /** False at the end, and at a field that is malformed. */
  next(): boolean {
    const buf = this.#buf;
    const end = this.#end;
    const at = this.to;
    if (at >= end) return false;
    let from = at + 1;
    let tag = buf[at]!;
    if (tag >= 0x80) {
      from = shortVarintEnd(buf, at, end);
      if (from < 0) return false;
      tag = uint32At(buf, at);
    }
    let to: number;
    if ((tag & 7) === LEN) {
      const start = from < end && buf[from]! < 0x80 ? from + 1 : shortVarintEnd(buf, from, end);
      if (start < 0) return false;
      to = start + uint32At(buf, from);
      from = start;
    } else to = skipValue(buf, from, end, tag);
    if (to < 0 || to > end || tag < 8) return false;
    this.at = at;
    this.tag = tag;
    this.from = from;
    this.to = to;
    return true;
  }
}
