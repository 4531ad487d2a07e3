import { encodeField } from '../../internal/attributes/encode.ts';
import type { AttributeList } from '../../internal/attributes/list.ts';

/**
 * Renames of the semantic conventions in which the value stays as it is; those that split or reword values are left out.
 * Source: https://github.com/open-telemetry/semantic-conventions/blob/main/schema-next.yaml
 */
const renames: Readonly<Record<string, string>> = {
  'http.method': 'http.request.method',
  'http.status_code': 'http.response.status_code',
  'http.request_content_length': 'http.request.body.size',
  'http.response_content_length': 'http.response.body.size',
  'http.url': 'url.full',
  'http.scheme': 'url.scheme',
  'http.user_agent': 'user_agent.original',
  'http.client_ip': 'client.address',
  'http.resend_count': 'http.request.resend_count',
  'net.host.name': 'server.address',
  'net.host.port': 'server.port',
  'net.sock.peer.addr': 'network.peer.address',
  'net.sock.peer.port': 'network.peer.port',
  'net.protocol.name': 'network.protocol.name',
  'net.protocol.version': 'network.protocol.version',
  'db.statement': 'db.query.text',
  'db.operation': 'db.operation.name',
  'db.name': 'db.namespace',
  'db.sql.table': 'db.collection.name',
  'code.function': 'code.function.name',
  'code.filepath': 'code.file.path',
  'code.lineno': 'code.line.number',
  'code.column': 'code.column.number',
  'enduser.id': 'user.id',
  'deployment.environment': 'deployment.environment.name',
  'telemetry.auto.version': 'telemetry.distro.version',
};

/** Renames what has an older name, unless the new one is there too. */
export class Conventions {
  readonly #renames = Object.entries(renames).map(([from, to]) => ({ from: Buffer.from(from), to: Buffer.from(to) }));

  upgrade(list: AttributeList, field: number): void {
    for (const { from, to } of this.#renames) {
      const at = list.find(from);
      if (at < 0 || list.find(to) >= 0) continue;
      const { buf, start, end } = list.value(at);
      list.replace(at, encodeField(field, to, buf, start, end));
    }
  }
}

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
