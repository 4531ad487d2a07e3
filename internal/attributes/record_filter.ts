import type { ResourceGroup, ScopeGroup } from '../otlp/view/resource.ts';
import type { Matcher } from './match.ts';
import type { MatchConfig } from './match_config.ts';

export interface FilterConfig {
  readonly include?: MatchConfig | undefined;
  readonly exclude?: MatchConfig | undefined;
}

/** Which records are changed: those that `include` matches and `exclude` does not. */
export class RecordFilter<R> {
  readonly #include: Side<R> | undefined;
  readonly #exclude: Side<R> | undefined;

  constructor({ include, exclude }: FilterConfig, matcher: (match: MatchConfig) => Matcher<R>) {
    this.#include = include && new Side(matcher(include));
    this.#exclude = exclude && new Side(matcher(exclude));
  }

  reset(): void {
    this.#include?.reset();
    this.#exclude?.reset();
  }

  takes(record: R, resource: ResourceGroup, scope: ScopeGroup): boolean {
    if (this.#include && !this.#include.matches(record, resource, scope)) return false;
    return !this.#exclude?.matches(record, resource, scope);
  }
}

/** Asks about resource and scope once for all their records. */
class Side<R> {
  readonly #matcher: Matcher<R>;
  #buf: Uint8Array | undefined;
  #start = -1;
  #group = false;

  constructor(matcher: Matcher<R>) {
    this.#matcher = matcher;
  }

  /** Another batch may lie where the last one lay. */
  reset(): void {
    this.#buf = undefined;
  }

  matches(record: R, resource: ResourceGroup, scope: ScopeGroup): boolean {
    if (scope.buf !== this.#buf || scope.start !== this.#start) {
      this.#buf = scope.buf;
      this.#start = scope.start;
      this.#group = this.#matcher.group(resource, scope);
    }
    return this.#group && this.#matcher.record(record);
  }
}
