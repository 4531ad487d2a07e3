/** Where a piece of a statement lies: an offset into its text, and how long it is, in UTF-16 units. */
export interface Range {
  readonly at: number;
  readonly length: number;
}

export type CompareOperator = '==' | '!=' | '<' | '<=' | '>' | '>=';
export type MathOperator = '+' | '-' | '*' | '/';

/** `attributes["a"][0]`: one name of a path, with what it is indexed by. */
export interface Segment extends Range {
  readonly name: string;
  readonly keys: readonly Value[];
}

export interface Path extends Range {
  readonly kind: 'path';
  readonly segments: readonly Segment[];
}

export interface Argument extends Range {
  /** Set for `name = value`. */
  readonly name: string | undefined;
  readonly value: Value;
}

/** A function call: an editor by its lower-case name, or a converter, which may be indexed. */
export interface Call extends Range {
  readonly kind: 'call';
  readonly name: string;
  readonly nameRange: Range;
  readonly args: readonly Argument[];
  readonly keys: readonly Value[];
}

export interface MapItem {
  readonly key: string;
  readonly value: Value;
}

export type Value =
  | ({ readonly kind: 'nil' } & Range)
  | ({ readonly kind: 'bool'; readonly value: boolean } & Range)
  | ({ readonly kind: 'int'; readonly value: bigint } & Range)
  | ({ readonly kind: 'float'; readonly value: number } & Range)
  | ({ readonly kind: 'string'; readonly value: string } & Range)
  | ({ readonly kind: 'bytes'; readonly value: Uint8Array } & Range)
  /** `SPAN_KIND_SERVER`; also a converter given by its name alone, `SHA256`. */
  | ({ readonly kind: 'name'; readonly name: string } & Range)
  | ({ readonly kind: 'list'; readonly values: readonly Value[] } & Range)
  | ({ readonly kind: 'map'; readonly items: readonly MapItem[] } & Range)
  | ({ readonly kind: 'negate'; readonly operand: Value } & Range)
  | ({ readonly kind: 'math'; readonly operator: MathOperator; readonly left: Value; readonly right: Value } & Range)
  | Path
  | Call;

export type Condition =
  | ({ readonly kind: 'constant'; readonly value: boolean } & Range)
  | ({
      readonly kind: 'compare';
      readonly operator: CompareOperator;
      readonly left: Value;
      readonly right: Value;
    } & Range)
  | ({ readonly kind: 'and' | 'or'; readonly operands: readonly Condition[] } & Range)
  | ({ readonly kind: 'not'; readonly operand: Condition } & Range)
  | ({ readonly kind: 'test'; readonly call: Call } & Range);

/** An editor call, and when to make it. */
export interface Statement extends Range {
  readonly editor: Call;
  readonly where: Condition | undefined;
}
