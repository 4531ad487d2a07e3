import { nearest } from '../core/nearest.ts';
import type { Range } from './ast.ts';

/** Why a condition or statement was refused, and where. */
export interface OttlProblem {
  /** What is wrong and what was expected; without position, with the suggestion. */
  readonly message: string;
  /** Offset into the text, in UTF-16 units. */
  readonly at: number;
  readonly length: number;
  /** What was most likely meant. */
  readonly suggestion?: string;
}

/** The problem with its place, counted from 1. @param text what it lies in, to be shown */
export function placed({ at, message }: Pick<OttlProblem, 'at' | 'message'>, text?: string): string {
  return `at character ${at + 1}${text === undefined ? '' : ` of ${JSON.stringify(text)}`}: ${message}`;
}

/** Ends parsing or compiling; caught where they begin and handed out as a value. */
export class Refusal {
  readonly problem: OttlProblem;

  constructor(problem: OttlProblem) {
    this.problem = problem;
  }
}

export function refuse(range: Range, message: string): never {
  throw new Refusal({ message, at: range.at, length: range.length });
}

/** Refuses a name that nobody knows, with the one it most likely stands for. */
export function refuseName(range: Range, message: string, name: string, candidates: Iterable<string>): never {
  const suggestion = nearest(name, candidates);
  if (suggestion === undefined) refuse(range, message);
  throw new Refusal({
    message: `${message}; did you mean ${suggestion}?`,
    at: range.at,
    length: range.length,
    suggestion,
  });
}

/** The value of `work`, or the problem it ended with. */
export function attempt<T extends object>(work: () => T): ({ ok: true } & T) | { ok: false; problem: OttlProblem } {
  try {
    return { ok: true, ...work() };
  } catch (thrown) {
    if (thrown instanceof Refusal) return { ok: false, problem: thrown.problem };
    throw thrown;
  }
}
