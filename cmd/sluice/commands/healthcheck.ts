import { type Command, UsageError } from '../command.ts';

/** Long enough for a busy process, short enough for a container's probe. */
const timeoutMs = 3000;

export const command: Command = {
  options: { endpoint: { type: 'string', default: 'http://localhost:13133/' } },
  async run(values) {
    const endpoint = String(values.endpoint);
    const url = URL.parse(endpoint.includes('://') ? endpoint : `http://${endpoint}`);
    if (!url)
      throw new UsageError(
        `--endpoint: expected a URL such as http://localhost:13133/, got ${JSON.stringify(endpoint)}`,
      );
    try {
      const answer = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
      if (answer.ok) return 0;
      process.stderr.write(`sluice: ${url} answered ${answer.status}: ${(await answer.text()).slice(0, 500)}\n`);
    } catch (error) {
      const cause = (error as Error).cause ?? error;
      process.stderr.write(
        `sluice: no answer from ${url}: ${(cause as Error).message}. Is the health_check extension listed in service.extensions?\n`,
      );
    }
    return 1;
  },
};
