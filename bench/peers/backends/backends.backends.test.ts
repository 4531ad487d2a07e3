import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { startElasticsearch } from './elasticsearch.ts';
import { startJaeger } from './jaeger.ts';
import { promtoolPath, startPrometheus } from './prometheus.ts';
import { keepLogsOnFailure } from './server.ts';
import { isMissing } from './skip.ts';

const run = promisify(execFile);

test.skipIf(await isMissing('jaeger'))('Jaeger starts, answers, and starts again where it was', async (context) => {
  const jaeger = await startJaeger();
  keepLogsOnFailure(context, jaeger);
  const services = `http://127.0.0.1:${jaeger.ports.query}/api/services`;
  expect(await (await fetch(services)).json()).toMatchObject({ total: 0 });
  await jaeger.stop();
  await expect(fetch(services)).rejects.toThrow();
  await jaeger.start();
  expect((await fetch(services)).status).toBe(200);
  await jaeger.close();
  expect(existsSync(jaeger.folder)).toBe(false);
});

test.skipIf(await isMissing('prometheus'))('Prometheus answers PromQL, and promtool is there', async (context) => {
  const prometheus = await startPrometheus({ outOfOrderWindow: '1h' });
  keepLogsOnFailure(context, prometheus);
  const answer = await fetch(`http://127.0.0.1:${prometheus.ports.http}/api/v1/query?query=1`);
  expect(await answer.json()).toMatchObject({ status: 'success', data: { result: [expect.any(Number), '1'] } });
  expect(await prometheus.stop()).toEqual({ code: 0, signal: null });
  await prometheus.close();
  await expect(run(await promtoolPath(), ['--version'])).resolves.toBeTruthy();
});

for (const major of [8, 9] as const) {
  test.skipIf(await isMissing(`elasticsearch${major}`))(
    `Elasticsearch ${major} keeps a document over a kill and a new start`,
    async (context) => {
      const server = await startElasticsearch({ major });
      keepLogsOnFailure(context, server);
      const url = `http://127.0.0.1:${server.ports.http}`;
      const headers = { 'content-type': 'application/json' };
      await fetch(`${url}/kept/_doc/1?refresh=true`, { method: 'PUT', headers, body: '{"a":1}' });
      await server.kill();
      await server.start();
      expect(await (await fetch(`${url}/`)).json()).toMatchObject({
        version: { number: expect.stringMatching(`^${major}`) },
      });
      expect(await (await fetch(`${url}/kept/_doc/1`)).json()).toMatchObject({ _source: { a: 1 } });
      await server.close();
    },
  );
}
