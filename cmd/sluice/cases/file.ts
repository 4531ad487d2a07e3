import { readFile } from 'node:fs/promises';
import { dirname, relative, resolve } from 'node:path';
import { type Issue, issueAt, type Source } from '../../../internal/config/issues.ts';
import type { MapNode, Node } from '../../../internal/config/tree.ts';
import { parseYaml } from '../../../internal/config/yaml.ts';
import { Frame, momentOf } from '../short/frame.ts';
import { readInput, type Step } from '../short/input.ts';
import { Reading } from '../short/reading.ts';
import { type Expectation, readExpectations } from './expectation.ts';

/** Where a case takes its configuration from. */
export type ConfigOfCase =
  | { readonly kind: 'file'; readonly path: string }
  /** The map lies in the case file. */
  | { readonly kind: 'inline'; readonly node: MapNode; readonly isWhole: boolean };

/** One thing to try, read and found right. */
export interface Case {
  readonly name: string;
  readonly file: string;
  readonly line: number;
  readonly config: ConfigOfCase;
  readonly pipeline: Said | undefined;
  readonly processor: Said | undefined;
  readonly env: Readonly<Record<string, string>>;
  readonly frame: Frame;
  readonly steps: readonly Step[];
  readonly expectations: readonly Expectation[];
}

/** A word of the case file and where it stands. */
export interface Said {
  readonly text: string;
  readonly node: Node;
  readonly key: string;
}

const shared = ['config', 'pipeline', 'processor', 'env', 'start'] as const;
const ownKeys = ['name', ...shared, 'input', 'expect'];
const fileKeys = [...shared, 'cases'];

/** @returns the cases of a file, or all that is wrong with it */
export async function readCases(path: string): Promise<{ cases: Case[] } | { issues: Issue[] }> {
  const name = relative(process.cwd(), path) || path;
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(await readFile(path));
  } catch (error) {
    return { issues: [{ severity: 'error', file: name, path: '', message: (error as Error).message }] };
  }
  const source: Source = { name, text, lines: true };
  const parsed = parseYaml(source);
  if ('issues' in parsed) return parsed;
  const issues: Issue[] = [];
  const cases = await new CaseFile(path, parsed.node, issues).read();
  return issues.length > 0 ? { issues } : { cases };
}

class CaseFile {
  readonly #path: string;
  readonly #root: Node;
  readonly #issues: Issue[];

  constructor(path: string, root: Node, issues: Issue[]) {
    this.#path = path;
    this.#root = root;
    this.#issues = issues;
  }

  async read(): Promise<Case[]> {
    const top = new Reading(new Frame(), this.#issues, 'input', []);
    const root = top.map(this.#root, 'a map with cases: and config:');
    if (!root) return [];
    for (const [key, entry] of root.entries) if (!fileKeys.includes(key)) top.unknown(key, entry, fileKeys);
    const list = root.entries.get('cases')?.value;
    if (!list) {
      top.wrong(root, 'expected cases: with a list of { name, input, expect }');
      return [];
    }
    const cases: Case[] = [];
    for (const [i, node] of (top.in('cases').list(list, 'a list of cases')?.items ?? []).entries()) {
      const one = await this.#case(node, root, top.in('cases').in(i), i);
      if (one) cases.push(one);
    }
    return cases;
  }

  async #case(node: Node, root: MapNode, at: Reading, index: number): Promise<Case | undefined> {
    const own = at.map(node, 'a map with name, input and expect');
    if (!own) return undefined;
    for (const [key, entry] of own.entries) if (!ownKeys.includes(key)) at.unknown(key, entry, ownKeys);
    const entry = (key: string) => own.entries.get(key)?.value;
    // What the file says for all cases, one may say for itself.
    const either = (key: (typeof shared)[number]) => entry(key) ?? root.entries.get(key)?.value;
    const frame = this.#frame(either('start'), at);
    const inside = new Reading(frame, this.#issues, 'input', ['cases', index]);
    const input = entry('input');
    const expect = entry('expect');
    if (!input) at.wrong(own, 'expected input: with the telemetry that goes in');
    if (!expect) at.wrong(own, 'expected expect: with what comes out');
    const config = this.#config(either('config'), at);
    if (!input || !expect || !config) return undefined;
    const [pipeline, processor] = [
      this.#said('pipeline', either('pipeline'), at),
      this.#said('processor', either('processor'), at),
    ];
    if (pipeline && processor)
      inside.in('processor').wrong(processor.node, 'expected a pipeline or a processor, got both');
    const title = entry('name');
    return {
      name: (title && at.in('name').text(title, 'a sentence')) ?? `case ${index + 1}`,
      file: relative(process.cwd(), this.#path) || this.#path,
      line: issueAt(own.at, [], '').line!,
      config,
      pipeline,
      processor,
      env: this.#env(either('env'), at),
      frame,
      steps: await readInput(input, inside.in('input'), dirname(this.#path)),
      expectations: readExpectations(expect, inside.in('expect')),
    };
  }

  #frame(start: Node | undefined, at: Reading): Frame {
    if (!start) return new Frame();
    const nanos = start.kind === 'scalar' ? momentOf(String(start.value)) : undefined;
    if (nanos === undefined) at.in('start').wrong(start, 'expected a time such as 2024-01-01T00:00:00Z');
    return new Frame(nanos);
  }

  /** Without one: NAME.yaml beside NAME.test.yaml. */
  #config(node: Node | undefined, at: Reading): ConfigOfCase | undefined {
    if (!node) {
      const beside = this.#path.replace(/\.test(\.ya?ml)$/, '$1');
      if (beside !== this.#path) return { kind: 'file', path: beside };
      return at.wrong(
        this.#root,
        'expected config: with a path or a configuration; NAME.test.yaml has NAME.yaml without it',
      );
    }
    if (node.kind === 'map') return { kind: 'inline', node, isWhole: node.entries.has('service') };
    const path = at.in('config').text(node, 'a path or a configuration');
    return path === undefined ? undefined : { kind: 'file', path: resolve(dirname(this.#path), path) };
  }

  #said(key: string, node: Node | undefined, at: Reading): Said | undefined {
    const text = node && at.in(key).text(node, `the id of a ${key}`);
    return text === undefined ? undefined : { text, node: node!, key };
  }

  #env(node: Node | undefined, at: Reading): Record<string, string> {
    const env: Record<string, string> = {};
    if (!node) return env;
    for (const [key, { value }] of at.in('env').map(node, 'a map of variables')?.entries ?? []) {
      if (value.kind === 'scalar' && value.value !== null) env[key] = String(value.value);
      else at.in('env').in(key).wrong(value, 'expected text');
    }
    return env;
  }
}
