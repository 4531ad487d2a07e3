import type { Settings } from '../core/component.ts';
import type { QualityReport } from '../core/quality.ts';
import type { Counter } from '../core/telemetry.ts';
import type { Payload } from '../otlp/payload.ts';
import type { Range } from '../otlp/regroup.ts';
import type { Patch } from '../otlp/rewrite.ts';
import type { ResourceGroup } from '../otlp/view/resource.ts';
import { walkSpans } from '../otlp/view/walk.ts';
import { compileCheck, type Present, type Subject, spanKey, type Test } from './checks.ts';
import { Distinct } from './distinct.ts';
import { presetRules } from './presets.ts';
import { Parting, type Route, type Routes, resourceAttributes } from './routes.ts';
import type { QualityConfig, Rule } from './rules.ts';
import { rewriteOf } from './subjects.ts';
import { Tagger } from './tag.ts';
import { Tallies, Tally } from './tally.ts';

const serviceName = Buffer.from('service.name');
/** Bytes of a service's name that are looked at. */
const longestService = 256;
const nobody: Present = new Set();

interface Compiled {
  readonly index: number;
  readonly rule: Rule;
  readonly test: Test;
  readonly distinct: Distinct | undefined;
}

/** What judging a batch came to. */
export interface Judgement {
  /** What stays on its way, tagged where a rule says so: the batch itself if all of it does. */
  readonly kept: Payload;
  /** What broke a rule that routes. */
  readonly routed: Payload | undefined;
  readonly tallies: ReadonlyMap<string, Tally>;
}

/** Judges batches by rules. What a batch came to counts once somebody says so: one that is refused may come again. */
export class Judge {
  readonly #compiled: readonly Compiled[];
  readonly #ofResource: readonly Compiled[];
  readonly #ofItem: readonly Compiled[];
  readonly #needsParents: boolean;
  readonly #rules: readonly Rule[];
  readonly #tallies: Tallies;
  readonly #violations: readonly Counter[];
  readonly #ends: (() => void)[] = [];
  readonly #tagger: Tagger;
  readonly #rewrite: (batch: Payload) => Payload;
  readonly #parting: Parting;
  /** Where counts go since a reload, and where each of its rules stands here. */
  #successor: { readonly judge: Judge; readonly from: readonly number[] } | undefined;
  /* Of the batch at hand. */
  #batch = new Map<string, Tally>();
  #routes = new Map<number, Route>();
  #present: Present = nobody;
  #resources = 0;
  #items = 0;
  #tally: Tally;

