import type { Attributes } from '../otlp/view/value.ts';
import { type Accessor, text, varint } from './accessors.ts';
import { attributes, type Key } from './keyed.ts';
import { inside, onScene, type Place } from './place.ts';
import type { Scene } from './scene.ts';

/** One name of a path: what it is, what it is by key, and what may follow it. */
export interface Leaf {
  readonly whole?: Accessor;
  readonly by?: (keys: readonly Key[]) => Accessor;
  readonly next?: Leaves;
}
export type Leaves = Readonly<Record<string, Leaf>>;

/** A leaf that cannot be indexed. */
export function leaf(whole: Accessor, next?: Leaves): Leaf {
  return next ? { whole, next } : { whole };
}

export function attributesIn(place: Place, list: (scene: Scene) => Attributes, field: number): Leaf {
  return attributes(place, list, () => field);
}

const resourceGroup = onScene((scene) => scene.resource);
const resource = inside(resourceGroup, 1, (scene) => scene.resource.resource);
const scopeGroup = onScene((scene) => scene.scope);
const scope = inside(scopeGroup, 1, (scene) => scene.scope.scope);

export const resourcePaths: Leaves = {
  attributes: attributesIn(resource, (scene) => scene.resource.resource.attributes, 1),
  dropped_attributes_count: leaf(varint(resource, 2, false)),
  schema_url: leaf(text(resourceGroup, 3)),
};

export const scopePaths: Leaves = {
  name: leaf(text(scope, 1)),
  version: leaf(text(scope, 2)),
  attributes: attributesIn(scope, (scene) => scene.scope.scope.attributes, 3),
  dropped_attributes_count: leaf(varint(scope, 4, false)),
  schema_url: leaf(text(scopeGroup, 3)),
};
