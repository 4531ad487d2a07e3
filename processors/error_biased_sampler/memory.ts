import { access, constants, mkdir, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Timer } from '../../internal/core/clock.ts';
import type { Settings } from '../../internal/core/component.ts';
import type { ErrorBiasedConfig } from './config.ts';
import type { Model } from './model.ts';
import { decodeState, encodeState } from './state.ts';

const saveEveryMs = 60_000;

/** Keeps what a model has learnt over restarts, in one file that is replaced as a whole. */
export class Memory {
  readonly #settings: Settings;
  readonly #model: Model;
  readonly #folder: string | undefined;
  readonly #path: string;
  #timer: Timer | undefined;
  #saving: Promise<void> = Promise.resolve();
  #started = false;

  constructor(settings: Settings, config: ErrorBiasedConfig, model: Model) {
    this.#settings = settings;
    this.#model = model;
    this.#folder = config.storage_directory;
    const { id, pipeline = '', signal = '' } = settings;
    this.#path = join(this.#folder ?? '', `${[id, pipeline, signal].map(encodeURIComponent).join('-')}.state`);
  }

  /** @throws Error if the folder cannot be written to */
  async start(): Promise<void> {
    if (this.#folder === undefined) return;
    await this.#openFolder(this.#folder);
    await this.#load();
    this.#started = true;
    this.#timer = this.#settings.clock.every(saveEveryMs, () => this.#save());
  }

  async stop(): Promise<void> {
    this.#timer?.cancel();
    if (this.#started) this.#save();
    this.#started = false;
    await this.#saving;
  }

  /** The successor knows what this one knew, and alone writes it down. */
  handOver(successor: Memory): void {
    this.#started = false;
    this.#timer?.cancel();
    const { clock } = this.#settings;
    decodeState(encodeState(this.#model), successor.#model, clock.monotonic());
  }

  async #openFolder(folder: string): Promise<void> {
    try {
      await mkdir(folder, { recursive: true });
      await access(folder, constants.W_OK);
    } catch (error) {
      const advice = 'expected a folder that this process may write to, or no storage_directory';
      throw new Error(`${this.#settings.id}: storage_directory ${folder}: ${textOf(error)}: ${advice}`);
    }
  }

  async #load(): Promise<void> {
    const { logger, clock } = this.#settings;
    const path = this.#path;
    try {
      const problem = decodeState(await readFile(path), this.#model, clock.monotonic());
      if (problem === undefined) logger.info('goes on with what was learnt before', { path });
      else logger.warn('what was learnt before cannot be read and is learnt anew', { path, problem });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
      logger.warn('what was learnt before cannot be read and is learnt anew', { path, problem: textOf(error) });
    }
  }

  /** One after the other: two at once would write into the same file. */
  #save(): void {
    const bytes = encodeState(this.#model);
    this.#saving = this.#saving.then(() => this.#write(bytes));
  }

  async #write(bytes: Uint8Array): Promise<void> {
    const path = this.#path;
    try {
      const file = await open(`${path}.new`, 'w');
      try {
        await file.writeFile(bytes);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(`${path}.new`, path);
    } catch (error) {
      this.#settings.logger.warn('what was learnt could not be written down', { path, problem: textOf(error) });
    }
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
