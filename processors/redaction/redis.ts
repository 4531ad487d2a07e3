import { trimSpace } from '../../internal/ottl/index.ts';

/** Which arguments of a command are values: `?` takes their place. The first is 0. */
type Hide = (args: string[]) => void;

const only =
  (index: number): Hide =>
  (args) => {
    if (args.length > index) args[index] = '?';
  };
/** The argument at `index` stands for all that follow. */
const from =
  (index: number): Hide =>
  (args) => {
    if (args.length > index) args.splice(index, args.length, '?');
  };
/** From `start` on the last of each `step` arguments. */
const every =
  (start: number, step: number): Hide =>
  (args) => {
    for (let i = start + step - 1; i < args.length; i += step) args[i] = '?';
  };

const bitfield: Hide = (args) => {
  let set = 0;
  for (const [i, arg] of args.entries()) {
    if (arg.toUpperCase() === 'SET') set = i;
    if (set > 0 && i - set === 3) {
      args[i] = '?';
      return;
    }
  }
};
const options = new Set(['NX', 'XX', 'CH', 'INCR']);
const zadd: Hide = (args) => {
  const score = args.findIndex((arg, i) => i > 0 && !options.has(arg));
  every(score < 0 ? args.length - 1 : score, 2)(args);
};

const commands: readonly (readonly [names: string, hide: Hide])[] = [
  ['AUTH', from(0)],
  ['APPEND GETSET LPUSHX GEORADIUSBYMEMBER RPUSHX SET SETNX SISMEMBER ZRANK ZREVRANK ZSCORE', only(1)],
  ['HSETNX LREM LSET SETBIT SETEX PSETEX SETRANGE ZINCRBY SMOVE RESTORE', only(2)],
  ['LINSERT', only(3)],
  ['GEOHASH GEOPOS GEODIST LPUSH RPUSH SREM ZREM SADD', from(1)],
  ['GEOADD', every(1, 3)],
  ['HSET HMSET', every(1, 2)],
  ['MSET MSETNX', every(0, 2)],
  ['CONFIG', (args) => args[0]!.toUpperCase() === 'SET' && only(2)(args)],
  ['BITFIELD', bitfield],
  ['ZADD', zadd],
];
const hiding = new Map(commands.flatMap(([names, hide]) => names.split(' ').map((name) => [name, hide] as const)));

/**
 * Redis commands, one in each line, without their values.
 *
 * Source: https://github.com/DataDog/datadog-agent/tree/main/pkg/obfuscate, which upstream uses; https://redis.io/commands
 */
export function withoutRedisValues(text: string): string {
  const reader = new Reader(trimSpace(text));
  let out = '';
  for (;;) {
    const { command, args, done } = reader.next();
    if (done) return out + written(command, args);
    if (command !== '') out += `${written(command, args)}\n`;
  }
}

function written(command: string, args: string[]): string {
  if (args.length === 0) return command;
  hiding.get(command.toUpperCase())?.(args);
  return `${command} ${args.join(' ')}`;
}

/** Words between spaces; quotes hold the words of arguments together, and stay. */
class Reader {
  readonly #text: string;
  #at = 0;
  #lineEnds = false;

  constructor(text: string) {
    this.#text = text;
  }

  next(): { command: string; args: string[]; done: boolean } {
    this.#lineEnds = false;
    const command = this.#command();
    const args: string[] = [];
    while (!this.#lineEnds && !this.#done) args.push(this.#argument());
    return { command, args, done: this.#done };
  }

  get #done(): boolean {
    return this.#at >= this.#text.length;
  }

  #command(): string {
    if (this.#text[this.#at] === ' ') this.#skip();
    // A line of spaces only is passed over.
    this.#lineEnds = false;
    const start = this.#at;
    while (!this.#done && !' \n'.includes(this.#text[this.#at]!)) this.#at++;
    return this.#cut(start);
  }

  #argument(): string {
    const start = this.#at;
    let quoted = false;
    for (let escaped = false; !this.#done; this.#at++) {
      const letter = this.#text[this.#at]!;
      if (!quoted && (letter === ' ' || letter === '\n')) break;
      if (letter === '"' && !escaped) quoted = !quoted;
      escaped = letter === '\\' && !escaped;
    }
    return this.#cut(start);
  }

  /** What stands from `start` to here; goes on behind the spaces or the end of the line. */
  #cut(start: number): string {
    const word = this.#text.slice(start, this.#at);
    this.#skip();
    return word;
  }

  #skip(): void {
    if (this.#text[this.#at] === ' ') while (' \t\r'.includes(this.#text[this.#at] ?? '.')) this.#at++;
    if (this.#text[this.#at] !== '\n') return;
    this.#at++;
    this.#lineEnds = true;
  }
}
