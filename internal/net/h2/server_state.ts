import type { Clock } from '../../core/clock.ts';
import type { MemoryBudget } from '../../core/memory.ts';
import type { Logger } from '../../core/telemetry.ts';
import type { OkCache } from './answer.ts';
import type { Connection } from './connection.ts';
import type { Deadlines } from './deadlines.ts';
import type { H2Limits, Keepalive } from './limits.ts';
import type { MessageSlab } from './message_slab.ts';
import type { HttpHandler, UnaryMethod } from './types.ts';

/** What the connections of one server share. */
export interface ServerState {
  readonly methods: ReadonlyMap<string, UnaryMethod>;
  readonly http: HttpHandler | undefined;
  readonly limits: H2Limits;
  readonly keepalive: Keepalive;
  readonly memory: MemoryBudget;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
  /** Encodings of a message that can be inflated. */
  readonly encodings: ReadonlySet<string>;
  readonly ok: OkCache;
  readonly slab: MessageSlab;
  readonly deadlines: Deadlines;
  closed(connection: Connection): void;
}
