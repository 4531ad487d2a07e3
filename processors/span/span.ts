import { spanMatcher } from '../../internal/attributes/match.ts';
import { checkMatch } from '../../internal/attributes/match_config.ts';
import { RecordFilter } from '../../internal/attributes/record_filter.ts';
import type { BatchContext, Consumer } from '../../internal/core/consumer.ts';
import type { Outcome } from '../../internal/core/outcome.ts';
import { AttributeList } from '../../internal/otlp/attributes/list.ts';
import type { Payload } from '../../internal/otlp/payload.ts';
import { type Patch, type Place, rewriteSpans, Tools, type Visitor } from '../../internal/otlp/rewrite.ts';
import type { Span } from '../../internal/otlp/view/span.ts';
import { AnyValue } from '../../internal/otlp/view/value.ts';
import { valueText, withoutExponent } from '../../internal/otlp/view/value_text.ts';
import { Writer } from '../../internal/otlp/writer.ts';
import type { SpanConfig } from './config.ts';
import { Renaming } from './renaming.ts';

/** Field numbers of Span. */
const nameField = 5;
const attributesField = 9;
const statusField = 15;

const codes = { Unset: 0, Ok: 1, Error: 2 } as const;

export class SpanProcessor implements Consumer, Visitor<Span> {
  readonly #next: Consumer;
  readonly #filter: RecordFilter<Span>;
  readonly #from: readonly Uint8Array[];
  readonly #separator: string;
  readonly #renaming: Renaming | undefined;
  readonly #status: { readonly code: number; readonly message: string; readonly field: Uint8Array } | undefined;
  readonly #options = { tools: new Tools() };
  readonly #list = new AttributeList();
  readonly #value = new AnyValue();

  constructor(config: SpanConfig, next: Consumer) {
    const { include, exclude, name, status } = config;
    if (include) checkMatch(include, 'include', 'traces');
    if (exclude) checkMatch(exclude, 'exclude', 'traces');
    this.#next = next;
    this.#filter = new RecordFilter(config, spanMatcher);
    this.#from = name.from_attributes.map((key) => Buffer.from(key));
    this.#separator = name.separator;
    this.#renaming = name.to_attributes && new Renaming(name.to_attributes);
    if (status) {
      const code = codes[status.code];
      this.#status = { code, message: status.description, field: statusBytes(code, status.description) };
    }
  }

  consume(batch: Payload, ctx: BatchContext): Promise<Outcome> {
    this.#filter.reset();
    return this.#next.consume(rewriteSpans(batch, this, this.#options), ctx);
  }

  record(span: Span, patch: Patch, { resource, scope }: Place): void {
    if (!this.#filter.takes(span, resource, scope)) return;
    const list = this.#list.read(span, attributesField);
    const before = span.name;
    let name = this.#fromAttributes(list) ?? before;
    if (this.#renaming && name !== '') name = this.#renaming.apply(name, list);
    if (list.changed) list.write(patch);
    if (name !== before) patch.put(span.buf, nameField, nameBytes(name));
    const status = this.#status;
    if (status && (span.status.code !== status.code || span.status.message !== status.message)) {
      patch.put(span.buf, statusField, status.field);
    }
  }

  /** Undefined where an attribute is missing: then the name stays. */
  #fromAttributes(list: AttributeList): string | undefined {
    if (this.#from.length === 0 || list.size === 0) return undefined;
    const parts: string[] = [];
    for (const key of this.#from) {
      const at = list.find(key);
      if (at < 0) return undefined;
      const { buf, start, end } = list.value(at);
      parts.push(namePart(this.#value.reset(buf, start, end)));
    }
    return parts.join(this.#separator);
  }
}

function namePart(value: AnyValue): string {
  const plain = value.kind === 'strindex' ? undefined : value.plain();
  if (typeof plain === 'number') return withoutExponent(plain);
  return plain === undefined || typeof plain === 'object' ? '<unknown-attribute-type>' : valueText(plain);
}

function nameBytes(name: string): Uint8Array {
  const out = new Writer(name.length + 16);
  out.string(nameField, name);
  return out.finish();
}

function statusBytes(code: number, message: string): Uint8Array {
  const out = new Writer();
  const status = out.open(statusField);
  out.string(2, message);
  out.varint(3, code);
  out.close(status);
  return out.finish();
}
