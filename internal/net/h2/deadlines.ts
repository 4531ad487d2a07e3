import type { Clock } from '../../core/clock.ts';
import { respondGrpc } from './respond.ts';
import type { Stream } from './stream.ts';

/** `grpc-timeout`: a call gets a timer only if its handler has not settled by the end of the turn that began it. */
export class Deadlines {
  readonly #clock: Clock;
  #begun: Stream[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(stream: Stream): void {
    this.#begun.push(stream);
    if (this.#begun.length === 1) setImmediate(startTimers, this);
  }

  start(): void {
    const begun = this.#begun;
    this.#begun = [];
    const now = this.#clock.monotonic();
    for (const stream of begun) {
      if (!stream.running || stream.gone) continue;
      const left = stream.startedAt + stream.head.timeoutMs! - now;
      stream.deadline = this.#clock.after(Math.max(0, Math.ceil(left)), () => passed(stream));
    }
  }
}

function startTimers(deadlines: Deadlines): void {
  deadlines.start();
}

function passed(stream: Stream): void {
  if (stream.gone || stream.answered) return;
  stream.cancel('grpc-timeout passed');
  respondGrpc(stream, { code: 4, reason: 'grpc-timeout passed' });
}
