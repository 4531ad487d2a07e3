/** Time as a value, so that a whole pipeline can run on virtual time. */
export interface Clock {
  /** Wall time, milliseconds since 1970. May jump either way. */
  now(): number;
  /** Milliseconds from an unspecified start; never goes back. Use it for every wait and age. */
  monotonic(): number;
  /** Calls `run` once after `ms` milliseconds. */
  after(ms: number, run: () => void): Timer;
  /** Calls `run` every `ms` milliseconds until cancelled. */
  every(ms: number, run: () => void): Timer;
}

export interface Timer {
  /** Safe twice, and after the timer fired. */
  cancel(): void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return { cancel: () => clearTimeout(timer) };
  },
  every(ms, run) {
    const timer = setInterval(run, ms);
    return { cancel: () => clearInterval(timer) };
  },
};

/** Resolves true after `ms`, or false as soon as `abort` fires. */
export function sleep(clock: Clock, ms: number, abort?: AbortSignal): Promise<boolean> {
  if (abort?.aborted) return Promise.resolve(false);
  return new Promise((resolve) => {
    const timer = clock.after(ms, () => {
      abort?.removeEventListener('abort', onAbort);
      resolve(true);
    });
    const onAbort = () => {
      timer.cancel();
      resolve(false);
    };
    abort?.addEventListener('abort', onAbort, { once: true });
  });
}
