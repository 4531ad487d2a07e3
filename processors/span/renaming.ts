import { encodeField, encodeValue } from '../../internal/otlp/attributes/encode.ts';
import type { AttributeList, EncodedField } from '../../internal/otlp/attributes/list.ts';
import { type Regex, regexOf } from '../../internal/ottl/index.ts';
import type { SpanConfig } from './config.ts';

type ToAttributes = NonNullable<SpanConfig['name']['to_attributes']>;

interface Renamed {
  readonly name: string;
  readonly attributes: readonly { readonly key: Uint8Array; readonly field: EncodedField }[];
}

/** Field number of Span.attributes. */
const attributesField = 9;
/** Names repeat themselves: what the rules made of so many is kept. */
const remembered = 1000;

/** Takes attributes out of span names by rules. */
export class Renaming {
  readonly #config: ToAttributes;
  readonly #rules: readonly Regex[];
  readonly #known = new Map<string, Renamed>();

  constructor(config: ToAttributes) {
    this.#config = config;
    this.#rules = config.rules.map(regexOf);
  }

  /** Sets what the rules find in `name`. @returns the new name */
  apply(name: string, list: AttributeList): string {
    let renamed = this.#known.get(name);
    if (!renamed) {
      renamed = this.#rename(name);
      if (this.#known.size >= remembered) this.#known.clear();
      this.#known.set(name, renamed);
    }
    for (const { key, field } of renamed.attributes) {
      const at = list.find(key);
      if (at >= 0) list.replace(at, field);
      else list.add(field);
    }
    return renamed.name;
  }

  #rename(name: string): Renamed {
    const attributes: { key: Uint8Array; field: EncodedField }[] = [];
    let present = name;
    for (const rule of this.#rules) {
      const places = rule.places(present);
      if (!places) continue;
      let next = '';
      let done = 0;
      for (let group = 1; group < rule.groupNames.length; group++) {
        const from = places[2 * group]!;
        const to = places[2 * group + 1]!;
        const key = Buffer.from(rule.groupNames[group]!);
        const text = from < 0 ? '' : present.slice(from, to);
        attributes.push({ key, field: encodeField(attributesField, key, encodeValue(text)) });
        // Of groups inside one another the outer one stands in the name.
        if (from < done) continue;
        next += `${present.slice(done, from)}{${rule.groupNames[group]}}`;
        done = to;
      }
      if (!this.#config.keep_original_name) present = next + present.slice(done);
      if (this.#config.break_after_match) break;
    }
    return { name: present, attributes };
  }
}
