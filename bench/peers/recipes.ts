import { createHash } from 'node:crypto';

/** Foreign programs that tests and benchmarks run Sluice against. Each is built from the public Go module proxy. */
export type PeerName = 'otelcol' | 'telemetrygen' | 'h2spec';

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

/** The parts of the comparison build, by section of the Collector Builder's manifest. */
const COLLECTOR_MODULES: Record<string, string[]> = {
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
  ],
  extensions: [contrib('extension/healthcheckextension'), contrib('extension/storage/filestorage')],
  providers: [
    stable('confmap/provider/envprovider'),
    stable('confmap/provider/fileprovider'),
    stable('confmap/provider/yamlprovider'),
  ],
};

const COLLECTOR_GO_MODULE = 'sluice.bench/otelcol';

function collectorManifest(): string {
  const sections = Object.entries(COLLECTOR_MODULES).map(([section, modules]) =>
    [`${section}:`, ...modules.map((module) => `  - gomod: ${module}`)].join('\n'),
  );
  return `dist:
  name: otelcol
  module: ${COLLECTOR_GO_MODULE}
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
function collectorGoMod(): string {
  const required = [...Object.values(COLLECTOR_MODULES).flat(), core('service'), core('otelcol')];
  return `module ${COLLECTOR_GO_MODULE}

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

export const RECIPES: Record<PeerName, Recipe> = {
  otelcol: {
    version: COLLECTOR,
    files: { 'builder.yaml': collectorManifest(), 'src/go.mod': collectorGoMod() },
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
        args: ['build', '-mod=mod', ...LINK, '-o', '../otelcol', '.'],
        cwd: 'src',
      },
    ],
  },
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
