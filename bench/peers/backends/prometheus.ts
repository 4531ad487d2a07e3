import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { backendPath } from './backend.ts';
import { type Server, type ServerOptions, startServer } from './server.ts';

/** Takes remote writes at `/api/v1/write`, OTLP at `/api/v1/otlp`, answers `/api/v1/query` and the like. */
export type Prometheus = Server<'http'>;

export type WriteMessage = 'prometheus.WriteRequest' | 'io.prometheus.write.v2.Request';

export interface PrometheusOptions extends ServerOptions {
  /** What remote writes it takes; default both. */
  protobufMessages?: readonly WriteMessage[];
  /** How far behind the newest sample of a series one may be, such as `1h`; default 0: not at all. */
  outOfOrderWindow?: string;
  /** `scrape_configs` of the configuration, as YAML or JSON; default none. */
  scrapeConfigs?: string;
  /** Further flags. */
  flags?: readonly string[];
}

const bothMessages: readonly WriteMessage[] = ['prometheus.WriteRequest', 'io.prometheus.write.v2.Request'];

/** Starts Prometheus (0.4 s). @throws Error when there is none, or it does not get ready */
export async function startPrometheus(options: PrometheusOptions = {}): Promise<Prometheus> {
  const path = await backendPath('prometheus');
  const { protobufMessages = bothMessages, outOfOrderWindow = '0s', scrapeConfigs = '[]', flags = [] } = options;
  return startServer(
    'prometheus',
    ['http'],
    async ({ http }, folder) => {
      const config = join(folder, 'prometheus.yml');
      await writeFile(
        config,
        `storage: { tsdb: { out_of_order_time_window: ${outOfOrderWindow} } }\nscrape_configs: ${scrapeConfigs}\n`,
      );
      const accepted = protobufMessages.map(
        (message) => `--web.remote-write-receiver.accepted-protobuf-messages=${message}`,
      );
      return {
        command: [
          path,
          `--config.file=${config}`,
          `--storage.tsdb.path=${join(folder, 'data')}`,
          `--web.listen-address=127.0.0.1:${http}`,
          '--web.enable-remote-write-receiver',
          ...accepted,
          '--web.enable-otlp-receiver',
          '--enable-feature=exemplar-storage,metadata-wal-records',
          ...flags,
        ],
        readyUrl: `http://127.0.0.1:${http}/-/ready`,
      };
    },
    options,
  );
}

/** `promtool` of the same build. @throws Error when there is none */
export async function promtoolPath(): Promise<string> {
  return join(dirname(await backendPath('prometheus')), 'promtool');
}
