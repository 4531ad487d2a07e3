import { readFile as readFileFromDisk } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Source } from './issues.ts';

/** What configuration may be read from. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where relative paths start, also in files that stand elsewhere: upstream's rule. */
  readonly cwd: string;
  /** Default: the disk. Rejects with an Error that has `code` set as Node does. */
  readonly readFile?: (path: string) => Promise<string>;
}

/** A location that could not be read: says why and what to do. */
export interface Unreadable {
  readonly unreadable: string;
}

/** More than any configuration needs, and little enough to hold. */
const maxBytes = 4 * 1024 * 1024;
const httpTimeoutMs = 10_000;

const schemes = ['env', 'file', 'http', 'https', 'yaml'] as const;
export type Scheme = (typeof schemes)[number];

/** Splits `env:NAME`; a plain path and a Windows drive letter mean `file`. */
function splitLocation(location: string): { scheme: Scheme; rest: string } | Unreadable {
  const match = /^([A-Za-z][A-Za-z0-9+.-]+):(.*)$/s.exec(location);
  if (!match) return { scheme: 'file', rest: location };
  const scheme = match[1]!.toLowerCase();
  if (isScheme(scheme)) return { scheme, rest: match[2]! };
  return { unreadable: `expected a location starting with ${schemes.join(':, ')}: or a path, got "${match[1]}:"` };
}

function isScheme(text: string): text is Scheme {
  return (schemes as readonly string[]).includes(text);
}

export function isUnreadable(value: object): value is Unreadable {
  return 'unreadable' in value;
}

/** Reads what `--config` names: a path, `file:`, `env:NAME`, `yaml:TEXT`, `http:` or `https:`. */
export async function readLocation(location: string, from: Surroundings): Promise<Source | Unreadable> {
  const split = splitLocation(location);
  if (isUnreadable(split)) return split;
  const { scheme, rest } = split;
  if (scheme === 'file') return readFile(rest, from);
  if (scheme === 'yaml') return { name: 'yaml', text: rest, lines: true };
  if (scheme === 'env') {
    const text = from.env[rest];
    if (text === undefined)
      return { unreadable: `expected YAML in the environment variable ${rest}, which is not set` };
    return { name: `env:${rest}`, text, lines: true };
  }
  return readUrl(`${scheme}:${rest}`);
}

async function readFile(path: string, from: Surroundings): Promise<Source | Unreadable> {
  const full = resolve(from.cwd, path);
  try {
    const text = await (from.readFile ?? fromDisk)(full);
    if (text.length > maxBytes) return { unreadable: `expected a file of at most ${maxBytes} bytes, got ${path}` };
    return { name: path, text: text.replace(/^\uFEFF/, ''), lines: true };
  } catch (error) {
    return { unreadable: `expected a readable file at ${full}: ${reasonOf(error)}` };
  }
}

async function fromDisk(path: string): Promise<string> {
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(await readFileFromDisk(path));
}

async function readUrl(url: string): Promise<Source | Unreadable> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(httpTimeoutMs) });
    if (!response.ok) {
      await response.body?.cancel();
      return { unreadable: `expected HTTP status 200 from ${withoutSecrets(url)}, got ${response.status}` };
    }
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of response.body ?? []) {
      size += chunk.byteLength;
      if (size > maxBytes) return { unreadable: `expected at most ${maxBytes} bytes from ${withoutSecrets(url)}` };
      chunks.push(chunk);
    }
    return { name: withoutSecrets(url), text: Buffer.concat(chunks).toString('utf8'), lines: true };
  } catch (error) {
    return { unreadable: `expected an answer from ${withoutSecrets(url)}: ${reasonOf(error)}` };
  }
}

/** The address without password and query, which may hold tokens. */
function withoutSecrets(url: string): string {
  if (!URL.canParse(url)) return url;
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'this user may not read it',
  EISDIR: 'it is a folder',
  ERR_ENCODING_INVALID_ENCODED_DATA: 'it is not UTF-8 text',
};

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const inner = (error.cause instanceof Error ? error.cause : error) as NodeJS.ErrnoException;
  return reasons[inner.code ?? ''] ?? inner.message;
}
