import { hash } from 'node:crypto';
import { attributesKey, latin1 } from '../attributes/key.ts';
import type { Metric } from '../otlp/view/metric.ts';
import type { ResourceGroup, ScopeGroup } from '../otlp/view/resource.ts';
import type { Attributes } from '../otlp/view/value.ts';

/** Attributes of up to so many bytes stand in a key themselves, longer ones as their digest. */
const longest = 192;
/** Bytes of a digest in a key. */
const digestBytes = 16;

/**
 * What tells series apart: attributes of the resource, in any order, name, version and attributes of the scope, kind, name
 * and unit of the metric, attributes of the point, and what the caller adds. A key has at most `longest` bytes and some.
 */
export class SeriesKeys {
  #resource = '';
  #scope = '';
  #metric = '';

  /** The points that follow are of this resource. @returns a key of it alone */
  resource(group: ResourceGroup): string {
    this.#resource = attributesKey(group.resource.attributes);
    return this.#resource;
  }

  scope({ scope }: ScopeGroup): void {
    const parts = [this.#resource, scope.name, scope.version, attributesKey(scope.attributes)];
    this.#scope = parts.map((part) => `${part.length}:${part}`).join('');
  }

  metric(metric: Metric, monotonic: boolean): void {
    const { name, unit, dataField } = metric;
    this.#metric = digest(`${this.#scope}${dataField}${monotonic ? 'm' : 'n'}${name.length}:${name}${unit}`);
  }

  /** @param more distinguishes series further */
  point(attributes: Attributes, more = ''): string {
    const own = attributesKey(attributes);
    return `${this.#metric}${more}${own.length > longest ? `#${digest(own)}` : own}`;
  }
}

function digest(text: string): string {
  return latin1(hash('sha256', text, 'buffer'), 0, digestBytes);
}
