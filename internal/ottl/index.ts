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
export { type Parsed, parseCondition, parseStatement } from './parser.ts';
export type { OttlProblem } from './problem.ts';
export { compileRegex, expandTemplate, type Regex, type RegexMatch } from './regex.ts';
