import { pbkdf2Sync, randomBytes } from 'node:crypto';
import { chown, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { backendPath } from './backend.ts';
import { javaOf } from './java.ts';
import { type Plan, type Server, type ServerOptions, startServer } from './server.ts';

export type Elasticsearch = Server<'http' | 'transport'>;

export interface ElasticsearchOptions extends ServerOptions {
  /** Default 8. */
  major?: 8 | 9;
  /** Further settings of elasticsearch.yml, one per line. */
  settings?: string;
  /** Security on, with a superuser of this name and password. */
  user?: { name: string; password: string };
}

/** `nobody` and `nogroup`. */
const NOBODY = 65_534;

/**
 * Starts a single node without security and without disk watermarks (14 s).
 *
 * @throws Error when there is none, when this machine lacks what it needs, or it does not get ready
 */
export async function startElasticsearch(options: ElasticsearchOptions = {}): Promise<Elasticsearch> {
  const { major = 8 } = options;
  const home = await backendPath(`elasticsearch${major}`);
  const java = (await javaOf(major))!;
  return startServer(
    `elasticsearch${major}`,
    ['http', 'transport'],
    (ports, folder) => plan({ home, java, ports, folder, major, options }),
    { timeoutMs: 120_000, ...options },
  );
}

interface Place {
  home: string;
  java: string;
  ports: Record<'http' | 'transport', number>;
  folder: string;
  major: 8 | 9;
  options: ElasticsearchOptions;
}

async function plan({ home, java, ports, folder, major, options }: Place): Promise<Plan> {
  const config = join(folder, 'config');
  const temp = join(folder, 'tmp');
  const folders = [folder, config, temp, join(folder, 'data'), join(folder, 'logs')];
  const { user } = options;
  const files: Record<string, string> = {
    ...(user && { users: `${user.name}:${hashed(user.password)}\n`, users_roles: `superuser:${user.name}\n` }),
    'elasticsearch.yml': settings(folder, ports, options),
    'jvm.options': `-Djava.io.tmpdir=${temp}\n-Xms512m\n-Xmx512m\n-XX:+UseSerialGC\n-XX:TieredStopAtLevel=1\n`,
    'log4j2.properties': LOG4J,
  };
  for (const path of folders) await mkdir(path, { recursive: true });
  for (const [name, text] of Object.entries(files)) await writeFile(join(config, name), text);
  const root = process.getuid?.() === 0;
  if (root) {
    for (const path of folders) await chown(path, NOBODY, NOBODY);
    for (const name of Object.keys(files)) await chown(join(config, name), NOBODY, NOBODY);
  }
  return {
    command: [...(root ? asNobody : []), join(java, 'bin/java'), ...launcher(home, config, major)],
    env: {
      ES_HOME: home,
      ES_PATH_CONF: config,
      ES_TMPDIR: temp,
      ES_JAVA_HOME: java,
      ES_DISTRIBUTION_TYPE: 'zip',
      JAVA: join(java, 'bin/java'),
      JAVA_TYPE: 'ES_JAVA_HOME',
    },
    cwd: home, // where it looks for its modules
    readyUrl: `http://127.0.0.1:${ports.http}/_cluster/health?wait_for_status=yellow&timeout=1s`,
    ...(user && { readyHeaders: { authorization: basic(user) } }),
  };
}

/** It refuses to run as root. The cache may lie below a folder that only root can enter, so that right stays. */
const asNobody = [
  'setpriv',
  `--reuid=${NOBODY}`,
  `--regid=${NOBODY}`,
  '--clear-groups',
  // Else access(2) would not count the capability that follows.
  '--securebits=+no_setuid_fixup',
  '--inh-caps=+dac_read_search',
  '--ambient-caps=+dac_read_search',
];

/** What `bin/elasticsearch` would run; the build carries no scripts. */
function launcher(home: string, config: string, major: 8 | 9): string[] {
  if (major === 9)
    return ['-cp', `${home}/lib/tools/server-launcher/*`, 'org.elasticsearch.server.launcher.ServerLauncher'];
  return [
    '-Xms4m',
    '-Xmx64m',
    '-Dcli.name=server',
    `-Dcli.script=${home}/bin/elasticsearch`,
    '-Dcli.libs=lib/tools/server-cli',
    `-Des.path.home=${home}`,
    `-Des.path.conf=${config}`,
    '-Des.distribution.type=zip',
    '-Des.java.type=ES_JAVA_HOME',
    '-cp',
    `${home}/lib/*:${home}/lib/cli-launcher/*`,
    'org.elasticsearch.launcher.CliToolLauncher',
  ];
}

function settings(folder: string, ports: Place['ports'], { settings: more = '', user }: ElasticsearchOptions): string {
  return `
cluster.name: sluice
discovery.type: single-node
path.data: ${join(folder, 'data')}
path.logs: ${join(folder, 'logs')}
network.host: 127.0.0.1
http.port: ${ports.http}
transport.port: ${ports.transport}
${user ? SECURE : 'xpack.security.enabled: false'}
cluster.routing.allocation.disk.threshold_enabled: false
${more}
`;
}

const SECURE = `xpack.security.enabled: true
xpack.security.autoconfiguration.enabled: false
xpack.security.http.ssl.enabled: false
xpack.security.transport.ssl.enabled: false`;

/** What a request of this user carries. */
export function basic({ name, password }: { name: string; password: string }): string {
  return `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;
}

/** A password as the file realm takes it. */
function hashed(password: string): string {
  const salt = randomBytes(32);
  const key = pbkdf2Sync(password, salt, 10_000, 32, 'sha512');
  return `{PBKDF2}10000$${salt.toString('base64')}$${key.toString('base64')}`;
}

const LOG4J = `
status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = [%d{ISO8601}][%-5p][%-25c{1.}] [%node_name]%marker %m%n
rootLogger.level = info
rootLogger.appenderRef.console.ref = console
`;
