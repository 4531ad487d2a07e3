import { detectorKind, elsewhere, found, noFields } from './detector.ts';

/** Environment variables of the downward API, by the names that manifests usually give them. */
const downward: Readonly<Record<string, readonly string[]>> = {
  'k8s.pod.name': ['K8S_POD_NAME', 'POD_NAME'],
  'k8s.pod.uid': ['K8S_POD_UID', 'POD_UID'],
  'k8s.namespace.name': ['K8S_NAMESPACE_NAME', 'K8S_NAMESPACE', 'POD_NAMESPACE'],
  'k8s.node.name': ['K8S_NODE_NAME', 'NODE_NAME'],
};

const namespaceFile = '/var/run/secrets/kubernetes.io/serviceaccount/namespace';

/** Ours, not upstream's: the pod that this process runs in, without asking the API server. */
export const k8s = detectorKind({
  name: 'k8s',
  attributes: Object.fromEntries(Object.keys(downward).map((name) => [name, true])),
  fields: noFields,
  async detect({ surroundings: { env, read } }) {
    const values = Object.entries(downward).map(([name, variables]) => {
      return [name, variables.map((variable) => env[variable]).find((value) => value)] as const;
    });
    const facts: Record<string, string | undefined> = Object.fromEntries(values);
    facts['k8s.namespace.name'] ??= (await read(namespaceFile))?.trim();
    const pod = found(facts);
    return pod.attributes.size > 0 ? pod : elsewhere('no variable of the downward API is set, such as K8S_POD_NAME');
  },
});
