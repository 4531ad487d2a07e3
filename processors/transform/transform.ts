import type { Settings } from '../../internal/core/component.ts';
import type { BatchContext, Consumer } from '../../internal/core/consumer.ts';
import { Notice } from '../../internal/core/notice.ts';
import { type Outcome, permanent } from '../../internal/core/outcome.ts';
import type { Payload } from '../../internal/otlp/payload.ts';
import { OttlError, Pass, type Scene, type Work } from '../../internal/ottl/index.ts';
import type { ErrorMode, TransformConfig } from './config.ts';
import { type Group, groupsOf } from './groups.ts';

/** A statement failed, and `error_mode` is propagate. */
class StatementFailed extends Error {}

/** Holds nothing: what was changed travels on within the call, and the sender gets the next component's answer. */
export class Transform implements Consumer {
  readonly #settings: Settings;
  readonly #next: Consumer;
  readonly #passes: readonly Pass[];
  readonly #notice: Notice;

  constructor(settings: Settings, config: TransformConfig, next: Consumer) {
    const { clock, random, signal = 'traces' } = settings;
    const list = { traces: config.trace_statements, metrics: config.metric_statements, logs: config.log_statements }[
      signal
    ];
    const surroundings = { now: () => BigInt(Math.round(clock.now() * 1e6)), random };
    this.#settings = settings;
    this.#next = next;
    this.#notice = new Notice(clock);
    this.#passes = groupsOf(signal, list, surroundings)
      .filter((group) => group.statements.length > 0)
      .map((group) => new Pass(signal, this.#workOf(group, group.errorMode ?? config.error_mode)));
  }

  consume(batch: Payload, ctx: BatchContext): Promise<Outcome> {
    let changed = batch;
    try {
      for (const pass of this.#passes) changed = pass.run(changed);
    } catch (thrown) {
      if (thrown instanceof StatementFailed) return Promise.resolve(permanent('rejected', thrown.message));
      // What a statement made went beyond all bounds.
      if (thrown instanceof OttlError) return Promise.resolve(permanent('rejected', thrown.message));
      throw thrown;
    }
    return this.#next.consume(changed, ctx);
  }

  #workOf({ context, conditions, statements }: Group, mode: ErrorMode): Work {
    const tests = conditions.map(({ text, test }) => this.#guarded(text, test, mode));
    return {
      context,
      writes: new Set(statements.flatMap(({ writes }) => [...writes])),
      usesCache: statements.some(({ usesCache }) => usesCache),
      run: (scene) => {
        if (tests.length > 0 && !tests.some((test) => test(scene))) return;
        for (const statement of statements) {
          try {
            statement.run(scene);
          } catch (thrown) {
            this.#failed(statement.text, thrown, mode);
          }
        }
      },
    };
  }

  /** False where it failed, unless that ends the batch. */
  #guarded(text: string, test: (scene: Scene) => boolean, mode: ErrorMode): (scene: Scene) => boolean {
    return (scene) => {
      try {
        return test(scene);
      } catch (thrown) {
        this.#failed(text, thrown, mode);
        return false;
      }
    };
  }

  /** Throws where that ends the batch. */
  #failed(text: string, thrown: unknown, mode: ErrorMode): void {
    if (!(thrown instanceof OttlError)) throw thrown;
    if (mode === 'propagate') throw new StatementFailed(`${text} failed: ${thrown.message}`);
    if (mode === 'ignore') this.#log(text, thrown.message);
  }

  #log(statement: string, error: string): void {
    this.#notice.event((leftOut) => {
      const fields = { statement, error, left_out_before: leftOut };
      this.#settings.logger.warn('a statement failed and was passed over (error_mode: ignore)', fields);
    });
  }
}
