import { textOf } from '../../otlp/view/raw.ts';
import { Args, define, type FunctionTable } from '../args.ts';
import { compileRegex, expandTemplate, type Regex } from '../regex.ts';
import type { Scene } from '../scene.ts';
import { fail, OttlError, Pair, type Value, ValueMap } from '../values.ts';
import { mapTarget } from './map_target.ts';
import { regexFrom } from './strings.ts';

const tail = 'function?, replacement_format?';

/** Editors that replace text: by glob the whole of it, by regular expression each match. */
export const replaceEditors: FunctionTable = {
  replace_match: define(`target, pattern, replacement, ${tail}`, (args) => {
    const target = args.target('target');
    const pattern = globFrom(args, 'pattern');
    const replacement = converted(args, 'replacement');
    return (scene) => {
      const value = target.get(scene);
      const by = replacement(scene);
      if (typeof value === 'string' && pattern(scene).test(value)) target.set(scene, by);
      return undefined;
    };
  }),
  replace_all_matches: define(`target, pattern, replacement, ${tail}`, (args) => {
    const pattern = globFrom(args, 'pattern');
    const replacement = converted(args, 'replacement');
    return mapTarget(args, (scene) => {
      const regex = pattern(scene);
      const by = replacement(scene);
      return (map) => replacedValues(map, (value) => (regex.test(value) ? by : undefined));
    });
  }),
  replace_pattern: define(`target, regex_pattern, replacement, ${tail}`, (args) => {
    const target = args.target('target');
    const pattern = regexFrom(args, 'regex_pattern');
    const replace = replacer(args);
    // A replacement that is computed may fail, and does so without a match, too.
    const isKnown = args.literal('regex_pattern') && args.literal('replacement');
    const textRange = isKnown && target.textRange;
    return (scene) => {
      const range = textRange?.(scene);
      if (range && !pattern(scene).mayMatch(range.buf, range.start, range.end)) return undefined;
      const value = range ? textOf(range.buf, range.start, range.end) : target.get(scene);
      if (typeof value !== 'string') return undefined;
      const after = replace(scene, pattern(scene), value);
      if (after !== value) target.set(scene, after);
      return undefined;
    };
  }),
  replace_all_patterns: define(`target, mode, regex_pattern, replacement, ${tail}`, (args) => {
    const mode = args.literalText('mode')!;
    if (mode !== 'key' && mode !== 'value') args.refuse('mode', 'expected "key" or "value"');
    const pattern = regexFrom(args, 'regex_pattern');
    const replace = replacer(args);
    return mapTarget(args, (scene) => {
      const regex = pattern(scene);
      const change = (text: string) => replace(scene, regex, text);
      return (map) => (mode === 'value' ? replacedValues(map, quietly(change)) : replacedKeys(map, change));
    });
  }),
};

/** Upstream leaves a value alone where the function fails. */
function quietly(change: (text: string) => string | undefined): (text: string) => string | undefined {
  return (text) => {
    try {
      return change(text);
    } catch (thrown) {
      if (thrown instanceof OttlError) return undefined;
      throw thrown;
    }
  };
}

/** @param change undefined for a text that stays */
function replacedValues(map: ValueMap, change: (text: string) => string | undefined): ValueMap {
  let same = true;
  const pairs = map.pairs.map((pair) => {
    const after = typeof pair.value === 'string' ? change(pair.value) : undefined;
    if (after === undefined || after === pair.value) return pair;
    same = false;
    return new Pair(pair.key, after);
  });
  return same ? map : new ValueMap(pairs);
}

