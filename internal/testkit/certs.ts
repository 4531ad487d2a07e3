import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Pair {
  readonly cert: string;
  readonly key: string;
}

/** Paths of PEM files in a temporary folder. */
export interface TestCertificates {
  readonly folder: string;
  /** The authority that signed all of them. */
  readonly ca: string;
  /** For localhost and 127.0.0.1. */
  readonly server: Pair;
  readonly client: Pair;
  /** Another pair by the same authority, for renewals. */
  issue(commonName: string): Promise<Pair>;
  remove(): Promise<void>;
}

/** @returns undefined where there is no `openssl` program: such tests are skipped then */
export async function makeCertificates(): Promise<TestCertificates | undefined> {
  const present = await run('openssl', ['version']).catch(() => undefined);
  if (!present) return undefined;
  const folder = await mkdtemp(join(tmpdir(), 'sluice-certs-'));
  const ca = join(folder, 'ca.pem');
  const caKey = join(folder, 'ca.key');
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  await run('openssl', [
    'req',
    '-x509',
    ...newKey,
    '-keyout',
    caKey,
    '-out',
    ca,
    '-days',
    '2',
    '-subj',
    '/CN=Test authority',
  ]);
  const extensions = join(folder, 'extensions');
  await writeFile(extensions, 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
  const issue = async (commonName: string): Promise<Pair> => {
    const [cert, key, request] = ['pem', 'key', 'csr'].map((kind) => join(folder, `${commonName}.${kind}`)) as [
      string,
      string,
      string,
    ];
    await run('openssl', ['req', ...newKey, '-keyout', key, '-out', request, '-subj', `/CN=${commonName}`]);
    const sign = ['x509', '-req', '-in', request, '-CA', ca, '-CAkey', caKey, '-CAcreateserial', '-days', '2'];
    await run('openssl', [...sign, '-extfile', extensions, '-out', cert]);
    return { cert, key };
  };
  return {
    folder,
    ca,
    server: await issue('server'),
    client: await issue('client'),
    issue,
    remove: () => rm(folder, { recursive: true }),
  };
}
