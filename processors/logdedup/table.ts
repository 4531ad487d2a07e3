import type { Range } from '../../internal/otlp/regroup.ts';
import { Fields } from '../../internal/otlp/view/fields.ts';
import { LEN } from '../../internal/otlp/wire.ts';
import { keyOf } from './digest.ts';
import type { Identity } from './identity.ts';

const slabBytes = 1 << 20;
/** What an entry takes besides its bytes, more or less. */
export const entryBytes = 128;
const SUBJECTS = (2 << 3) | LEN;
const TIME = 1;
const OBSERVED_TIME = 11;

/** The heads of a resource and a scope: all of both but the scopes and the records. */
export interface Group {
  readonly number: number;
  readonly resource: Uint8Array;
  readonly scope: Uint8Array;
  readonly entries: Entry[];
}

/** A log record that came once or more. Its bytes are those of the first, without its times. */
export interface Entry extends Range {
  readonly b: number;
  /** Another one whose key is the same. */
  readonly other: Entry | undefined;
  count: bigint;
  /** Wall time, milliseconds. */
  readonly first: number;
  last: number;
}

/** Log records of one interval, merged. The bytes lie outside the heap, in slabs that are given up as a whole. */
export class Table {
  readonly groups: Group[] = [];
  entries = 0;
  /** Of all records and groups. */
  bytes = 0;
  readonly #identity: Identity;
  readonly #byHeads = new Map<string, Group>();
  readonly #byKey = new Map<number, Entry>();
  readonly #fields = new Fields();
  #slab = Buffer.alloc(0);
  #used = 0;
  #last: (Range & { readonly group: Group }) | undefined;

  constructor(identity: Identity) {
    this.#identity = identity;
  }

  /** @param resource and @param scope the groups, with their members */
  group(resource: Range, scope: Range): Group {
    // Records come in rows of the same group.
    const last = this.#last;
    if (last && last.buf === scope.buf && last.start === scope.start && last.end === scope.end) return last.group;
    const group = this.#lookUp(resource, scope);
    this.#last = { ...scope, group };
    return group;
  }

  #lookUp(resource: Range, scope: Range): Group {
    const heads = [this.#head(resource), this.#head(scope)] as const;
    const key = `${heads[0].length}:${Buffer.concat(heads).toString('latin1')}`;
    let group = this.#byHeads.get(key);
    if (!group) {
      group = { number: this.groups.length + 1, resource: heads[0], scope: heads[1], entries: [] };
      this.groups.push(group);
      this.#byHeads.set(key, group);
      // The heads, and once more as the key.
      this.bytes += 2 * key.length;
    }
    return group;
  }

  /** @returns whether it is the first of its kind */
  add(record: Range, group: Group, now: number): boolean {
    const stripped = this.#identity.strip(record);
    this.#identity.read(stripped, group.number);
    const { a, b } = this.#identity;
    const key = keyOf(a, b);
    const known = this.#byKey.get(key);
    for (let entry = known; entry; entry = entry.other) {
      if (entry.b !== b) continue;
      entry.count++;
      entry.last = now;
      return false;
    }
    const entry = { ...this.#store(stripped), b, other: known, count: 1n, first: now, last: now };
    this.#byKey.set(key, entry);
    group.entries.push(entry);
    this.entries++;
    this.bytes += entryBytes + entry.end - entry.start;
    return true;
  }

  #store({ buf, start, end }: Range): Range {
    if (this.#used + end - start > this.#slab.length) {
      this.#slab = Buffer.allocUnsafeSlow(Math.max(slabBytes, end - start));
      this.#used = 0;
    }
    const from = this.#used;
    const fields = this.#fields.reset(buf, start, end);
    while (fields.next()) {
      const number = fields.tag >>> 3;
      if (number === TIME || number === OBSERVED_TIME) continue;
      this.#slab.set(buf.subarray(fields.at, fields.to), this.#used);
      this.#used += fields.to - fields.at;
    }
    return { buf: this.#slab, start: from, end: this.#used };
  }

  #head({ buf, start, end }: Range): Uint8Array {
    const parts: Uint8Array[] = [];
    const fields = this.#fields.reset(buf, start, end);
    while (fields.next()) if (fields.tag !== SUBJECTS) parts.push(buf.subarray(fields.at, fields.to));
    return Buffer.concat(parts);
  }
}
