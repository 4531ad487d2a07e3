import type { ConnectorOutputs, Outputs } from '../core/component.ts';
import type { Consumer } from '../core/consumer.ts';

/** What a connector gets that feeds these pipelines, one of each signal at most in what it asks for. */
export function connectorOutputs(fed: Readonly<Record<string, Consumer>>): ConnectorOutputs {
  const select = (fits: (id: string) => boolean): Outputs =>
    Object.fromEntries(
      Object.entries(fed)
        .filter(([id]) => fits(id))
        .map(([id, consumer]) => [id.split('/')[0], consumer]),
    );
  return { all: select(() => true), pipeline: (id) => fed[id], select };
}
