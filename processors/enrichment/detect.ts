import { readFileSync } from 'node:fs';
import { arch, hostname, platform } from 'node:os';

/** Environment variables of the downward API, by the names that manifests usually give them. */
const downward: Readonly<Record<string, readonly string[]>> = {
  'k8s.pod.name': ['K8S_POD_NAME', 'POD_NAME'],
  'k8s.pod.uid': ['K8S_POD_UID', 'POD_UID'],
  'k8s.namespace.name': ['K8S_NAMESPACE_NAME', 'K8S_NAMESPACE', 'POD_NAMESPACE'],
  'k8s.node.name': ['K8S_NODE_NAME', 'NODE_NAME'],
};

const namespaceFile = '/var/run/secrets/kubernetes.io/serviceaccount/namespace';

/** What is known of a file; undefined where it cannot be read. */
export type ReadText = (path: string) => string | undefined;

/** Where this process runs: host, operating system, container and pod. Values by attribute name. */
export function detected(
  env: Readonly<Record<string, string | undefined>> = process.env,
  read: ReadText = readText,
): Record<string, string> {
  const found: Record<string, string | undefined> = {
    'host.name': hostname(),
    'host.arch': { x64: 'amd64', arm64: 'arm64' }[arch() as string] ?? arch(),
    'os.type': platform() === 'win32' ? 'windows' : platform(),
    'container.id': containerId(read('/proc/self/mountinfo') ?? '') ?? containerId(read('/proc/self/cgroup') ?? ''),
  };
  for (const [name, variables] of Object.entries(downward)) {
    found[name] = variables.map((variable) => env[variable]).find((value) => value);
  }
  found['k8s.namespace.name'] ??= read(namespaceFile)?.trim();
  return Object.fromEntries(Object.entries(found).filter((pair): pair is [string, string] => Boolean(pair[1])));
}

/** 64 hex digits behind the folder in which a container runtime keeps its containers. */
function containerId(text: string): string | undefined {
  return /(?:containers\/|docker[/-]|crio-|cri-containerd-|sandboxes\/|kubepods\S*\/)([0-9a-f]{64})/.exec(text)?.[1];
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
