import { refuse } from './problem.ts';
import { type Assertion, type CharSet, type Re2, type Re2Pattern, sizeOf } from './re2_ast.ts';
import { complement, MAX_CODE_POINT, perlClasses, posixClasses, propertyNamed, simpleEscapes } from './re2_classes.ts';

const MAX_REPEAT = 1000;
const MAX_DEPTH = 200;
/** After `{n}` has been written out: what the linear matcher may have to look at for each character. */
const MAX_SIZE = 10_000;

interface Flags {
  fold: boolean;
  multiline: boolean;
  dotAll: boolean;
  ungreedy: boolean;
}

/**
 * Parses Go's regular expressions. Ends with a refusal, at its place in `source`, for what Go refuses.
 * Source: https://pkg.go.dev/regexp/syntax
 */
export function parseRe2(source: string): Re2Pattern {
  const parser = new Re2Parser(source);
  const root = parser.all();
  if (sizeOf(root) > MAX_SIZE) refuse({ at: 0, length: source.length }, 'the regular expression is too large');
  return { root, names: parser.names };
}

class Re2Parser {
  readonly names: (string | undefined)[] = [undefined];
  readonly #source: string;
  #pos = 0;
  #depth = 0;
  #flags: Flags = { fold: false, multiline: false, dotAll: false, ungreedy: false };

  constructor(source: string) {
    this.#source = source;
  }

