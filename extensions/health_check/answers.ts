import type { Status } from '../../internal/core/component.ts';
import type { HealthCheckConfig } from './config.ts';
import { type Health, httpCode, isHealthy, legacyCode, pipelineHealth, type Rules } from './health.ts';

export interface Answer {
  readonly code: number;
  readonly type: 'application/json' | 'text/plain; charset=utf-8';
  readonly body: string;
}

/** What an answer is made from. */
export interface Moment {
  readonly health: Health;
  readonly startedAt: number;
  readonly now: number;
}

const notFound = (body: string): Answer => ({ code: 404, type: 'text/plain; charset=utf-8', body });

/** The check of v1: available or not. */
export function legacyAnswer(config: HealthCheckConfig, url: URL, { health, startedAt, now }: Moment): Answer {
  if (config.path !== '/' && url.pathname !== config.path) return notFound(`the health check is at ${config.path}\n`);
  const code = legacyCode(health);
  if (config.response_body) {
    const { healthy, unhealthy } = config.response_body;
    return { code, type: 'text/plain; charset=utf-8', body: code === 200 ? healthy : unhealthy };
  }
  const body =
    code === 200
      ? { status: 'Server available', upSince: new Date(startedAt).toISOString(), uptime: goDuration(now - startedAt) }
      : // Go's zero time, as upstream answers.
        { status: 'Server not available', upSince: '0001-01-01T00:00:00Z', uptime: '' };
  return { code, type: 'application/json', body: JSON.stringify(body) };
}

/** The check of v2: `?pipeline=` asks for one pipeline, `?verbose` for what it consists of. */
export function statusAnswer(path: string, rules: Rules, url: URL, { health, startedAt, now }: Moment): Answer {
  if (url.pathname !== path) return notFound(`the health check is at ${path}\n`);
  const name = url.searchParams.get('pipeline');
  const asked = name ? pipelineHealth(health, name) : health;
  if (!asked) return notFound(`there is no pipeline ${JSON.stringify(name)}\n`);
  const verbose = url.searchParams.get('verbose') ?? 'false';
  const body = { start_time: new Date(startedAt).toISOString(), ...inWords(asked, rules, now, verbose !== 'false') };
  return { code: httpCode(asked, rules, now), type: 'application/json', body: JSON.stringify(body) };
}

const words: Readonly<Record<Status, string>> = {
  starting: 'StatusStarting',
  ok: 'StatusOK',
  recoverable_error: 'StatusRecoverableError',
  permanent_error: 'StatusPermanentError',
  fatal_error: 'StatusFatalError',
  stopping: 'StatusStopping',
  stopped: 'StatusStopped',
};

function inWords(health: Health, rules: Rules, now: number, verbose: boolean): object {
  const { status, error, since, parts } = health;
  return {
    healthy: isHealthy(health, rules, now),
    status: words[status],
    ...(error === undefined ? {} : { error }),
    status_time: new Date(since).toISOString(),
    ...(verbose && parts.size > 0
      ? {
          components: Object.fromEntries(Array.from(parts, ([name, part]) => [name, inWords(part, rules, now, true)])),
        }
      : {}),
  };
}

/** Milliseconds as Go prints a duration: `1h2m3.5s`. */
function goDuration(ms: number): string {
  const hours = Math.floor(ms / 3_600_000);
  const minutes = Math.floor(ms / 60_000) % 60;
  const seconds = (ms % 60_000) / 1000;
  return `${hours ? `${hours}h` : ''}${hours || minutes ? `${minutes}m` : ''}${seconds}s`;
}
