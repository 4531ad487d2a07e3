export { type Args, define as defineFunction, type FunctionTable } from './args.ts';
export type {
  Argument,
  Call,
  CompareOperator,
  Condition,
  MapItem,
  MathOperator,
  Path,
  Range,
  Segment,
  Statement,
  Value,
} from './ast.ts';
export {
  type CompiledCondition,
  type CompiledStatement,
  type CompileOptions,
  compileCondition,
  compileStatement,
  type Refused,
} from './compile.ts';
export { contextNames, contextsOf } from './contexts.ts';
export type { Surroundings } from './expression.ts';
export { missing as missingFunctions } from './functions/missing.ts';
export { pointConverters } from './functions/points.ts';
export { type Inferred, inferContext } from './infer.ts';
export { type Parsed, parseCondition, parseStatement } from './parser.ts';
export { Pass, type Work } from './pass.ts';
export { type OttlProblem, placed } from './problem.ts';
export { compileRegex, expandTemplate, type Regex, type RegexMatch, regexOf, sieveOf } from './regex.ts';
export { type Context, Scene } from './scene.ts';
export type { Sieve } from './sieve.ts';
export { trimSpace } from './text.ts';
export { fail as failStatement, mapOf, OttlError, type Value as OttlValue } from './values.ts';
