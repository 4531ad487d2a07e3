import { numberText } from '../../internal/prometheus/bound_text.ts';
import type { Family, MetricType } from '../../internal/prometheus/families.ts';
import type { FixedLabel } from '../../internal/prometheus/labels.ts';
import type { ExemplarData } from '../../internal/prometheus/series.ts';
import type { Held, HeldFamily, Store } from './store.ts';

export interface Format {
  readonly openMetrics: boolean;
  /** Names may be any text, and are quoted then; else what is not allowed becomes an underscore. */
  readonly utf8: boolean;
  readonly timestamps: boolean;
}

/** What an `Accept` header of a scraper asks for. @param openMetrics whether that may be served at all */
export function formatFor(accept: string, openMetrics: boolean, timestamps: boolean): Format {
  return {
    openMetrics: openMetrics && accept.includes('application/openmetrics-text'),
    utf8: accept.includes('escaping=allow-utf-8'),
    timestamps,
  };
}

export function contentType({ openMetrics, utf8 }: Format): string {
  const escaping = utf8 ? 'allow-utf-8' : 'underscores';
  if (openMetrics) return `application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=${escaping}`;
  return `text/plain; version=${utf8 ? '1.0.0' : '0.0.4'}; charset=utf-8; escaping=${escaping}`;
}

/** Characters of one piece: what is written to the socket at a time. */
const pieceSize = 64 * 1024;

/**
 * All series as text, in pieces, so that a large answer is never held whole.
 * Formats: https://prometheus.io/docs/instrumenting/exposition_formats/ and https://prometheus.io/docs/specs/om/open_metrics_spec/
 */
export function* exposition(store: Store, format: Format): Generator<string> {
  let piece = '';
  for (const held of store.families.values()) {
    if (held.points.size === 0) continue;
    const family = new FamilyText(held, format);
    piece += family.head();
    for (const point of held.points.values()) {
      piece += family.point(point);
      if (piece.length < pieceSize) continue;
      yield piece;
      piece = '';
    }
  }
  yield format.openMetrics ? `${piece}# EOF\n` : piece;
}

/** How a type is called in either format. OpenMetrics wants more of its own types than can be said here. */
const typeNames: Readonly<Record<MetricType, { readonly text: string; readonly openMetrics: string }>> = {
  counter: { text: 'counter', openMetrics: 'counter' },
  gauge: { text: 'gauge', openMetrics: 'gauge' },
  histogram: { text: 'histogram', openMetrics: 'histogram' },
  gaugehistogram: { text: 'untyped', openMetrics: 'unknown' },
  summary: { text: 'summary', openMetrics: 'summary' },
  info: { text: 'gauge', openMetrics: 'gauge' },
  stateset: { text: 'gauge', openMetrics: 'gauge' },
  unknown: { text: 'untyped', openMetrics: 'unknown' },
};

class FamilyText {
  readonly #family: Family;
  readonly #format: Format;

  constructor({ family }: HeldFamily, format: Format) {
    this.#family = family;
    this.#format = format;
  }

  head(): string {
    const { name, help, unit } = this.#family;
    const { openMetrics } = this.#format;
    const shown = this.#name(this.#metricFamily(name));
    let head = help === '' ? '' : `# HELP ${shown} ${openMetrics ? escaped(help) : escapedHelp(help)}\n`;
    head += `# TYPE ${shown} ${this.#type()}\n`;
    if (openMetrics && unit !== '' && this.#metricFamily(name).endsWith(`_${unit}`))
      head += `# UNIT ${shown} ${unit}\n`;
    return head;
  }

  /** OpenMetrics names a counter without its `_total`. */
  #metricFamily(name: string): string {
    return this.#format.openMetrics && this.#isCounter() ? name.slice(0, -'_total'.length) : name;
  }

  #isCounter(): boolean {
    return this.#family.type === 'counter' && this.#family.name.endsWith('_total');
  }

  #type(): string {
    const { type } = this.#family;
    if (!this.#format.openMetrics) return typeNames[type].text;
    // A counter by another name than OpenMetrics wants keeps the name.
    return type === 'counter' && !this.#isCounter() ? 'unknown' : typeNames[type].openMetrics;
  }

  point(held: Held): string {
    const labels = held.labels.map(([name, value]) => `${this.#label(name)}="${escaped(value)}"`).join(',');
    let lines = '';
    let totals = '';
    for (let i = 0; i < held.values.length; i++) {
      const line = this.#line(held, i, labels);
      // Buckets first, then the sum and count of them.
      if (held.names[i] === this.#family.sum || held.names[i] === this.#family.count) totals += line;
      else lines += line;
    }
    return lines + totals;
  }

  #line(held: Held, i: number, labels: string): string {
    const { openMetrics, timestamps } = this.#format;
    const extra = held.extras[i];
    const own = extra ? `${extra.name.text}="${escaped(textOf(extra))}"` : '';
    const all = labels === '' || own === '' ? labels + own : `${labels},${own}`;
    let line = `${this.#series(textOf(held.names[i]!), all)} ${numberText(held.values[i]!)}`;
    if (timestamps) line += ` ${openMetrics ? held.timeMs / 1000 : held.timeMs}`;
    const exemplar = held.exemplars[i];
    if (exemplar && openMetrics && this.#takesExemplar(held.names[i]!)) line += exemplarText(exemplar);
    return `${line}\n`;
  }

  #takesExemplar(name: FixedLabel): boolean {
    return name === this.#family.bucket || this.#isCounter();
  }

  #series(name: string, labels: string): string {
    if (isLegacyName(name)) return labels === '' ? name : `${name}{${labels}}`;
    const shown = this.#name(name);
    if (!shown.startsWith('"')) return labels === '' ? shown : `${shown}{${labels}}`;
    return `{${shown}${labels === '' ? '' : `,${labels}`}}`;
  }

  #name(name: string): string {
    if (isLegacyName(name)) return name;
    return this.#format.utf8 ? `"${escaped(name)}"` : name.replace(/[^a-zA-Z0-9_:]/gu, '_').replace(/^(?=\d)/, '_');
  }

  #label(name: string): string {
    if (/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name)) return name;
    return this.#format.utf8 ? `"${escaped(name)}"` : name.replace(/[^a-zA-Z0-9_]/gu, '_').replace(/^(?=\d)/, '_');
  }
}

function isLegacyName(name: string): boolean {
  return /^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name);
}

function exemplarText({ labels, value, timeMs }: ExemplarData): string {
  const pairs = labels.map(([name, text]) => `${name}="${escaped(text)}"`).join(',');
  return ` # {${pairs}} ${numberText(value)} ${timeMs / 1000}`;
}

function escaped(text: string): string {
  return /[\\"\n]/.test(text) ? text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n') : text;
}

function escapedHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

function textOf({ value }: FixedLabel): string {
  return Buffer.from(value.buffer, value.byteOffset, value.length).toString();
}
