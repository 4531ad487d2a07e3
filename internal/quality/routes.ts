import type { Payload, Signal } from '../otlp/payload.ts';
import type { Range } from '../otlp/regroup.ts';
import type { Patch } from '../otlp/rewrite.ts';
import type { ResourceGroup } from '../otlp/view/resource.ts';
import type { Subject } from './checks.ts';
import { rewriteOf } from './subjects.ts';
import type { Tagger } from './tag.ts';

/** Of one resource: what of it goes another way, and the rules it broke. */
export interface Route {
  /** Of the resource itself, with which all of its items go. */
  rules?: string[];
  /** By the item's place among those of the resource, from 0. */
  readonly items: Map<number, string[]>;
}

/** By the resource's place in the batch, from 0. Resources of which nothing goes another way are not there. */
export type Routes = ReadonlyMap<number, Route>;

/** The other half of a batch: only what goes another way, tagged, in its resources and scopes. */
export class Parting {
  readonly #tagger: Tagger;
  readonly #rewrite: (batch: Payload) => Payload;
  #routes: Routes = new Map();
  #resources = 0;
  #items = 0;
  #route: Route | undefined;

  constructor(signal: Signal, tagger: Tagger) {
    this.#tagger = tagger;
    this.#rewrite = rewriteOf(signal, {
      resource: (group, patch) => this.#resource(group, patch),
      item: (_: Subject, message, field, patch) => this.#item(message, field, patch),
    });
  }

  take(batch: Payload, routes: Routes): Payload {
    this.#routes = routes;
    this.#resources = 0;
    return this.#rewrite(batch);
  }

  #resource({ resource }: ResourceGroup, patch: Patch): void {
    const route = this.#routes.get(this.#resources++);
    this.#route = route;
    this.#items = 0;
    if (!route) patch.drop();
    else if (route.rules) this.#tagger.tag(route.rules, resource, resourceAttributes, patch);
  }

  #item(message: Range, field: number, patch: Patch): void {
    const { rules, items } = this.#route!;
    if (rules) return;
    const broken = items.get(this.#items++);
    if (broken) this.#tagger.tag(broken, message, field, patch);
    else patch.drop();
  }
}

export const resourceAttributes = 1;
