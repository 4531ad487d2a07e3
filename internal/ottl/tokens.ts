import { lex, type Token } from './lexer.ts';
import { refuse } from './problem.ts';

/** Parentheses, lists, maps and calls inside one another. */
const MAX_DEPTH = 64;

/** The tokens of a statement, read from the first to the last. */
export class Tokens {
  readonly #list: readonly Token[];
  #next = 0;
  #depth = 0;
  /** Where the last token that was taken ended. */
  #endOfLast = 0;

  constructor(text: string) {
    this.#list = lex(text);
  }

  nested<T>(inside: () => T): T {
    const open = this.peek();
    if (++this.#depth > MAX_DEPTH) refuse(open, `nested too deep: expected at most ${MAX_DEPTH} levels`);
    this.#next++;
    try {
      return inside();
    } finally {
      this.#depth--;
    }
  }

  peek(): Token {
    return this.#list[this.#next]!;
  }
  take(): { at: number; length: number } {
    const { at, length } = this.#list[this.#next++]!;
    this.mark();
    return { at, length };
  }
  mark(): void {
    const last = this.#list[this.#next - 1];
    if (last) this.#endOfLast = last.at + last.length;
  }
  since(at: number): { at: number; length: number } {
    this.mark();
    return { at, length: this.#endOfLast - at };
  }
  isWord(word: string): boolean {
    return this.peek().kind === 'lower' && this.peek().text === word;
  }
  takeWord(word: string): boolean {
    const is = this.isWord(word);
    if (is) this.#next++;
    return is;
  }
  isSymbol(symbol: string): boolean {
    return this.peek().kind === 'symbol' && this.peek().text === symbol;
  }
  takeSymbol(symbol: string): boolean {
    const is = this.isSymbol(symbol);
    if (is) this.#next++;
    return is;
  }
  symbol(symbol: string, expected = `"${symbol}"`): void {
    if (!this.takeSymbol(symbol)) this.expected(expected);
  }
  expected(expected: string): never {
    const token = this.peek();
    if (token.text === '=>') this.lambda(token);
    const got =
      token.kind === 'end' ? 'the text ends here' : `got ${token.kind === 'string' ? 'a string' : token.text}`;
    refuse(token, `expected ${expected}, ${got}`);
  }
  lambda(arrow: Token): never {
    refuse(arrow, 'lambda expressions are not supported; the Collector keeps them behind a feature gate');
  }

  /** The token behind the next one. */
  second(): Token | undefined {
    return this.#list[this.#next + 1];
  }
  skip(count = 1): void {
    this.#next += count;
  }
  /** Where the reading stands, to come back to. */
  get place(): number {
    return this.#next;
  }
  backTo(place: number): void {
    this.#next = place;
  }
  get endOfLast(): number {
    return this.#endOfLast;
  }
}
