import { createHash } from 'node:crypto';

/** Foreign programs that tests and benchmarks run Sluice against. Each is built from the public Go module proxy. */
export type PeerName = 'otelcol' | 'otelcol_detecting' | 'telemetrygen' | 'h2spec';

/** One command of a build, run inside the build's own folder. `GOBIN` is that folder. */
export interface BuildStep {
  /** What the progress line says. */
  label: string;
  command: string;
  args: string[];
  /** Relative to the build's folder; default: the folder itself. */
  cwd?: string;
}

/** How a peer is built: after the last step the folder holds an executable named like the peer, or what `keep` says. */
export interface Recipe {
  /** The exact module version; also the cache key. */
  version: string;
  /** Files and folders that stay, by path relative to the build's folder; the first one is what callers are given. */
  keep?: readonly string[];
  /** Prints the version of what builds it; default `go version`. */
  toolchain?: { command: string; args: string[] };
  /** Source files by path relative to the build's folder, written before the first step. */
  files: Record<string, string>;
  steps: BuildStep[];
}

/** The last set of which the proxy carries every module in `COLLECTOR_MODULES`; newer sets are there only in part. */
const COLLECTOR = '0.155.0';
/** Modules of the Collector that are past 1.0 carry this number in the same release. */
const COLLECTOR_STABLE = '1.61.0';

const core = (path: string) => `go.opentelemetry.io/collector/${path} v${COLLECTOR}`;
const contrib = (path: string) => `github.com/open-telemetry/opentelemetry-collector-contrib/${path} v${COLLECTOR}`;
const stable = (path: string) => `go.opentelemetry.io/collector/${path} v${COLLECTOR_STABLE}`;

/** The parts of a Collector build, by section of the Collector Builder's manifest. */
type Modules = Readonly<Record<string, readonly string[]>>;

const PROVIDERS = [
  stable('confmap/provider/envprovider'),
  stable('confmap/provider/fileprovider'),
  stable('confmap/provider/yamlprovider'),
];

/** What Sluice is compared against, in tests and benchmarks. */
const COLLECTOR_MODULES: Modules = {
  receivers: [core('receiver/otlpreceiver')],
  exporters: [
    core('exporter/otlpexporter'),
    core('exporter/otlphttpexporter'),
    core('exporter/debugexporter'),
    core('exporter/nopexporter'),
    contrib('exporter/fileexporter'),
    contrib('exporter/prometheusremotewriteexporter'),
  ],
  processors: [
    core('processor/batchprocessor'),
    core('processor/memorylimiterprocessor'),
    contrib('processor/attributesprocessor'),
    contrib('processor/resourceprocessor'),
    contrib('processor/filterprocessor'),
    contrib('processor/transformprocessor'),
    contrib('processor/tailsamplingprocessor'),
    contrib('processor/probabilisticsamplerprocessor'),
    contrib('processor/spanprocessor'),
    contrib('processor/redactionprocessor'),
    contrib('processor/groupbyattrsprocessor'),
    contrib('processor/cumulativetodeltaprocessor'),
    contrib('processor/deltatocumulativeprocessor'),
  ],
  extensions: [contrib('extension/healthcheckextension'), contrib('extension/storage/filestorage')],
  providers: PROVIDERS,
};

/** Apart, because the clouds' SDKs in it would make the program that benchmarks run twice as large, at rest too. */
const DETECTING_MODULES: Modules = {
  receivers: [core('receiver/otlpreceiver')],
  exporters: [contrib('exporter/fileexporter')],
  processors: [contrib('processor/resourcedetectionprocessor')],
  extensions: [contrib('extension/healthcheckextension')],
  providers: PROVIDERS,
};

function collectorManifest(name: string, parts: Modules): string {
  const sections = Object.entries(parts).map(([section, modules]) =>
    [`${section}:`, ...modules.map((module) => `  - gomod: ${module}`)].join('\n'),
  );
  return `dist:
  name: ${name}
  module: sluice.bench/${name}
  description: OpenTelemetry Collector with the parts Sluice is compared against
  version: ${COLLECTOR}
  output_path: ./src
${sections.join('\n')}
`;
}

/**
 * The go.mod that the Collector Builder would write. Ours, because the builder follows it with `go mod tidy`, which also
 * wants the modules that only the components' tests import, and two of those are not on the proxy.
 */
function collectorGoMod(name: string, parts: Modules): string {
  const required = [...Object.values(parts).flat(), core('service'), core('otelcol')];
  return `module sluice.bench/${name}

go 1.25

require (
${required.map((module) => `\t${module}`).join('\n')}
)
`;
}

// Stripped, as the Collector Builder and the releases do.
export const LINK = ['-trimpath', '-ldflags=-s -w'];

const TELEMETRYGEN = '0.161.0';
// A commit after the tag v2.6.0. The tags themselves cannot be installed as modules beyond v2.2.1, which lacks a go.mod.
const H2SPEC = '0.0.0-20200804131034-70ac22940108';

function collector(name: PeerName, parts: Modules): Recipe {
  return {
    version: COLLECTOR,
    files: { 'builder.yaml': collectorManifest(name, parts), 'src/go.mod': collectorGoMod(name, parts) },
    steps: [
      {
        label: 'build the Collector Builder',
        command: 'go',
        args: ['install', ...LINK, core('cmd/builder').replace(' ', '@')],
      },
      {
        label: 'generate the sources',
        command: './builder',
        args: ['--skip-compilation', '--skip-get-modules', '--config', 'builder.yaml'],
      },
      {
        label: 'download and compile (5 minutes the first time)',
        command: 'go',
        args: ['build', '-mod=mod', ...LINK, '-o', `../${name}`, '.'],
        cwd: 'src',
      },
    ],
  };
}

export const RECIPES: Record<PeerName, Recipe> = {
  otelcol: collector('otelcol', COLLECTOR_MODULES),
  otelcol_detecting: collector('otelcol_detecting', DETECTING_MODULES),
  telemetrygen: {
    version: TELEMETRYGEN,
    files: {},
    steps: [
      {
        label: 'download and compile (1 minute the first time)',
        command: 'go',
        args: [
          'install',
          ...LINK,
          `github.com/open-telemetry/opentelemetry-collector-contrib/cmd/telemetrygen@v${TELEMETRYGEN}`,
        ],
      },
    ],
  },
  h2spec: {
    version: H2SPEC,
    files: {},
    steps: [
      {
        label: 'download and compile',
        command: 'go',
        args: ['install', ...LINK, `github.com/summerwind/h2spec/cmd/h2spec@v${H2SPEC}`],
      },
    ],
  },
};

export const PEER_NAMES = Object.keys(RECIPES) as PeerName[];

/** Tells apart two recipes of one version, such as before and after a component was added. Labels do not count. */
export function recipeDigest({ version, keep, files, steps }: Recipe): string {
  const commands = steps.map(({ command, args, cwd }) => [command, args, cwd]);
  return createHash('sha256')
    .update(JSON.stringify([version, files, commands, ...(keep ?? [])]))
    .digest('hex');
}
