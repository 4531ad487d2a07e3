import type {
  Argument,
  Call,
  CompareOperator,
  Condition,
  MapItem,
  MathOperator,
  Path,
  Segment,
  Statement,
  Value,
} from './ast.ts';
import { lex, type Token } from './lexer.ts';
import { attempt, type OttlProblem, Refusal, refuse } from './problem.ts';

/** Parentheses, lists, maps and calls inside one another. */
const MAX_DEPTH = 64;

export type Parsed<T> = { readonly ok: true; readonly ast: T } | { readonly ok: false; readonly problem: OttlProblem };

/**
 * Parses a condition: `attributes["http.route"] == "/health" and not IsRootSpan()`. Names are not looked up.
 * Grammar: https://github.com/open-telemetry/opentelemetry-collector-contrib/blob/main/pkg/ottl/LANGUAGE.md
 */
export function parseCondition(text: string): Parsed<Condition> {
  return attempt(() => {
    const parser = new Parser(text);
    const ast = parser.condition();
    parser.end('"and", "or" or the end of the condition');
    return { ast };
  });
}

/** Parses a statement: `set(name, "x") where kind == SPAN_KIND_SERVER`. Names are not looked up. */
export function parseStatement(text: string): Parsed<Statement> {
  return attempt(() => ({ ast: new Parser(text).statement() }));
}

const reserved = new Set(['nil', 'not', 'and', 'or', 'true', 'false']);

class Parser {
  readonly #tokens: readonly Token[];
  #next = 0;
  #depth = 0;
  /** Where the last value ended. */
  #endOfLast = 0;

  constructor(text: string) {
    this.#tokens = lex(text);
  }