  all(): Re2 {
    const root = this.#alternatives();
    if (this.#pos < this.#source.length) this.#fail(1, 'unexpected ): nothing to close');
    return root;
  }

  #alternatives(): Re2 {
    const parts = [this.#sequence()];
    while (this.#take('|')) parts.push(this.#sequence());
    return parts.length === 1 ? parts[0]! : { kind: 'alternate', parts };
  }

  #sequence(): Re2 {
    const parts: Re2[] = [];
    while (this.#pos < this.#source.length && !this.#at('|') && !this.#at(')')) {
      if (this.#take('\\Q')) {
        const end = this.#source.indexOf('\\E', this.#pos);
        const quoted = this.#source.slice(this.#pos, end < 0 ? undefined : end);
        for (const character of quoted) parts.push(this.#literal(character.codePointAt(0)!));
        this.#pos = end < 0 ? this.#source.length : end + 2;
        if (parts.length > 0 && quoted !== '') parts.push(this.#repeats(parts.pop()!));
        continue;
      }
      const atom = this.#atom();
      if (atom) parts.push(this.#repeats(atom));
    }
    return parts.length === 1 ? parts[0]! : { kind: 'concat', parts };
  }

  /** Undefined where flags are set for what follows. */
  #atom(): Re2 | undefined {
    const character = this.#source[this.#pos]!;
    switch (character) {
      case '(':
        return this.#group();
      case '[':
        return this.#class();
      case '.':
        this.#pos++;
        return set(this.#flags.dotAll ? [] : [10, 10], true);
      case '^':
        this.#pos++;
        return { kind: 'assert', what: this.#flags.multiline ? 'lineStart' : 'textStart' };
      case '$':
        this.#pos++;
        return { kind: 'assert', what: this.#flags.multiline ? 'lineEnd' : 'textEnd' };
      case '*':
      case '+':
      case '?':
        this.#fail(1, `nothing to repeat before ${character}`);
        break;
      case '\\':
        return this.#escape();
    }
    return this.#literal(this.#codePoint());
  }

  #literal(code: number): CharSet {
    return { kind: 'set', ranges: [code, code], properties: [], negated: false, fold: this.#flags.fold };
  }

  #escape(): Re2 {
    const assertions: Readonly<Record<string, Assertion>> = { A: 'textStart', z: 'textEnd', b: 'word', B: 'noWord' };
    const letter = this.#source[this.#pos + 1] ?? '';
    const what = assertions[letter];
    if (what) {
      this.#pos += 2;
      return { kind: 'assert', what };
    }
    const named = this.#namedSet();
    if (named) return { kind: 'set', ...named, negated: false, fold: named.properties.length > 0 && this.#flags.fold };
    return this.#literal(this.#escapedCode());
  }

  /** `\d`, `\pL`, `\p{Greek}`, `\PN` and their like; undefined for anything else. */
  #namedSet(): { ranges: number[]; properties: string[] } | undefined {
    const letter = this.#source[this.#pos + 1] ?? '';
    const perl = perlClasses[letter.toLowerCase()];
    if (perl) {
      this.#pos += 2;
      return { ranges: letter === letter.toLowerCase() ? [...perl] : complement(perl), properties: [] };
    }
    if (letter !== 'p' && letter !== 'P') return undefined;
    const [whole, caret = '', braced, single] =
      /^\\[pP](?:\{(\^?)(\w+)\}|(\w))/.exec(this.#source.slice(this.#pos)) ??
      this.#fail(2, 'expected a Unicode class such as \\p{Greek}');
    const name = (braced ?? single)!;
    const negative = (letter === 'P') !== (caret === '^');
    if (name === 'Any') {
      this.#pos += whole.length;
      return { ranges: negative ? [] : [0, MAX_CODE_POINT], properties: [] };
    }
    const body = propertyNamed(name) ?? this.#fail(whole.length, `unknown Unicode class ${whole}`);
    this.#pos += whole.length;
    return { ranges: [], properties: [`\\${negative ? 'P' : 'p'}{${body}}`] };
  }

  #escapedCode(): number {
    const rest = this.#source.slice(this.#pos, this.#pos + 16);
    const plain = simpleEscapes[rest[1] ?? ''];
    if (plain !== undefined) {
      this.#pos += 2;
      return plain;
    }
    const hex = /^\\x(?:([0-9a-fA-F]{2})|\{([0-9a-fA-F]+)\})/.exec(rest);
    if (hex) {
      const code = Number.parseInt((hex[1] ?? hex[2])!, 16);
      if (code > MAX_CODE_POINT) this.#fail(hex[0].length, `${hex[0]} is no character`);
      this.#pos += hex[0].length;
      return code;
    }
    const octal = /^\\(0[0-7]{0,2}|[1-7][0-7]{1,2})/.exec(rest);
    if (octal) {
      this.#pos += octal[0].length;
      return Number.parseInt(octal[1]!, 8);
    }
    if (/^\\[1-9]/.test(rest)) this.#fail(2, `${rest.slice(0, 2)}: Go's regular expressions have no back references`);
    if (/^\\[^\w\s]/.test(rest) && rest.charCodeAt(1) < 0x80) {
      this.#pos += 2;
      return rest.charCodeAt(1);
    }
    if (rest.length === 1) this.#fail(1, 'a backslash stands at the end');
    this.#fail(2, `unknown escape ${rest.slice(0, 2)}`);
  }

  #class(): Re2 {
    const open = this.#pos;
    this.#pos++;
    const negated = this.#take('^');
    const ranges: number[] = [];
    const properties: string[] = [];
    for (let first = true; first || !this.#at(']'); first = false) {
      if (this.#pos >= this.#source.length) {
        refuse({ at: open, length: this.#pos - open }, 'a character class is not closed: expected ]');
      }
      const named = this.#posix() ?? (this.#at('\\') ? this.#namedSet() : undefined);
      if (named) {
        ranges.push(...named.ranges);
        properties.push(...named.properties);
        continue;
      }
      const start = this.#pos;
      const from = this.#classCode();
      let to = from;
      if (this.#at('-') && this.#source[this.#pos + 1] !== ']' && this.#pos + 1 < this.#source.length) {
        this.#pos++;
        to = this.#classCode();
      }
      if (to < from) refuse({ at: start, length: this.#pos - start }, 'a range of characters runs backwards');
      ranges.push(from, to);
    }
    this.#pos++;
    return { kind: 'set', ranges, properties, negated, fold: this.#flags.fold };
  }

  #classCode(): number {
    return this.#at('\\') ? this.#escapedCode() : this.#codePoint();
  }

  #posix(): { ranges: number[]; properties: string[] } | undefined {
    const found = /^\[:(\^?)(\w+):\]/.exec(this.#source.slice(this.#pos, this.#pos + 16));
    if (!found) return undefined;
    const ranges = posixClasses[found[2]!] ?? this.#fail(found[0].length, `unknown character class ${found[0]}`);
    this.#pos += found[0].length;
    return { ranges: found[1] ? complement(ranges) : [...ranges], properties: [] };
  }

  #group(): Re2 | undefined {
    const open = this.#pos;
    const flags = this.#flags;
    const named = /^\(\?P?<(\w+)>/.exec(this.#source.slice(open));
    const set = /^\(\?([imsU]*)(?:-([imsU]+))?([:)])/.exec(this.#source.slice(open, open + 16));
    let index = 0;
    if (named) {
      if (this.names.includes(named[1]!)) this.#fail(named[0].length, `two groups are called ${named[1]}`);
      index = this.names.push(named[1]!) - 1;
      this.#pos += named[0].length;
    } else if (set) {
      this.#flags = withFlags(withFlags(flags, set[1]!, true), set[2] ?? '', false);
      this.#pos += set[0].length;
      if (set[3] === ')') return undefined;
    } else if (this.#source[open + 1] === '?') {
      const what = /^\(\?(?:<?[=!])/.exec(this.#source.slice(open, open + 4));
      this.#fail(
        what?.[0].length ?? 2,
        what ? "Go's regular expressions have no look-around" : 'unknown kind of group',
      );
    } else {
      index = this.names.push(undefined) - 1;
      this.#pos++;
    }
    if (++this.#depth > MAX_DEPTH) this.#fail(1, `nested too deep: expected at most ${MAX_DEPTH} levels`);
    const inner = this.#alternatives();
    this.#depth--;
    this.#flags = flags;
    if (!this.#take(')')) refuse({ at: open, length: 1 }, 'a group is not closed: expected )');
    return index > 0 ? { kind: 'capture', index, inner } : inner;
  }

  #repeats(atom: Re2): Re2 {
    const bounds = this.#bounds();
    if (!bounds) return atom;
    const lazy = this.#take('?');
    const at = this.#pos;
    if (this.#bounds()) refuse({ at, length: this.#pos - at }, 'a repetition is repeated: put it into (?: )');
    return { kind: 'repeat', inner: atom, min: bounds[0], max: bounds[1], greedy: lazy === this.#flags.ungreedy };
  }

  #bounds(): readonly [number, number] | undefined {
    if (this.#take('*')) return [0, Infinity];
    if (this.#take('+')) return [1, Infinity];
    if (this.#take('?')) return [0, 1];
    const counted = /^\{(\d+)(?:(,)(\d*))?\}/.exec(this.#source.slice(this.#pos, this.#pos + 24));
    if (!counted) return undefined;
    const min = Number(counted[1]);
    const max = counted[2] === undefined ? min : counted[3] === '' ? Infinity : Number(counted[3]);
    if (min > MAX_REPEAT || (max !== Infinity && max > MAX_REPEAT) || max < min) {
      this.#fail(counted[0].length, `${counted[0]}: expected counts up to ${MAX_REPEAT}, the lower one first`);
    }
    this.#pos += counted[0].length;
    return [min, max];
  }

  #codePoint(): number {
    const code = this.#source.codePointAt(this.#pos)!;
    this.#pos += code > 0xffff ? 2 : 1;
    return code;
  }
  #at(text: string): boolean {
    return this.#source.startsWith(text, this.#pos);
  }
  #take(text: string): boolean {
    const is = this.#at(text);
    if (is) this.#pos += text.length;
    return is;
  }
  #fail(length: number, message: string): never {
    refuse({ at: this.#pos, length }, message);
  }
}

function set(ranges: number[], negated: boolean): CharSet {
  return { kind: 'set', ranges, properties: [], negated, fold: false };
}

function withFlags(flags: Flags, letters: string, on: boolean): Flags {
  const changed = { ...flags };
  if (letters.includes('i')) changed.fold = on;
  if (letters.includes('m')) changed.multiline = on;
  if (letters.includes('s')) changed.dotAll = on;
  if (letters.includes('U')) changed.ungreedy = on;
  return changed;
}
