import type { Payload } from '../../../internal/otlp/payload.ts';
import { type Context, OttlError, Pass, type Scene } from '../../../internal/ottl/index.ts';
import type { Line, Part } from './program.ts';

/** How often something held, of the places it was asked at: a span's events, a metric's points. */
export interface Tally {
  readonly text: string;
  held: number;
  places: number;
  /** What the first failure said. */
  failed: string | undefined;
}

/** What one statement did to one record. */
export interface Step {
  readonly line: Line;
  readonly where: Tally | undefined;
  readonly parts: readonly Tally[];
  /** The statement itself. */
  readonly ran: Tally;
  readonly before: Payload;
  readonly after: Payload;
}

/** What statements keep for the next ones, by context and place. */
type Caches = Map<Context, Scene['cache'][]>;

/** Carries the statements out on one record, one after the other; one that fails changes nothing more, and the next one goes on. */
export function play(lines: readonly Line[], record: Payload): Step[] {
  const caches: Caches = new Map();
  let before = record;
  return lines.map((line) => {
    const step = carryOut(line, before, caches);
    before = step.after;
    return step;
  });
}

function carryOut(line: Line, before: Payload, caches: Caches): Step {
  const { context, statement } = line;
  const where = line.where && tally(line.where.text);
  const parts = line.parts.map(({ text }) => tally(text));
  const ran = tally(line.text);
  const kept = caches.get(context) ?? [];
  caches.set(context, kept);
  const run = (scene: Scene) => {
    const place = ran.places;
    const cache = kept[place];
    if (cache) scene.cache = cache;
    for (const [i, part] of line.parts.entries()) ask(part.test, scene, parts[i]!);
    if (where) ask(line.where!.test, scene, where);
    if (statement) ask((on) => statement.run(on), scene, ran);
    else ran.places += 1;
    kept[place] = scene.cache;
  };
  // Keeping what statements keep is done here: a pass would begin anew with each.
  const pass = new Pass(before.signal, { context, writes: statement?.writes ?? new Set(), usesCache: false, run });
  const after = tryRun(pass, before, ran);
  return { line, where, parts, ran, before, after };
}

function tryRun(pass: Pass, before: Payload, ran: Tally): Payload {
  try {
    return pass.run(before);
  } catch (thrown) {
    if (!(thrown instanceof OttlError)) throw thrown;
    ran.failed ??= thrown.message;
    return before;
  }
}

function tally(text: string): Tally {
  return { text, held: 0, places: 0, failed: undefined };
}

function ask(test: Part['test'], scene: Scene, to: Tally): void {
  to.places += 1;
  try {
    if (test(scene)) to.held += 1;
  } catch (thrown) {
    if (!(thrown instanceof OttlError)) throw thrown;
    to.failed ??= thrown.message;
  }
}
