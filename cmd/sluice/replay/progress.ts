/** In a terminal the last line is written over; in a log a line now and then is enough. */
const everyMs = process.stderr.isTTY ? 200 : 10_000;

/** Tells on stderr how far a long replay has come. Nothing for one that is done sooner. */
export class Progress {
  readonly #began = performance.now();
  #next = this.#began + everyMs;
  #isLineOpen = false;

  readonly tell = (items: number, virtualMs: number): void => {
    const now = performance.now();
    if (now < this.#next) return;
    this.#next = now + everyMs;
    const rate = Math.round((1000 * items) / (now - this.#began));
    const text = `replayed ${items.toLocaleString('en-US')} items, ${Math.round(virtualMs / 1000)} s of the recording, ${rate.toLocaleString('en-US')} items/s`;
    this.#isLineOpen = process.stderr.isTTY;
    process.stderr.write(process.stderr.isTTY ? `\r\u001b[K${text}` : `${text}\n`);
  };

  end(): void {
    if (this.#isLineOpen) process.stderr.write('\r\u001b[K');
    this.#isLineOpen = false;
  }
}
