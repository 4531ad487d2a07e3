/**
 * What a token is, as far as it matters here: a value; a name with digits, or what is quoted like one; the body of a
 * function between `$func$`; anything else, which says nothing of data or is cut off.
 */
export type SqlTokenKind = 'literal' | 'name' | 'function' | 'other';

const SPACE = 1;
const DIGIT = 2;
const LETTER = 4;
const OPERATOR = 8;
/** What a name may have behind its first letter. */
const IN_NAME = 16;
/** A keyword ends before it. */
const PUNCTUATION = 32;
const HEX = 64;
const OCTAL = 128;

const classes = classesOf([
  [' \t\n\r', SPACE],
  ['0123456789', DIGIT | IN_NAME],
  ['ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_', LETTER | IN_NAME],
  ['+-*/=<>!&|^%~?@:#', OPERATOR],
  ['".?$#/@!', IN_NAME],
  ['(),;.:[]{}', PUNCTUATION],
  ['0123456789abcdefABCDEF', HEX],
  ['01234567', OCTAL],
]);

function classesOf(sets: readonly (readonly [letters: string, bit: number])[]): readonly number[] {
  const bits = Array.from({ length: 128 }, () => 0);
  for (const [letters, bit] of sets) for (const letter of letters) bits[letter.charCodeAt(0)]! |= bit;
  return bits;
}

const [DOUBLE_QUOTE, QUOTE, BACKTICK, BACKSLASH] = ['"', "'", '`', '\\'].map(codeOf) as [
  number,
  number,
  number,
  number,
];
const [PLUS, MINUS, STAR, SLASH] = ['+', '-', '*', '/'].map(codeOf) as [number, number, number, number];
const [HASH, AT, DOLLAR, ASK] = ['#', '@', '$', '?'].map(codeOf) as [number, number, number, number];
const [LESS, EQUALS, GREATER, DOT] = ['<', '=', '>', '.'].map(codeOf) as [number, number, number, number];
const [OR, AND, ZERO, OPEN] = ['|', '&', '0', '('].map(codeOf) as [number, number, number, number];

function codeOf(letter: string): number {
  return letter.charCodeAt(0);
}

const values = new Set(['TRUE', 'FALSE', 'NULL']);
/** They end before a dot; other words are of one name with what follows it. */
const keywords = new Set(
  `ADD ALL ALTER ANALYZE AND ANY AS ASC ASSERTION BEGIN BETWEEN BY CASE CHECK CLONE CLUSTER COLUMN COMMIT CONSTRAINT COPY
  CREATE CUBE DATABASE DECLARE DEFAULT DELETE DESC DISTINCT DOMAIN DROP ELSE END ESCAPE EXEC EXECUTE EXISTS EXPLAIN FOREIGN
  FROM GRANT GROUP HAVING IF ILIKE IN INDEX INNER INSERT INTO IS JOIN KEY LEFT LIKE LIMIT LITERAL MERGE NOT OF OFFSET ON
  ONLY OR ORDER OUT OUTER PLPGSQL PRIMARY PROC PROCEDURE RECURSIVE REPLACE RETURNING RETURNS REVOKE RIGHT ROLLBACK ROLLUP
  ROWNUM SELECT SET SKIP SOME STRAIGHT_JOIN TABLE TEMPORARY TOP TRIGGER TRUNCATE UNION UNIQUE UNLOGGED UPDATE USE USING
  VACCUM VALUES VIEW WHERE WINDOW WITH`.split(/\s+/),
);
const LONGEST_KEYWORD = 13;

/**
 * The tokens of an SQL text, cut as the Go collector's lexer cuts them. The text ends at a NUL. Each letter is looked at a
 * bounded number of times.
 *
 * Source: https://github.com/DataDog/go-sqllexer, version 0.1.12, which upstream's sanitizer uses
 */
export class SqlTokens {
  readonly #text: string;
  readonly #mysql: boolean;
  kind: SqlTokenKind = 'other';
  start = 0;
  /** Behind the token's last letter. */
  end = 0;

