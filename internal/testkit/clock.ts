import { VirtualClock } from '../core/virtual_clock.ts';

export { settled } from '../core/virtual_clock.ts';

/** The clock of tests: virtual time that begins at a round number. */
export class FakeClock extends VirtualClock {
  constructor(start = 1_700_000_000_000) {
    super(start);
  }
}