/** The last of keys that become equal stays, in the place of the first. A pair whose key cannot be made goes, as upstream. */
function replacedKeys(map: ValueMap, change: (text: string) => string | undefined): ValueMap {
  let same = true;
  const pairs = new Map<string, Pair>();
  for (const pair of map.pairs) {
    let key: string | undefined;
    try {
      key = change(pair.key);
    } catch (thrown) {
      if (!(thrown instanceof OttlError)) throw thrown;
      same = false;
      continue;
    }
    if (key === undefined || key === pair.key) pairs.set(pair.key, pair);
    else {
      same = false;
      pairs.set(key, new Pair(key, pair.value));
    }
  }
  return same && pairs.size === map.pairs.length ? map : new ValueMap([...pairs.values()]);
}

/** Each match replaced: its template expanded, then handed to the function, then put into the format. */
function replacer(args: Args): (scene: Scene, regex: Regex, text: string) => string {
  const replacement = args.text('replacement');
  if (!args.has('function')) {
    return (scene, regex, text) => regex.replace(text, replacement(scene));
  }
  let input = '';
  const call = functionOf(args, () => input);
  return (scene, regex, text) => {
    const template = replacement(scene);
    return regex.replaceAll(text, (match) => {
      input = expandTemplate(template, match, regex.groupNames);
      return call(scene);
    });
  };
}

/** The replacement as a whole, through the function where one is given. */
function converted(args: Args, name: string): (scene: Scene) => string {
  const replacement = args.text(name);
  return args.has('function') ? functionOf(args, replacement) : replacement;
}

/** The converter named by `function`, applied to one text, in `replacement_format`. */
function functionOf(args: Args, input: (scene: Scene) => string): (scene: Scene) => string {
  const name = args.functionName('function');
  const { functions } = args.scope;
  const spec = Object.hasOwn(functions, name) ? functions[name] : undefined;
  if (!spec) args.refuse('function', `unknown function ${name}`);
  if (spec.params.length !== 1)
    args.refuse('function', `${name} takes ${spec.params.length} arguments: expected a function of one`);
  const run = spec.make(new Args({ ...args.call, name, args: [] }, spec, args.scope, input));
  const format = args.has('replacement_format') ? args.text('replacement_format') : undefined;
  return (scene) => {
    const value: Value = run(scene);
    if (typeof value !== 'string') fail(`${name} did not return a string`);
    return format ? inserted(format(scene), value) : value;
  };
}

function inserted(format: string, value: string): string {
  const verbs = format.match(/%(?:[^%]|$)/g) ?? [];
  if (verbs.length !== 1 || verbs[0] !== '%s') fail('replacement_format: expected exactly one %s');
  return format.replace('%s', () => value).replaceAll('%%', '%');
}

/** A glob, compiled once where it is written out: `*` and `?`, classes, alternatives in braces. */
function globFrom(args: Args, name: string): (scene: Scene) => Regex {
  const source = args.text(name);
  const literal = args.literal(name);
  if (literal) {
    const regex = compileRegex(globSource(literal.value as string));
    if (!regex.ok) args.refuse(name, `${JSON.stringify(literal.value)} is no glob pattern`);
    return () => regex;
  }
  return (scene) => {
    const regex = compileRegex(globSource(source(scene)));
    return regex.ok ? regex : fail('no glob pattern');
  };
}

function globSource(glob: string): string {
  let depth = 0;
  const body = glob.replace(
    /\\([\s\S])|\[(!?)((?:\\.|[^\]])+)\]|\*+|[\s\S]/g,
    (whole, escaped?: string, not?: string, set?: string) => {
      if (escaped !== undefined) return quoted(escaped);
      if (set !== undefined) return `[${not ? '^' : ''}${set.replace(/[[\]^]/g, '\\$&')}]`;
      if (whole.startsWith('*')) return '.*';
      if (whole === '?') return '.';
      if (whole === '{') {
        depth++;
        return '(?:';
      }
      if (whole === '}' && depth > 0) {
        depth--;
        return ')';
      }
      return whole === ',' && depth > 0 ? '|' : quoted(whole);
    },
  );
  return `(?s)\\A(?:${body})\\z`;
}

function quoted(text: string): string {
  return text.replace(/[\\.+*?()|[\]{}^$]/g, '\\$&');
}