  /** @param mysql whether "..." is a text rather than a name, `...` a name and # a comment */
  constructor(text: string, mysql: boolean) {
    this.#text = text;
    this.#mysql = mysql;
  }

  /** Goes on to the next token. @returns false where there is none */
  next(): boolean {
    this.start = this.end;
    const code = this.#code(this.start);
    if (code === 0) return false;
    this.kind = 'other';
    this.end = this.#endOf(code);
    return true;
  }

  /** 0 behind the text's end. */
  #code(at: number): number {
    return at < this.#text.length ? this.#text.charCodeAt(at) : 0;
  }

  #is(bit: number, at: number): boolean {
    return isOf(bit, this.#code(at));
  }

  /** Behind what is of that class from `at` on. */
  #run(bit: number, at: number): number {
    let end = at;
    while (this.#is(bit, end)) end++;
    return end;
  }

  #endOf(code: number): number {
    const { start } = this;
    if (isOf(SPACE, code)) return this.#run(SPACE, start + 1);
    if (isOf(LETTER, code)) return this.#word();
    if (isOf(DIGIT, code)) return this.#number(code);
    if (code > 127) return letterSize(this.#text, start) ? this.#name(start) : start + 1;
    if (code === QUOTE) return this.#string(QUOTE);
    if (code === DOUBLE_QUOTE) return this.#mysql ? this.#string(DOUBLE_QUOTE) : this.#quotedName('"');
    if (code === BACKTICK) return this.#mysql ? this.#quotedName('`') : start + 1;
    if (code === DOLLAR) return this.#dollar();
    if (isOf(OPERATOR, code)) return this.#sign(code);
    return start + 1;
  }

  /** What begins with a letter of operators: comments, signed numbers and parameters among them. */
  #sign(code: number): number {
    const { start } = this;
    const next = this.#code(start + 1);
    if ((code === MINUS && next === MINUS) || (code === HASH && this.#mysql)) return this.#until('\n');
    if (code === SLASH && next === STAR) return this.#until('*/', 2);
    if ((code === PLUS || code === MINUS) && (next === DOT || isOf(DIGIT, next))) return this.#decimal(start + 1);
    if (code === STAR) return start + 1;
    if (code === AT) {
      if (next === AT) return this.#variable(start + 2);
      const end = this.#variable(start + 1);
      if (end > start + 1) return end;
      if (next === ASK || next === GREATER) return start + 2;
    }
    return this.#operator(code, next);
  }

  #operator(code: number, next: number): number {
    const { start } = this;
    const third = this.#code(start + 2);
    if ((code === MINUS || code === HASH) && next === GREATER) return start + (third === GREATER ? 3 : 2);
    const ofTwo =
      (code === HASH && next === MINUS) ||
      (code === ASK && (next === OR || next === AND)) ||
      (code === LESS && next === AT);
    if (ofTwo) return start + 2;
    let end = start + 1;
    // A parameter behind = is no part of the operator.
    for (let last = code; this.#is(OPERATOR, end); last = this.#code(end++)) {
      if (last === EQUALS && (this.#code(end) === ASK || this.#code(end) === AT)) break;
    }
    return end;
  }

  /** Behind the name of a parameter or variable, which ends with the first letter or number beyond ASCII. */
  #variable(at: number): number {
    const end = this.#run(LETTER | DIGIT, at);
    return end + (letterSize(this.#text, end) || numberSize(this.#text, end));
  }

  #number(code: number): number {
    const { start } = this;
    if (code === ZERO) {
      const next = this.#code(start + 1) | 32;
      this.kind = 'literal';
      if (next === 0x78) return this.#run(HEX, start + 2);
      if (this.#is(OCTAL, start + 1)) return this.#run(OCTAL, start + 2);
    }
    return this.#decimal(start);
  }

  /** Digits, dots and exponents as they come. */
  #decimal(at: number): number {
    this.kind = 'literal';
    for (let end = at; ; end++) {
      const code = this.#code(end);
      if ((code | 32) === 0x65) {
        const sign = this.#code(end + 1);
        if (sign === PLUS || sign === MINUS) end++;
      } else if (code !== DOT && !isOf(DIGIT, code)) return end;
    }
  }

  #word(): number {
    const { start } = this;
    const end = this.#run(LETTER, start);
    const next = this.#code(end);
    if (end - start <= LONGEST_KEYWORD && (next === 0 || isOf(SPACE | PUNCTUATION, next))) {
      const mayBeValue = end - start === 4 || end - start === 5;
      const word = mayBeValue || next === DOT ? this.#text.slice(start, end).toUpperCase() : '';
      if (values.has(word)) {
        this.kind = 'literal';
        return end;
      }
      if (next === DOT && keywords.has(word)) return end;
    }
    const behind = this.#name(end);
    if (this.#code(behind) === OPEN) this.kind = 'other';
    return behind;
  }

  #name(at: number): number {
    let end = at;
    for (;;) {
      const code = this.#code(end);
      const size = isOf(IN_NAME, code) ? 1 : letterSize(this.#text, end);
      if (size === 0) return end;
      if (isOf(DIGIT, code)) this.kind = 'name';
      end += size;
    }
  }

  /** A backslash hides what follows, whatever the database makes of it. */
  #string(quote: number): number {
    this.kind = 'literal';
    for (let end = this.start + 1; ; end++) {
      const code = this.#code(end);
      if (code === 0) return end;
      if (code === quote) return end + 1;
      if (code === BACKSLASH && this.#code(end + 1) !== 0) end++;
    }
  }

  /** "a"."b" is one name. */
  #quotedName(quote: string): number {
    const closing = codeOf(quote);
    const between = `${quote}.${quote}`;
    let digits = false;
    for (let end = this.start + 1; ; end++) {
      const code = this.#code(end);
      if (code === 0) return end;
      if (isOf(DIGIT, code)) digits = true;
      if (code !== closing) continue;
      if (!this.#text.startsWith(between, end)) {
        if (digits) this.kind = 'name';
        return end + 1;
      }
      end += 2;
    }
  }

  /** $1, or what stands between $tag$ and $tag$. */
  #dollar(): number {
    const { start } = this;
    const text = this.#text;
    if (this.#is(DIGIT, start + 1)) {
      this.kind = 'literal';
      return this.#run(DIGIT, start + 2);
    }
    const tagEnd = text.indexOf('$', start + 1) + 1;
    if (tagEnd === 0) return text.length;
    const tag = text.slice(start, tagEnd);
    const closing = closingTag(tag);
    const at = closing === undefined ? -1 : text.indexOf(closing, tagEnd);
    if (at < 0) return text.length;
    this.kind = tag === '$func$' ? 'function' : 'literal';
    return at + closing!.length;
  }

  /** To `what`: before a line's end, behind a comment's. */
  #until(what: '\n' | '*/', skipped = 0): number {
    const text = this.#text;
    const found = text.indexOf(what, this.start + skipped);
    const end = found < 0 ? text.length : found + skipped;
    const nul = text.slice(this.start, end).indexOf('\0');
    return nul < 0 ? end : this.start + nul;
  }
}

const letter = /^\p{L}/u;
const numeral = /^\p{N}/u;

function isOf(bit: number, code: number): boolean {
  return code < 128 && (classes[code]! & bit) !== 0;
}

const letterSize = (text: string, at: number) => sizeOf(letter, text, at);
const numberSize = (text: string, at: number) => sizeOf(numeral, text, at);

/** How long the letter at `at` is, if it is beyond ASCII and of that class; else 0. */
function sizeOf(pattern: RegExp, text: string, at: number): number {
  if (!(text.charCodeAt(at) > 127)) return 0;
  const found = String.fromCodePoint(text.codePointAt(at)!);
  return pattern.test(found) ? found.length : 0;
}

/** Of a tag beyond ASCII upstream looks for the lowest byte of each code point: undefined where that is no text. */
function closingTag(tag: string): string | undefined {
  if (!/[^\0-\x7f]/.test(tag)) return tag;
  const bytes = Uint8Array.from(tag, (each) => each.codePointAt(0)!);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
