import type { Logger } from '../../../internal/core/telemetry.ts';

const maxLines = 50;

/** What components warn of in a replay: each line once, with how often it came. */
export class ComponentsLog implements Logger {
  readonly #lines: Map<string, number>;
  readonly #prefix: string;

  constructor(prefix = '', lines = new Map<string, number>()) {
    this.#prefix = prefix;
    this.#lines = lines;
  }

  debug(): void {}
  info(): void {}
  warn(message: string): void {
    this.#add(message);
  }
  error(message: string): void {
    this.#add(message);
  }
  with(fields: Readonly<Record<string, unknown>>): Logger {
    const id = fields['otelcol.component.id'];
    return id === undefined ? this : new ComponentsLog(`${id}: `, this.#lines);
  }

  lines(): string[] {
    return [...this.#lines].map(([line, times]) => (times > 1 ? `${line} (${times} times)` : line));
  }

  #add(message: string): void {
    const line = this.#prefix + message;
    const known = this.#lines.get(line);
    if (known !== undefined || this.#lines.size < maxLines) this.#lines.set(line, (known ?? 0) + 1);
  }
}