  constructor(settings: Settings, config: QualityConfig) {
    const { clock, memory, meter, signal = 'traces' } = settings;
    this.#rules = rulesOf(config).filter(({ signals }) => signals.includes(signal));
    this.#compiled = this.#rules.map((rule, index) => {
      const { limit, interval } = rule.max_cardinality ?? {};
      const distinct =
        limit === undefined || interval === undefined ? undefined : new Distinct(limit, interval, clock.monotonic());
      return { index, rule, distinct, test: compileCheck(rule, clock, distinct) };
    });
    this.#ofResource = this.#compiled.filter(({ rule }) => rule.on === 'resource');
    this.#ofItem = this.#compiled.filter(({ rule }) => rule.on === 'item');
    this.#needsParents = signal === 'traces' && this.#rules.some(({ parent_present }) => parent_present);
    this.#tally = new Tally(this.#rules.length);
    const labels = { kind: settings.kind, id: settings.id, 'otel.signal': signal };
    this.#tallies = new Tallies(this.#rules, config.max_services, clock.now(), (service, score) => {
      const help = 'Share of checks passed, 0 to 100.';
      this.#ends.push(
        meter.observe({ name: 'sluice_data_quality_score', help, labels: { ...labels, service } }, score),
      );
    });
    this.#violations = this.#rules.map(({ name, action }) =>
      meter.counter({
        name: 'sluice_data_quality_violations_total',
        help: 'Violations by rule.',
        labels: { ...labels, rule: name, action },
      }),
    );
    this.#ends.push(memory.addApart(() => this.#bytes));
    this.#tagger = new Tagger(config.tag_attribute);
    this.#parting = new Parting(signal, this.#tagger);
    this.#rewrite = rewriteOf(signal, {
      resource: (group, patch) => this.#resource(group, patch),
      item: (subject, message, field, patch) => this.#item(subject, message, field, patch),
    });
  }

  /** Names of the rules that part telemetry of the signal at hand. */
  get routing(): readonly string[] {
    return this.#rules.filter(({ action }) => action === 'route').map(({ name }) => name);
  }

  judge(batch: Payload): Judgement {
    const tallies = new Map<string, Tally>();
    const routes = new Map<number, Route>();
    this.#batch = tallies;
    this.#routes = routes;
    this.#resources = 0;
    this.#present = this.#needsParents ? spansIn(batch) : nobody;
    const kept = this.#rewrite(batch);
    this.#present = nobody;
    return { kept, routed: this.#routed(batch, routes), tallies };
  }

  /** The batch has been taken: now it counts. */
  count({ tallies }: Judgement): void {
    for (const [service, tally] of tallies) {
      this.#add(service, tally);
      for (const [i, counter] of this.#violations.entries()) {
        if (tally.violated[i]! > 0) counter.add(tally.violated[i]!);
      }
    }
  }

  report(): QualityReport {
    return this.#tallies.report();
  }

  /** Gives what was counted, and the values that cardinality rules have seen. Rules that differ in anything begin anew. */
  handOver(successor: Judge): void {
    const same = (a: Rule, b: Rule) => JSON.stringify(a) === JSON.stringify(b);
    const from = successor.#rules.map((rule) => this.#rules.findIndex((mine) => same(mine, rule)));
    for (const [i, at] of from.entries()) {
      const distinct = this.#compiled[at]?.distinct;
      if (distinct) successor.#compiled[i]!.distinct!.adopt(distinct);
    }
    successor.#tallies.adopt(this.#tallies, from);
    this.#successor = { judge: successor, from };
    this.end();
  }

  end(): void {
    for (const end of this.#ends) end();
    this.#ends.length = 0;
  }

  /** Values that cardinality rules remember. */
  get remembered(): number {
    return this.#compiled.reduce((sum, { distinct }) => sum + (distinct?.size ?? 0), 0);
  }

  get #bytes(): number {
    return this.#compiled.reduce((sum, { distinct }) => sum + (distinct?.bytes ?? 0), this.#tallies.bytes);
  }

  #add(service: string, tally: Tally): void {
    if (!this.#successor) this.#tallies.add(service, tally);
    else this.#successor.judge.#add(service, tally.under(this.#successor.from));
  }

  #routed(batch: Payload, routes: Routes): Payload | undefined {
    if (routes.size === 0) return undefined;
    const routed = this.#parting.take(batch, routes);
    // A resource without items may break a rule too.
    return routed.itemCount === 0 ? undefined : routed;
  }

  #resource({ resource }: ResourceGroup, patch: Patch): void {
    const { attributes } = resource;
    const value = attributes.find(serviceName)?.value;
    const short = value?.kind === 'string' && value.valueEnd(1) - value.valueStart(1) <= longestService;
    const service = short ? value.stringValue || '(none)' : value ? '(other)' : '(none)';
    let tally = this.#batch.get(service);
    if (!tally) this.#batch.set(service, (tally = new Tally(this.#rules.length)));
    this.#tally = tally;
    this.#items = 0;
    const number = this.#resources++;
    const rules = this.#apply(this.#ofResource, { attributes }, resource, resourceAttributes, patch);
    if (rules) this.#routes.set(number, { rules, items: new Map() });
  }

  #item(subject: Subject, message: Range, field: number, patch: Patch): void {
    this.#tally.items++;
    const number = this.#items++;
    const rules = this.#apply(this.#ofItem, subject, message, field, patch);
    if (!rules) return;
    const resource = this.#resources - 1;
    let route = this.#routes.get(resource);
    if (!route) this.#routes.set(resource, (route = { items: new Map() }));
    route.items.set(number, rules);
  }

  /** @returns the names of the rules under which it goes another way; undefined where it does not */
  #apply(
    compiled: readonly Compiled[],
    subject: Subject,
    message: Range,
    field: number,
    patch: Patch,
  ): string[] | undefined {
    let tags: string[] | undefined;
    let dropped = false;
    let routed = false;
    for (const { index, rule, test } of compiled) {
      this.#tally.checked[index]!++;
      const example = test(subject, this.#present);
      if (example === undefined) continue;
      this.#tally.violation(index, example);
      if (rule.action === 'drop') dropped = true;
      else if (rule.action !== 'count') (tags ??= []).push(rule.name);
      if (rule.action === 'route') routed = true;
    }
    if (dropped || routed) patch.drop();
    else if (tags) this.#tagger.tag(tags, message, field, patch);
    return routed && !dropped ? tags : undefined;
  }
}

/** The configured rules, then those of presets whose names are not taken by one of them. */
function rulesOf(config: QualityConfig): Rule[] {
  const rules = new Map(config.rules.map((rule) => [rule.name, rule]));
  for (const preset of config.presets) {
    for (const rule of presetRules(preset)) if (!rules.has(rule.name)) rules.set(rule.name, rule);
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