  statement(): Statement {
    const name = this.#peek();
    if (name.kind === 'upper') {
      refuse(name, `a statement begins with an editor such as set, in lower case: ${name.text} is a converter`);
    }
    if (name.kind !== 'lower' || reserved.has(name.text)) this.#expected('an editor such as set(target, value)');
    const editor = this.#call();
    if (editor.keys.length > 0) refuse(editor.keys[0]!, `an editor has no result to index: ${editor.name}`);
    let where: Condition | undefined;
    if (this.#takeWord('where')) {
      where = this.condition();
      this.end('"and", "or" or the end of the statement');
    } else this.end('"where" or the end of the statement');
    return { editor, where, at: editor.at, length: this.#endOfLast - editor.at };
  }

  end(expected: string): void {
    if (this.#peek().kind !== 'end') this.#expected(expected);
  }

  condition(): Condition {
    return this.#joined('or', () => this.#joined('and', () => this.#boolean()));
  }

  #joined(word: 'and' | 'or', operand: () => Condition): Condition {
    const first = operand();
    if (!this.#isWord(word)) return first;
    const operands = [first];
    while (this.#takeWord(word)) operands.push(operand());
    return { kind: word, operands, ...this.#since(first.at) };
  }

  #boolean(): Condition {
    const { at } = this.#peek();
    if (this.#takeWord('not')) {
      // The grammar knows one `not` only; two would be a mistake.
      if (this.#isWord('not')) this.#expected('what to negate, once');
      const operand = this.#plainBoolean();
      return { kind: 'not', operand, ...this.#since(at) };
    }
    return this.#plainBoolean();
  }

  /** A parenthesis may begin a number, `(a + b) > 3`, or a condition, `(a > 3)`: what gets further is meant. */
  #plainBoolean(): Condition {
    if (!this.#isSymbol('(')) return this.#comparison();
    const start = this.#next;
    let failed: Refusal;
    try {
      return this.#comparison();
    } catch (thrown) {
      if (!(thrown instanceof Refusal)) throw thrown;
      failed = thrown;
      this.#next = start;
    }
    try {
      return this.#nested(() => {
        const inner = this.condition();
        this.#symbol(')');
        return inner;
      });
    } catch (thrown) {
      throw thrown instanceof Refusal && thrown.problem.at < failed.problem.at ? failed : thrown;
    }
  }

  #comparison(): Condition {
    const left = this.#value();
    const operator = this.#peek();
    if (operator.text === '=>') this.#lambda(operator);
    if (operator.kind !== 'comparison') {
      if (left.kind === 'bool') return { kind: 'constant', value: left.value, at: left.at, length: left.length };
      if (left.kind === 'call') return { kind: 'test', call: left, at: left.at, length: left.length };
      if (operator.text === '=') this.#expected('a comparison such as ==');
      this.#expected('a comparison: one of == != < <= > >=');
    }
    this.#next++;
    const right = this.#value();
    return { kind: 'compare', operator: operator.text as CompareOperator, left, right, ...this.#since(left.at) };
  }

  #value(): Value {
    const token = this.#peek();
    switch (token.kind) {
      case 'string':
        return { kind: 'string', value: token.text, ...this.#take() };
      case 'bytes': {
        if (token.length % 2 === 1) refuse(token, `${token.text} has half a byte: expected an even number of digits`);
        return { kind: 'bytes', value: Uint8Array.from(Buffer.from(token.text.slice(2), 'hex')), ...this.#take() };
      }
      case 'symbol':
        if (token.text === '[') return this.#list();
        if (token.text === '{') return this.#map();
        break;
      case 'lower':
        if (token.text === 'nil') return { kind: 'nil', ...this.#take() };
        if (token.text === 'true' || token.text === 'false') {
          return { kind: 'bool', value: token.text === 'true', ...this.#take() };
        }
    }
    if (token.kind === 'upper' && this.#tokens[this.#next + 1]?.text !== '(') {
      return { kind: 'name', name: token.text, ...this.#take() };
    }
    return this.#sum();
  }

  #sum(): Value {
    return this.#chain(['+', '-'], () => this.#chain(['*', '/'], () => this.#operand()));
  }

  #chain(operators: readonly string[], operand: () => Value): Value {
    let left = operand();
    while (this.#peek().kind === 'symbol' && operators.includes(this.#peek().text)) {
      const operator = this.#peek().text as MathOperator;
      this.#next++;
      left = { kind: 'math', operator, left, right: operand(), ...this.#since(left.at) };
    }
    return left;
  }

  #operand(): Value {
    const { at } = this.#peek();
    if (this.#takeSymbol('-')) return negated(this.#unsigned(true), this.#since(at));
    this.#takeSymbol('+');
    return this.#unsigned(false);
  }

  #unsigned(negative: boolean): Value {
    const token = this.#peek();
    if (token.kind === 'int') return { kind: 'int', value: int64(token, negative), ...this.#take() };
    if (token.kind === 'float') return { kind: 'float', value: Number(token.text), ...this.#take() };
    if (token.kind === 'upper' && this.#tokens[this.#next + 1]?.text === '(') return this.#call();
    if (token.kind === 'lower' && !reserved.has(token.text)) {
      if (this.#tokens[this.#next + 1]?.text === '(') {
        refuse(token, `converters begin with an upper-case letter: ${token.text} is none`);
      }
      return this.#path();
    }
    if (this.#isSymbol('(')) {
      return this.#nested(() => {
        const inner = this.#sum();
        this.#symbol(')');
        return inner;
      });
    }
    this.#expected('a value');
  }

  #path(): Path {
    const { at } = this.#peek();
    const segments: Segment[] = [];
    do {
      const token = this.#peek();
      if (token.kind !== 'lower' || reserved.has(token.text)) this.#expected('a name in lower case');
      if (/[A-Z]/.test(token.text)) refuse(token, `${token.text}: the names of fields are in lower case`);
      this.#next++;
      const keys = this.#keys();
      segments.push({ name: token.text, keys, at: token.at, length: this.#endOfLast - token.at });
    } while (this.#takeSymbol('.'));
    return { kind: 'path', segments, ...this.#since(at) };
  }

  #keys(): Value[] {
    const keys: Value[] = [];
    this.#mark();
    while (this.#isSymbol('[')) {
      this.#nested(() => {
        const { kind } = this.#peek();
        if (kind === 'end' || this.#isSymbol(']')) this.#expected('a key such as "name" or 0');
        keys.push(kind === 'string' ? this.#value() : this.#sum());
        this.#symbol(']');
      });
      this.#mark();
    }
    return keys;
  }

  #call(): Call {
    const token = this.#peek();
    this.#next++;
    const args: Argument[] = [];
    if (!this.#isSymbol('(')) this.#expected(`the arguments of ${token.text}, in parentheses`);
    this.#nested(() => {
      if (this.#takeSymbol(')')) return;
      do args.push(this.#argument(args));
      while (this.#takeSymbol(','));
      this.#symbol(')', '"," or ")"');
    });
    const keys = this.#keys();
    const nameRange = { at: token.at, length: token.length };
    return { kind: 'call', name: token.text, nameRange, args, keys, ...this.#since(token.at) };
  }

  #argument(before: readonly Argument[]): Argument {
    const token = this.#peek();
    if (token.kind !== 'lower' || this.#tokens[this.#next + 1]?.text !== '=') {
      if (before.at(-1)?.name !== undefined) refuse(token, 'an argument without a name stands after one with a name');
      return { name: undefined, value: this.#value(), ...this.#since(token.at) };
    }
    this.#next += 2;
    return { name: token.text, value: this.#value(), ...this.#since(token.at) };
  }

  #list(): Value {
    const { at } = this.#peek();
    const values: Value[] = [];
    this.#nested(() => {
      if (this.#takeSymbol(']')) return;
      do values.push(this.#value());
      while (this.#takeSymbol(','));
      this.#symbol(']', '"," or "]"');
    });
    return { kind: 'list', values, ...this.#since(at) };
  }

  #map(): Value {
    const { at } = this.#peek();
    const items: MapItem[] = [];
    this.#nested(() => {
      while (!this.#takeSymbol('}')) {
        const key = this.#peek();
        if (key.kind !== 'string') this.#expected('a key in double quotes, or "}"');
        this.#next++;
        this.#symbol(':');
        items.push({ key: key.text, value: this.#value() });
        if (!this.#takeSymbol(',') && !this.#isSymbol('}')) this.#expected('"," or "}"');
      }
    });
    return { kind: 'map', items, ...this.#since(at) };
  }

  #nested<T>(inside: () => T): T {
    const open = this.#peek();
    if (++this.#depth > MAX_DEPTH) refuse(open, `nested too deep: expected at most ${MAX_DEPTH} levels`);
    this.#next++;
    try {
      return inside();
    } finally {
      this.#depth--;
    }
  }

  #peek(): Token {
    return this.#tokens[this.#next]!;
  }
  #take(): { at: number; length: number } {
    const { at, length } = this.#tokens[this.#next++]!;
    this.#mark();
    return { at, length };
  }
  #mark(): void {
    const last = this.#tokens[this.#next - 1];
    if (last) this.#endOfLast = last.at + last.length;
  }
  #since(at: number): { at: number; length: number } {
    this.#mark();
    return { at, length: this.#endOfLast - at };
  }
  #isWord(word: string): boolean {
    return this.#peek().kind === 'lower' && this.#peek().text === word;
  }
  #takeWord(word: string): boolean {
    const is = this.#isWord(word);
    if (is) this.#next++;
    return is;
  }
  #isSymbol(symbol: string): boolean {
    return this.#peek().kind === 'symbol' && this.#peek().text === symbol;
  }
  #takeSymbol(symbol: string): boolean {
    const is = this.#isSymbol(symbol);
    if (is) this.#next++;
    return is;
  }
  #symbol(symbol: string, expected = `"${symbol}"`): void {
    if (!this.#takeSymbol(symbol)) this.#expected(expected);
  }
  #expected(expected: string): never {
    const token = this.#peek();
    if (token.text === '=>') this.#lambda(token);
    const got =
      token.kind === 'end' ? 'the text ends here' : `got ${token.kind === 'string' ? 'a string' : token.text}`;
    refuse(token, `expected ${expected}, ${got}`);
  }
  #lambda(arrow: Token): never {
    refuse(arrow, 'lambda expressions are not supported; the Collector keeps them behind a feature gate');
  }
}

/** A sign before a number belongs to it; an int was read with its sign, for the sake of the least one. */
function negated(operand: Value, range: { at: number; length: number }): Value {
  if (operand.kind === 'int') return { ...operand, ...range };
  if (operand.kind === 'float') return { ...operand, value: -operand.value, ...range };
  return { kind: 'negate', operand, ...range };
}

function int64(token: Token, negative: boolean): bigint {
  const value = negative ? -BigInt(token.text) : BigInt(token.text);
  if (BigInt.asIntN(64, value) !== value) refuse(token, `${token.text} does not fit into 64 bits`);
  return value;
}
