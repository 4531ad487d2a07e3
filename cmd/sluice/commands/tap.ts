import { stripVTControlCharacters } from 'node:util';
import { parseDuration } from '../../../internal/config/fields.ts';
import type { TapLine, TapRefused } from '../../../internal/telemetry/admin_tap.ts';
import { type Command, type ExitCode, UsageError, type Values } from '../command.ts';
import { problemText } from '../ottl/text.ts';
import { endText, placeText, recordText } from '../tap/text.ts';

/** Until the first line; the stream itself has its own end. */
const connectMs = 5000;

export const command: Command = {
  options: {
    filter: { type: 'string' },
    limit: { type: 'string', default: '10' },
    rate: { type: 'string', default: '10/s' },
    timeout: { type: 'string', default: '30s' },
    endpoint: { type: 'string', default: 'http://localhost:8888' },
    json: { type: 'boolean' },
  },
  positionals: 1,
  async run(values, [component]) {
    const endpoint = String(values.endpoint);
    const base = URL.parse(endpoint.includes('://') ? endpoint : `http://${endpoint}`);
    if (!base) {
      throw new UsageError(`--endpoint: expected a URL such as http://localhost:8888, got ${JSON.stringify(endpoint)}`);
    }
    const url = new URL('/tap', base);
    for (const [name, value] of Object.entries(query(values, component))) url.searchParams.set(name, value);
    return watch(url, values);
  },
};

function query(values: Values, component: string | undefined): Record<string, string> {
  const timeoutMs = parseDuration(String(values.timeout));
  if (timeoutMs === undefined || timeoutMs < 1)
    throw new UsageError(`--timeout: expected a duration such as 30s, got ${JSON.stringify(values.timeout)}`);
  const rate = /^(\d+)(\/s)?$/.exec(String(values.rate))?.[1];
  if (!rate) throw new UsageError(`--rate: expected records a second such as 10/s, got ${JSON.stringify(values.rate)}`);
  return {
    limit: String(values.limit),
    rate,
    timeoutMs: String(Math.round(timeoutMs)),
    ...(component !== undefined && { component }),
    ...(values.filter !== undefined && { filter: String(values.filter) }),
  };
}

async function watch(url: URL, values: Values): Promise<ExitCode> {
  const ended = new AbortController();
  const onSignal = () => ended.abort();
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  // `sluice tap | head` closes our output.
  process.stdout.on('error', onSignal);
  let shown = 0;
  try {
    const answer = await connect(url, ended.signal);
    if (!answer.ok || !answer.body) return refused(url, answer.status, await answer.text(), values);
    for await (const line of lines(answer.body)) {
      shown += tell(line, values.json === true);
    }
  } catch (error) {
    if (ended.signal.aborted) return 0;
    if (shown > 0) return fail(`the collector at ${url.origin} ended the connection`);
    const cause = (error as Error).cause ?? error;
    const advice = 'Is the collector running, and is this where it serves its metrics (service.telemetry.metrics)?';
    return fail(`no answer from ${url.origin}: ${(cause as Error).message}. ${advice} Name another with --endpoint.`);
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
  return shown > 0 ? 0 : 1;
}

async function connect(url: URL, signal: AbortSignal): Promise<Response> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(new Error(`nothing within ${connectMs / 1000} s`)), connectMs);
  try {
    return await fetch(url, { signal: AbortSignal.any([signal, late.signal]) });
  } finally {
    clearTimeout(timer);
  }
}

async function* lines(body: AsyncIterable<Uint8Array>): AsyncGenerator<TapLine> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of body) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = parts.pop()!;
    for (const part of parts) if (part !== '') yield JSON.parse(part);
  }
}

/** @returns 1 for a record */
function tell(line: TapLine, json: boolean): 0 | 1 {
  if ('data' in line) {
    process.stdout.write(json ? `${JSON.stringify(line.data)}\n` : recordText(line.place, line.data));
    return 1;
  }
  if ('end' in line) process.stderr.write(`sluice: ${endText(line.end)}\n`);
  else process.stderr.write(`sluice: tapping ${line.tapping.map(placeText).join(', ')}\n`);
  return 0;
}

function refused(url: URL, status: number, text: string, values: Values): ExitCode {
  let body: Partial<TapRefused> = {};
  try {
    body = JSON.parse(text);
  } catch {
    // Not Sluice's answer.
  }
  const { error, at, length } = body;
  if (typeof error !== 'string') {
    return fail(`${url.origin} answered ${status} to /tap, which no Sluice does: name the collector with --endpoint.`);
  }
  if (at === undefined) return fail(error);
  return fail(`--filter: ${problemText(String(values.filter), { message: error, at, length: length ?? 1 })}`.trimEnd());
}

function fail(message: string): ExitCode {
  process.stderr.write(`sluice: ${message.split('\n').map(stripVTControlCharacters).join('\n')}\n`);
  return 1;
}
