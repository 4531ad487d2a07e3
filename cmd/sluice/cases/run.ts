import { settled } from '../../../internal/core/virtual_clock.ts';
import type { Payload } from '../../../internal/otlp/payload.ts';
import { ComponentsLog } from '../replay/components_log.ts';
import { Stage } from '../replay/stage.ts';
import type { Target } from './config.ts';
import type { Case } from './file.ts';

/** What became of a case's telemetry. */
export interface Came {
  readonly sent: readonly Payload[];
  /** In the order in which exporters got them. */
  readonly arrived: readonly { readonly exporter: string; readonly isFirst: boolean; readonly batch: Payload }[];
  readonly refused: number;
  readonly refusal: string | undefined;
  /** What components warned of. */
  readonly warnings: readonly string[];
}

/** Plays a case on virtual time. @throws Error of a component that does not start */
export async function play({ steps, frame }: Case, { config, first }: Target): Promise<Came> {
  const arrived: Came['arrived'][number][] = [];
  const logger = new ComponentsLog();
  const stage = new Stage(config, {
    from: Number(frame.start / 1_000_000n),
    logger,
    arrived: (exporter, signal, batch) => {
      arrived.push({ exporter, isFirst: first.has(`${exporter} ${signal}`), batch });
    },
  });
  await stage.start();
  const sent: Payload[] = [];
  for (const { atMs, batches } of steps) {
    await stage.clock.advance(Math.max(0, atMs - stage.clock.monotonic()));
    for (const batch of batches) {
      sent.push(batch);
      stage.send(batch);
    }
    await settled();
  }
  await stage.end();
  const refused = stage.refusedForNow + stage.refusedForGood;
  return { sent, arrived, refused, refusal: stage.firstRefusal, warnings: logger.lines() };
}
