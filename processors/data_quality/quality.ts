import { encodeField, encodeValue } from '../../internal/attributes/encode.ts';
import { AttributeList } from '../../internal/attributes/list.ts';
import type { Component, Settings } from '../../internal/core/component.ts';
import type { BatchContext, Consumer } from '../../internal/core/consumer.ts';
import { handOnKept } from '../../internal/core/hand_on.ts';
import { acceptedPromise, type Outcome } from '../../internal/core/outcome.ts';
import type { QualityReport } from '../../internal/core/quality.ts';
import type { Counter } from '../../internal/core/telemetry.ts';
import type { Payload } from '../../internal/otlp/payload.ts';
import type { Range } from '../../internal/otlp/regroup.ts';
import { type Patch, rewriteLogs, rewriteMetrics, rewriteSpans } from '../../internal/otlp/rewrite.ts';
import type { ResourceGroup } from '../../internal/otlp/view/resource.ts';
import { walkSpans } from '../../internal/otlp/view/walk.ts';
import { compileCheck, type Present, type Subject, spanKey, type Test } from './checks.ts';
import { type QualityConfig, type Rule, ruleSchema } from './config.ts';
import { presets } from './presets.ts';
import { Tallies, Tally } from './tally.ts';

const resourceAttributes = 1;
const spanAttributes = 9;
const logAttributes = 6;
const serviceName = Buffer.from('service.name');
/** Bytes of a service's name that are looked at. */
const longestService = 256;
const nobody: Present = new Set();

interface Judge {
  readonly index: number;
  readonly rule: Rule;
  readonly test: Test;
}

/** Judges what passes within the call. Nothing is counted of a batch that the next component refuses: it may come again. */
export class DataQuality implements Component, Consumer {
  readonly #settings: Settings;
  readonly #next: Consumer;
  readonly #tagKey: Uint8Array;
  readonly #ofResource: readonly Judge[];
  readonly #ofItem: readonly Judge[];
  readonly #needsParents: boolean;
  readonly #rules: readonly Rule[];
  readonly #tallies: Tallies;
  readonly #violations: readonly Counter[];
  readonly #ends: (() => void)[] = [];
  readonly #list = new AttributeList();
  readonly #rewrite: (batch: Payload) => Payload;
  #batch = new Map<string, Tally>();
  #tally: Tally;
  #present: Present = nobody;

