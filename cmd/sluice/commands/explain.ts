import { stripVTControlCharacters } from 'node:util';
import type { Explained, Unexplained } from '../../../internal/telemetry/admin_explain.ts';
import { type Command, type ExitCode, UsageError } from '../command.ts';
import { explanationText } from '../explain/text.ts';

const timeoutMs = 5000;

export const command: Command = {
  options: { endpoint: { type: 'string', default: 'http://localhost:8888' }, json: { type: 'boolean' } },
  positionals: 1,
  async run(values, [id]) {
    if (id === undefined)
      throw new UsageError('explain: expected a trace id, such as 0af7651916cd43dd8448eb211c80319c');
    // As copied from a tracing UI or a UUID field.
    const traceId = id.trim().replaceAll('-', '').toLowerCase();
    if (!/^[0-9a-f]{32}$/.test(traceId)) {
      throw new UsageError(
        `explain: expected a trace id of 32 hex digits, got ${JSON.stringify(id)}${idHint(traceId)}`,
      );
    }
    const endpoint = String(values.endpoint);
    const base = URL.parse(endpoint.includes('://') ? endpoint : `http://${endpoint}`);
    if (!base) {
      throw new UsageError(`--endpoint: expected a URL such as http://localhost:8888, got ${JSON.stringify(endpoint)}`);
    }
    return ask(new URL(`/explain/${traceId}`, base), values.json === true);
  },
};

/** What people paste in its stead. */
function idHint(id: string): string {
  if (/^[0-9a-f]{16}$/.test(id))
    return ': that has the length of a span id, or of a trace id without its first 16 digits';
  return /^[0-9a-f]+$/.test(id) ? ` (${id.length} digits)` : '';
}

async function ask(url: URL, json: boolean): Promise<ExitCode> {
  let status: number;
  let text: string;
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
    status = answer.status;
    text = await answer.text();
  } catch (error) {
    const cause = (error as Error).cause ?? error;
    const advice = 'Is the collector running, and is this where it serves its metrics (service.telemetry.metrics)?';
    return fail(`no answer from ${url.origin}: ${(cause as Error).message}. ${advice} Name another with --endpoint.`);
  }
  const body = parsed(text);
  if (status !== 200 || !body || !('explanations' in body)) return refused(url, status, body);
  process.stdout.write(json ? `${JSON.stringify(body, null, 2)}\n` : explanationText(body));
  return 0;
}

function refused(url: URL, status: number, body: Explained | Unexplained | undefined): ExitCode {
  if (body && 'error' in body) return fail(body.error);
  return fail(
    `${url.origin} answered ${status} to /explain, which no Sluice does: name the collector with --endpoint.`,
  );
}

function parsed(text: string): Explained | Unexplained | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function fail(message: string): ExitCode {
  process.stderr.write(`sluice: ${stripVTControlCharacters(message)}\n`);
  return 1;
}
