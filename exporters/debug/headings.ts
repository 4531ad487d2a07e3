import type { EntityRef, ResourceGroup, ScopeGroup } from '../../internal/otlp/view/resource.ts';
import type { Text } from './text.ts';

/** What all signals say of a resource at `verbosity: detailed`. */
export function resourceHeading(text: Text, name: string, index: number, group: ResourceGroup): void {
  text.line(`${name} #${index}`);
  text.line(`Resource SchemaURL: ${group.schemaUrl}`);
  text.attributes('Resource attributes', group.resource.attributes);
  const refs = group.resource.entityRefs;
  for (let i = 0, ref: EntityRef | undefined; (ref = refs.next()); i++) {
    if (i === 0) text.line('Resource entity refs:');
    writeEntityRef(text, i, ref);
  }
}

export function scopeHeading(text: Text, name: string, index: number, group: ScopeGroup): void {
  const { scope } = group;
  text.line(`${name} #${index}`);
  text.line(`${name} SchemaURL: ${group.schemaUrl}`);
  text.line(`InstrumentationScope ${scope.name} ${scope.version}`);
  text.attributes('InstrumentationScope attributes', scope.attributes);
}

function writeEntityRef(text: Text, index: number, ref: EntityRef): void {
  text.line(`     -> Entity ref #${index}:`);
  text.line(`          -> Type: ${ref.type}`);
  if (ref.schemaUrl) text.line(`          -> Schema URL: ${ref.schemaUrl}`);
  writeKeys(text, 'ID keys', ref.idKeys);
  writeKeys(text, 'Description keys', ref.descriptionKeys);
}

function writeKeys(text: Text, name: string, keys: readonly string[]): void {
  if (keys.length === 0) return;
  text.line(`          -> ${name}:`);
  for (const key of keys) text.line(`               -> ${key}`);
}
