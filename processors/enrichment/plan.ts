import type { AttributeList, EncodedField } from '../../internal/otlp/attributes/list.ts';
import { AnyValue } from '../../internal/otlp/view/value.ts';
import { valueText } from '../../internal/otlp/view/value_text.ts';
import type { SourceConfig } from './config.ts';
import type { Answer, Fact } from './facts.ts';
import type { Source } from './source.ts';

export type Place = 'resource' | 'scope' | 'record';
/** A longer value, such as a map of thousands, is nobody's name. */
const maxKeyBytes = 1024;

type Conflict = 'keep' | 'overwrite' | 'prefix';

/** One source as the walk over a batch uses it. */
export class Lookup {
  readonly name: string;
  readonly source: Source;
  /** Where the key is; a source without a key is looked up at the resource. */
  readonly at: Place;
  readonly target: Place;
  /** Where the walk stands. */
  current: Answer = 'absent';
  readonly #key: Uint8Array | undefined;
  readonly #conflict: Conflict;

  constructor(config: SourceConfig, source: Source, conflict: Conflict) {
    const dot = config.key?.indexOf('.') ?? -1;
    this.name = config.name;
    this.source = source;
    this.at = dot < 0 ? 'resource' : (config.key!.slice(0, dot) as Place);
    this.target = config.target ?? this.at;
    this.#key = config.key === undefined ? undefined : Buffer.from(config.key.slice(dot + 1));
    this.#conflict = config.conflict ?? conflict;
  }

  /** What to look up; '' for a source that needs no key, undefined where the attribute is not there, null for what is no key. */
  keyIn(list: AttributeList): string | null | undefined {
    if (!this.#key) return '';
    const at = list.find(this.#key);
    if (at < 0) return undefined;
    const { start, end } = list.value(at);
    if (end - start > maxKeyBytes) return null;
    return list.text(at) || textOf(list, at) || undefined;
  }

  /** Writes what is known into the attributes; `field` is their number. */
  write(list: AttributeList, field: number): void {
    if (typeof this.current === 'string') return;
    for (const fact of this.current.list) {
      const at = list.find(fact.key);
      if (at < 0) list.add(fact.as(field));
      else if (this.#conflict === 'overwrite') list.replace(at, fact.as(field));
      else if (this.#conflict === 'prefix') this.#writePrefixed(list, fact, field);
    }
  }

  #writePrefixed(list: AttributeList, fact: Fact, field: number): void {
    const key = Buffer.concat([Buffer.from(`${this.name}.`), fact.key]);
    if (list.find(key) < 0) list.add(fact.named(key, field) satisfies EncodedField);
  }
}

function textOf(list: AttributeList, index: number): string {
  const { buf, start, end } = list.value(index);
  return valueText(new AnyValue().reset(buf, start, end).plain());
}
