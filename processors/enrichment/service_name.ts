import { encodeField } from '../../internal/otlp/attributes/encode.ts';
import type { AttributeList } from '../../internal/otlp/attributes/list.ts';

/** Attributes that say what runs, best first; by https://opentelemetry.io/docs/specs/semconv/non-normative/k8s-attributes/ */
const names = [
  'k8s.deployment.name',
  'k8s.replicaset.name',
  'k8s.statefulset.name',
  'k8s.daemonset.name',
  'k8s.cronjob.name',
  'k8s.job.name',
  'k8s.pod.name',
  'k8s.container.name',
  'process.executable.name',
];

/** Fills `service.name` where an SDK did not know it. */
export class ServiceName {
  readonly #key = Buffer.from('service.name');
  readonly #from = names.map((name) => Buffer.from(name));

  fill(list: AttributeList, field: number): void {
    const at = list.find(this.#key);
    const named = at < 0 ? undefined : list.text(at);
    if (at >= 0 && !(named === '' || named?.startsWith('unknown_service'))) return;
    for (const name of this.#from) {
      const found = list.find(name);
      if (found < 0 || !list.text(found)) continue;
      const { buf, start, end } = list.value(found);
      const made = encodeField(field, this.#key, buf, start, end);
      if (at >= 0) list.replace(at, made);
      else list.add(made);
      return;
    }
  }
}
