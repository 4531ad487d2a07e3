import { AskError, type Asking, askJson, textIn } from './ask.ts';
import { detectorKind, type Found, found, noFields } from './detector.ts';

/** The machine that Docker runs on, by its API: https://docs.docker.com/reference/api/engine/ */
export const docker = detectorKind({
  name: 'docker',
  attributes: { 'container.image.name': false, 'container.name': false, 'host.name': true, 'os.type': true },
  fields: noFields,
  async detect({ surroundings: { env, os }, abort, wants }): Promise<Found> {
    const { base, asking } = daemon(env.DOCKER_HOST || 'unix:///var/run/docker.sock');
    const info = await askJson(`${base}/info`, abort, asking).catch((error: AskError) => {
      const advice = "give the collector Docker's socket (/var/run/docker.sock), or name it in DOCKER_HOST";
      throw new AskError(`${error.message}: ${advice}`, error.status, error.connected);
    });
    const wantsContainer = wants('container.name') || wants('container.image.name');
    const path = `/containers/${encodeURIComponent(os.hostname())}/json`;
    const container = wantsContainer ? await askJson(base + path, abort, asking) : {};
    return found({
      'host.name': textIn(info, 'Name'),
      'os.type': textIn(info, 'OSType'),
      // As upstream has them, in Docker's own form: /name, and the id of the image.
      'container.name': textIn(container, 'Name'),
      'container.image.name': textIn(container, 'Image'),
    });
  },
});

function daemon(address: string): { base: string; asking: Asking } {
  const [, scheme, rest] = /^(unix|tcp|http):\/\/(.+)$/.exec(address) ?? [];
  if (scheme === 'unix') return { base: 'http://docker', asking: { socketPath: rest! } };
  if (rest && URL.canParse(`http://${rest}`)) return { base: `http://${rest.replace(/\/+$/, '')}`, asking: {} };
  throw new Error(`DOCKER_HOST: expected unix:///path or tcp://host:port, got ${JSON.stringify(address)}`);
}