  constructor(settings: Settings, config: QualityConfig, next: Consumer) {
    const signal = settings.signal ?? 'traces';
    this.#settings = settings;
    this.#next = next;
    this.#tagKey = Buffer.from(config.tag_attribute);
    this.#rules = rulesOf(config).filter(({ signals }) => signals.includes(signal));
    const judges = this.#rules.map((rule, index) => ({ index, rule, test: compileCheck(rule, settings) }));
    this.#ofResource = judges.filter(({ rule }) => rule.on === 'resource');
    this.#ofItem = judges.filter(({ rule }) => rule.on === 'item');
    this.#needsParents = signal === 'traces' && this.#rules.some(({ parent_present }) => parent_present);
    this.#tally = new Tally(judges.length);
    const labels = { processor: settings.id, 'otel.signal': signal };
    this.#tallies = new Tallies(this.#rules, config.max_services, settings.clock.now(), (service, score) => {
      const spec = {
        name: 'sluice_data_quality_score',
        help: 'Share of checks passed, 0 to 100.',
        labels: { ...labels, service },
      };
      this.#ends.push(settings.meter.observe(spec, score));
    });
    this.#violations = this.#rules.map(({ name, action }) =>
      settings.meter.counter({
        name: 'sluice_data_quality_violations_total',
        help: 'Violations by rule.',
        labels: { ...labels, rule: name, action },
      }),
    );
    const resource = (group: ResourceGroup, patch: Patch) => this.#resource(group, patch);
    const rewrites = {
      traces: (batch: Payload) =>
        rewriteSpans(batch, {
          resource,
          record: (span, patch) => this.#item({ attributes: span.attributes, span }, span, spanAttributes, patch),
        }),
      logs: (batch: Payload) =>
        rewriteLogs(batch, {
          resource,
          record: (log, patch) => this.#item({ attributes: log.attributes, log }, log, logAttributes, patch),
        }),
      metrics: (batch: Payload) =>
        rewriteMetrics(batch, {
          resource,
          point: (point, patch, metric) =>
            this.#item({ attributes: point.attributes, point, metric }, point, point.attributesField, patch),
        }),
    };
    this.#rewrite = rewrites[signal];
  }

  consume(batch: Payload, ctx: BatchContext): Promise<Outcome> {
    const counted = new Map<string, Tally>();
    this.#batch = counted;
    this.#present = this.#needsParents ? spansIn(batch) : nobody;
    const kept = this.#rewrite(batch);
    this.#present = nobody;
    const answer = handOnKept(this.#next, this.#settings.account, batch, kept, ctx);
    if (answer === acceptedPromise) {
      this.#count(counted);
      return answer;
    }
    return answer.then((outcome) => {
      if (outcome.status === 'accepted') this.#count(counted);
      return outcome;
    });
  }

  quality(): QualityReport {
    return this.#tallies.report();
  }

  async shutdown(): Promise<void> {
    for (const end of this.#ends) end();
    this.#ends.length = 0;
  }

  #count(counted: ReadonlyMap<string, Tally>): void {
    for (const [service, tally] of counted) {
      this.#tallies.add(service, tally);
      for (const [i, counter] of this.#violations.entries()) {
        if (tally.violated[i]! > 0) counter.add(tally.violated[i]!);
      }
    }
  }

  #resource({ resource }: ResourceGroup, patch: Patch): void {
    const { attributes } = resource;
    const value = attributes.find(serviceName)?.value;
    const short = value?.kind === 'string' && value.valueEnd(1) - value.valueStart(1) <= longestService;
    const service = short ? value.stringValue || '(none)' : value ? '(other)' : '(none)';
    let tally = this.#batch.get(service);
    if (!tally) this.#batch.set(service, (tally = new Tally(this.#rules.length)));
    this.#tally = tally;
    this.#judge(this.#ofResource, { attributes }, resource, resourceAttributes, patch);
  }

  #item(subject: Subject, message: Range, field: number, patch: Patch): void {
    this.#tally.items++;
    this.#judge(this.#ofItem, subject, message, field, patch);
  }

  #judge(judges: readonly Judge[], subject: Subject, message: Range, field: number, patch: Patch): void {
    let tags: string[] | undefined;
    let drop = false;
    for (const { index, rule, test } of judges) {
      this.#tally.checked[index]!++;
      const example = test(subject, this.#present);
      if (example === undefined) continue;
      this.#tally.violation(index, example);
      if (rule.action === 'drop') drop = true;
      else if (rule.action === 'tag') (tags ??= []).push(rule.name);
    }
    if (drop) patch.drop();
    else if (tags) this.#tag(tags, message, field, patch);
  }

  #tag(rules: string[], message: Range, field: number, patch: Patch): void {
    const list = this.#list.read(message, field);
    const tag = encodeField(field, this.#tagKey, encodeValue(rules));
    const known = list.find(this.#tagKey);
    if (known < 0) list.add(tag);
    else list.replace(known, tag);
    list.write(patch);
  }
}

/** The configured rules, then those of presets whose names are not taken by one of them. */
function rulesOf(config: QualityConfig): Rule[] {
  const rules = new Map(config.rules.map((rule) => [rule.name, rule]));
  for (const preset of config.presets) {
    for (const input of presets[preset]) if (!rules.has(input.name)) rules.set(input.name, ruleSchema.parse(input));
  }
  return [...rules.values()];
}

function spansIn(batch: Payload): Present {
  const present = new Set<string>();
  const walk = walkSpans(batch);
  while (walk.nextResource()) {
    while (walk.nextScope()) while (walk.nextRecord()) present.add(spanKey(walk.record.traceId, walk.record.spanId));
  }
  return present;
}
