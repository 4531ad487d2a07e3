import type { Clock } from '../core/clock.ts';
import { type Outcome, retryable } from '../core/outcome.ts';
import type { Layer, Life } from './layer.ts';

/**
 * Bounds one try, and gives it the signal that ends it: at the timeout, at the exporter's deadline, or when the caller goes.
 * Answers then, whether or not the sender obeys its signal; a late answer is ignored.
 *
 * @param ms 0: no limit
 */
export function timeout(ms: number, clock: Clock, life: Life): Layer {
  return (next) => ({
    consume(batch, ctx) {
      return new Promise<Outcome>((resolve) => {
        const controller = new AbortController();
        const end = (outcome: Outcome) => {
          timer?.cancel();
          life.offKill(kill);
          ctx.abort?.removeEventListener('abort', leave);
          resolve(outcome);
        };
        const cancel = (reason: string) => {
          end(retryable(reason));
          controller.abort(new Error(reason));
        };
        const kill = () => cancel('the exporter is stopping and its time is over');
        const leave = () => cancel('the caller has gone');
        const timer = ms > 0 ? clock.after(ms, () => cancel(`no answer within ${ms} ms (timeout)`)) : undefined;
        if (life.killed) return kill();
        if (ctx.abort?.aborted) return leave();
        life.onKill(kill);
        ctx.abort?.addEventListener('abort', leave);
        next.consume(batch, { ...ctx, abort: controller.signal }).then(end);
      });
    },
  });
}
