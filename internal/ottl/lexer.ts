import { refuse } from './problem.ts';

export type TokenKind =
  | 'bytes'
  | 'float'
  | 'int'
  | 'string'
  /** `IsMatch`, `SPAN_KIND_SERVER` */
  | 'upper'
  /** `attributes`, `set`, `and` */
  | 'lower'
  | 'comparison'
  | 'symbol'
  | 'end';

export interface Token {
  readonly kind: TokenKind;
  /** As written; for a string what it says. */
  readonly text: string;
  readonly at: number;
  readonly length: number;
}

/** Longer statements are refused: nobody writes them, and every bound below follows from this one. */
export const MAX_STATEMENT_LENGTH = 64 * 1024;

// In the order in which they are tried. Underscores may not begin a word, as upstream.
const rules: readonly (readonly [TokenKind | 'space', RegExp])[] = [
  ['space', /\s+/y],
  ['bytes', /0x[a-fA-F0-9]+/y],
  ['float', /(?:\d+\.\d*|\d*\.\d+)(?:[eE][-+]?\d+)?/y],
  ['int', /\d+/y],
  ['string', /"(?:\\[\s\S]|[^\\"])*"/y],
  ['comparison', /==|!=|>=|<=|=>|>|</y],
  ['symbol', /[-+*/=(){}:,.[\]]/y],
  ['upper', /[A-Z][A-Za-z0-9_]*/y],
  ['lower', /[a-z][a-z0-9_]*(?:[A-Z][A-Za-z0-9_]*)?/y],
];

/** The tokens of a statement, the last of them `end`. */
export function lex(text: string): Token[] {
  if (text.length > MAX_STATEMENT_LENGTH) {
    refuse(
      { at: 0, length: text.length },
      `is ${text.length} characters long: expected at most ${MAX_STATEMENT_LENGTH}`,
    );
  }
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    const [kind, length] = match(text, at);
    if (kind !== 'space') {
      const raw = text.slice(at, at + length);
      tokens.push({ kind, text: kind === 'string' ? unquote(raw, at) : raw, at, length });
    }
    at += length;
  }
  tokens.push({ kind: 'end', text: '', at: text.length, length: 0 });
  return tokens;
}

function match(text: string, at: number): readonly [TokenKind | 'space', number] {
  for (const [kind, rule] of rules) {
    rule.lastIndex = at;
    if (rule.test(text)) return [kind, rule.lastIndex - at];
  }
  if (text[at] === '"') refuse({ at, length: text.length - at }, 'a string is not closed: expected another "');
  if (text[at] === "'") refuse({ at, length: 1 }, `unexpected ': strings stand in double quotes`);
  const character = String.fromCodePoint(text.codePointAt(at)!);
  refuse({ at, length: character.length }, `unexpected ${JSON.stringify(character)}`);
}

const escapes: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  '"': '"',
};

/** The escapes of Go's string literals, https://go.dev/ref/spec#String_literals */
function unquote(raw: string, at: number): string {
  const newline = raw.indexOf('\n');
  if (newline >= 0) refuse({ at: at + newline, length: 1 }, 'a string ends at the line: write a line break as \\n');
  if (!raw.includes('\\')) return raw.slice(1, -1);
  return raw
    .slice(1, -1)
    .replace(
      /(?:\\(?:x[0-9a-fA-F]{2}|[0-7]{3}))+|\\(?:u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[\s\S])/g,
      (escaped, offset: number) => {
        const place = { at: at + 1 + offset, length: escaped.length };
        const letter = escaped[1]!;
        if (/^[x0-7]$/.test(letter) && escaped.length > 2) return bytesOf(escaped, place);
        if (escaped.length === 2) {
          const said = escapes[letter];
          if (said === undefined) refuse(place, `unknown escape ${escaped}: a backslash is written \\\\`);
          return said;
        }
        const code = Number.parseInt(escaped.slice(2), 16);
        if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) refuse(place, `${escaped} is no Unicode character`);
        return String.fromCodePoint(code);
      },
    );
}

/** `\xc3\xa9` and `\303\251` are bytes of UTF-8. */
function bytesOf(escaped: string, place: { at: number; length: number }): string {
  const bytes = escaped.match(/\\(?:x..|...)/g)!.map((one) => {
    return one[1] === 'x' ? Number.parseInt(one.slice(2), 16) : Number.parseInt(one.slice(1), 8);
  });
  try {
    if (bytes.some((byte) => byte > 255)) throw new TypeError();
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(bytes));
  } catch {
    refuse(place, `${escaped} is no UTF-8: expected bytes that make up characters`);
  }
}
