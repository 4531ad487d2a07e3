import { detectorKind, elsewhere, found, noFields } from './detector.ts';

/** Ours, not upstream's: the container that this process runs in, by the files of its own process. */
export const container = detectorKind({
  name: 'container',
  attributes: { 'container.id': true },
  fields: noFields,
  async detect({ surroundings }) {
    for (const path of ['/proc/self/mountinfo', '/proc/self/cgroup']) {
      const id = containerId((await surroundings.read(path)) ?? '');
      if (id) return found({ 'container.id': id });
    }
    return elsewhere('neither /proc/self/mountinfo nor /proc/self/cgroup names a container');
  },
});

/** 64 hex digits behind the folder in which a container runtime keeps its containers. */
function containerId(text: string): string | undefined {
  return /(?:containers\/|docker[/-]|crio-|cri-containerd-|sandboxes\/|kubepods\S*\/)([0-9a-f]{64})/.exec(text)?.[1];
}
