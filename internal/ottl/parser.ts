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
import type { Token } from './lexer.ts';
import { attempt, type OttlProblem, Refusal, refuse } from './problem.ts';
import { Tokens } from './tokens.ts';

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

/** Of sums and products. */
const MAX_LINKS = 500;

class Parser {
  readonly #tokens: Tokens;

  constructor(text: string) {
    this.#tokens = new Tokens(text);
  }

  statement(): Statement {
    const name = this.#tokens.peek();
    if (name.kind === 'upper') {
      refuse(name, `a statement begins with an editor such as set, in lower case: ${name.text} is a converter`);
    }
    if (name.kind !== 'lower' || reserved.has(name.text)) this.#tokens.expected('an editor such as set(target, value)');
    const editor = this.#call();
    if (editor.keys.length > 0) refuse(editor.keys[0]!, `an editor has no result to index: ${editor.name}`);
    let where: Condition | undefined;
    if (this.#tokens.takeWord('where')) {
      where = this.condition();
      this.end('"and", "or" or the end of the statement');
    } else this.end('"where" or the end of the statement');
    return { editor, where, at: editor.at, length: this.#tokens.endOfLast - editor.at };
  }

  end(expected: string): void {
    if (this.#tokens.peek().kind !== 'end') this.#tokens.expected(expected);
  }

  condition(): Condition {
    return this.#joined('or', () => this.#joined('and', () => this.#boolean()));
  }

  #joined(word: 'and' | 'or', operand: () => Condition): Condition {
    const first = operand();
    if (!this.#tokens.isWord(word)) return first;
    const operands = [first];
    while (this.#tokens.takeWord(word)) operands.push(operand());
    return { kind: word, operands, ...this.#tokens.since(first.at) };
  }

  #boolean(): Condition {
    const { at } = this.#tokens.peek();
    if (this.#tokens.takeWord('not')) {
      // The grammar knows one `not` only; two would be a mistake.
      if (this.#tokens.isWord('not')) this.#tokens.expected('what to negate, once');
      const operand = this.#plainBoolean();
      return { kind: 'not', operand, ...this.#tokens.since(at) };
    }
    return this.#plainBoolean();
  }

  /** A parenthesis may begin a number, `(a + b) > 3`, or a condition, `(a > 3)`: what gets further is meant. */
  #plainBoolean(): Condition {
    if (!this.#tokens.isSymbol('(')) return this.#comparison();
    const start = this.#tokens.place;
    let failed: Refusal;
    try {
      return this.#comparison();
    } catch (thrown) {
      if (!(thrown instanceof Refusal)) throw thrown;
      failed = thrown;
      this.#tokens.backTo(start);
    }
    try {
      return this.#tokens.nested(() => {
        const inner = this.condition();
        this.#tokens.symbol(')');
        return inner;
      });
    } catch (thrown) {
      throw thrown instanceof Refusal && thrown.problem.at < failed.problem.at ? failed : thrown;
    }
  }

  #comparison(): Condition {
    const left = this.#value();
    const operator = this.#tokens.peek();
    if (operator.text === '=>') this.#tokens.lambda(operator);
    if (operator.kind !== 'comparison') {
      if (left.kind === 'bool') return { kind: 'constant', value: left.value, at: left.at, length: left.length };
      if (left.kind === 'call') return { kind: 'test', call: left, at: left.at, length: left.length };
      if (operator.text === '=') this.#tokens.expected('a comparison such as ==');
      this.#tokens.expected('a comparison: one of == != < <= > >=');
    }
    this.#tokens.skip();
    const right = this.#value();
    return { kind: 'compare', operator: operator.text as CompareOperator, left, right, ...this.#tokens.since(left.at) };
  }

  #value(): Value {
    const token = this.#tokens.peek();
    switch (token.kind) {
      case 'string':
        return { kind: 'string', value: token.text, ...this.#tokens.take() };
      case 'bytes': {
        if (token.length % 2 === 1) refuse(token, `${token.text} has half a byte: expected an even number of digits`);
        return {
          kind: 'bytes',
          value: Uint8Array.from(Buffer.from(token.text.slice(2), 'hex')),
          ...this.#tokens.take(),
        };
      }
      case 'symbol':
        if (token.text === '[') return this.#list();
        if (token.text === '{') return this.#map();
        break;
      case 'lower':
        if (token.text === 'nil') return { kind: 'nil', ...this.#tokens.take() };
        if (token.text === 'true' || token.text === 'false') {
          return { kind: 'bool', value: token.text === 'true', ...this.#tokens.take() };
        }
    }
    if (token.kind === 'upper' && this.#tokens.second()?.text !== '(') {
      return { kind: 'name', name: token.text, ...this.#tokens.take() };
    }
    return this.#sum();
  }

  #sum(): Value {
    return this.#chain(['+', '-'], () => this.#chain(['*', '/'], () => this.#operand()));
  }

  #chain(operators: readonly string[], operand: () => Value): Value {
    let left = operand();
    for (
      let links = 0;
      this.#tokens.peek().kind === 'symbol' && operators.includes(this.#tokens.peek().text);
      links++
    ) {
      // Each stands inside the next: who compiles and evaluates them follows.
      if (links === MAX_LINKS)
        refuse(this.#tokens.peek(), `too long: expected at most ${MAX_LINKS} operators in a row`);
      const operator = this.#tokens.peek().text as MathOperator;
      this.#tokens.skip();
      left = { kind: 'math', operator, left, right: operand(), ...this.#tokens.since(left.at) };
    }
    return left;
  }

  #operand(): Value {
    const { at } = this.#tokens.peek();
    if (this.#tokens.takeSymbol('-')) return negated(this.#unsigned(true), this.#tokens.since(at));
    this.#tokens.takeSymbol('+');
    return this.#unsigned(false);
  }

  #unsigned(negative: boolean): Value {
    const token = this.#tokens.peek();
    if (token.kind === 'int') return { kind: 'int', value: int64(token, negative), ...this.#tokens.take() };
    if (token.kind === 'float') return { kind: 'float', value: Number(token.text), ...this.#tokens.take() };
    if (token.kind === 'upper' && this.#tokens.second()?.text === '(') return this.#call();
    if (token.kind === 'lower' && !reserved.has(token.text)) {
      if (this.#tokens.second()?.text === '(') {
        refuse(token, `converters begin with an upper-case letter: ${token.text} is none`);
      }
      return this.#path();
    }
    if (this.#tokens.isSymbol('(')) {
      return this.#tokens.nested(() => {
        const inner = this.#sum();
        this.#tokens.symbol(')');
        return inner;
      });
    }
    this.#tokens.expected('a value');
  }

  #path(): Path {
    const { at } = this.#tokens.peek();
    const segments: Segment[] = [];
    do {
      const token = this.#tokens.peek();
      if (token.kind !== 'lower' || reserved.has(token.text)) this.#tokens.expected('a name in lower case');
      if (/[A-Z]/.test(token.text)) refuse(token, `${token.text}: the names of fields are in lower case`);
      this.#tokens.skip();
      const keys = this.#keys();
      segments.push({ name: token.text, keys, at: token.at, length: this.#tokens.endOfLast - token.at });
    } while (this.#tokens.takeSymbol('.'));
    return { kind: 'path', segments, ...this.#tokens.since(at) };
  }

  #keys(): Value[] {
    const keys: Value[] = [];
    this.#tokens.mark();
    while (this.#tokens.isSymbol('[')) {
      this.#tokens.nested(() => {
        const { kind } = this.#tokens.peek();
        if (kind === 'end' || this.#tokens.isSymbol(']')) this.#tokens.expected('a key such as "name" or 0');
        keys.push(kind === 'string' ? this.#value() : this.#sum());
        this.#tokens.symbol(']');
      });
      this.#tokens.mark();
    }
    return keys;
  }

  #call(): Call {
    const token = this.#tokens.peek();
    this.#tokens.skip();
    const args: Argument[] = [];
    if (!this.#tokens.isSymbol('(')) this.#tokens.expected(`the arguments of ${token.text}, in parentheses`);
    this.#tokens.nested(() => {
      if (this.#tokens.takeSymbol(')')) return;
      do args.push(this.#argument(args));
      while (this.#tokens.takeSymbol(','));
      this.#tokens.symbol(')', '"," or ")"');
    });
    const keys = this.#keys();
    const nameRange = { at: token.at, length: token.length };
    return { kind: 'call', name: token.text, nameRange, args, keys, ...this.#tokens.since(token.at) };
  }

  #argument(before: readonly Argument[]): Argument {
    const token = this.#tokens.peek();
    if (token.kind !== 'lower' || this.#tokens.second()?.text !== '=') {
      if (before.at(-1)?.name !== undefined) refuse(token, 'an argument without a name stands after one with a name');
      return { name: undefined, value: this.#value(), ...this.#tokens.since(token.at) };
    }
    this.#tokens.skip(2);
    return { name: token.text, value: this.#value(), ...this.#tokens.since(token.at) };
  }

  #list(): Value {
    const { at } = this.#tokens.peek();
    const values: Value[] = [];
    this.#tokens.nested(() => {
      if (this.#tokens.takeSymbol(']')) return;
      do values.push(this.#value());
      while (this.#tokens.takeSymbol(','));
      this.#tokens.symbol(']', '"," or "]"');
    });
    return { kind: 'list', values, ...this.#tokens.since(at) };
  }

  #map(): Value {
    const { at } = this.#tokens.peek();
    const items: MapItem[] = [];
    this.#tokens.nested(() => {
      while (!this.#tokens.takeSymbol('}')) {
        const key = this.#tokens.peek();
        if (key.kind !== 'string') this.#tokens.expected('a key in double quotes, or "}"');
        this.#tokens.skip();
        this.#tokens.symbol(':');
        items.push({ key: key.text, value: this.#value() });
        if (!this.#tokens.takeSymbol(',') && !this.#tokens.isSymbol('}')) this.#tokens.expected('"," or "}"');
      }
    });
    return { kind: 'map', items, ...this.#tokens.since(at) };
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
