import { encodeField, encodeValue } from '../otlp/attributes/encode.ts';
import { AttributeList } from '../otlp/attributes/list.ts';
import type { Range } from '../otlp/regroup.ts';
import type { Patch } from '../otlp/rewrite.ts';

/** Writes the names of rules into an attribute. */
export class Tagger {
  readonly #key: Uint8Array;
  readonly #list = new AttributeList();

  constructor(attribute: string) {
    this.#key = Buffer.from(attribute);
  }

  /** @param field the number of the field in `message` in which its attributes are */
  tag(rules: string[], message: Range, field: number, patch: Patch): void {
    const list = this.#list.read(message, field);
    const tag = encodeField(field, this.#key, encodeValue(rules));
    const known = list.find(this.#key);
    if (known < 0) list.add(tag);
    else list.replace(known, tag);
    list.write(patch);
  }
}
