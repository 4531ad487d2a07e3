import type { RunningComponent } from '../core/component.ts';
import type { Explanation } from '../core/explain.ts';
import type { AdminRoute } from './admin.ts';

/** `GET /explain/<trace id>` where somebody knows the trace (200). */
export interface Explained {
  readonly traceId: string;
  /** In the order in which components run; those that do not know the trace are left out. */
  readonly explanations: readonly Explanation[];
}

/** Where nobody does (404), and for a malformed id (400). */
export interface Unexplained {
  readonly error: string;
  /** Whom we asked, with the wall time (milliseconds since 1970) from which on they know every trace, where they tell it. */
  readonly asked?: readonly { readonly component: string; readonly pipeline: string; readonly since?: number }[];
}

export function explainRoute(components: () => readonly RunningComponent[]): AdminRoute {
  return {
    method: 'get',
    path: '/explain/:traceId',
    handle(request, response) {
      const { status, body } = explain(String(request.params.traceId), components());
      response.status(status).json(body);
    },
  };
}

export function explain(
  id: string,
  components: readonly RunningComponent[],
): { status: 200; body: Explained } | { status: 400 | 404; body: Unexplained } {
  const traceId = id.toLowerCase();
  if (!/^[0-9a-f]{32}$/.test(traceId)) {
    return {
      status: 400,
      body: { error: `expected a trace id of 32 hex digits, got ${JSON.stringify(id.slice(0, 80))}` },
    };
  }
  const able = components.filter(({ component }) => component.explain);
  const explanations = able.flatMap(({ component }) => component.explain?.(traceId) ?? []);
  if (explanations.length > 0) return { status: 200, body: { traceId, explanations } };
  const asked = able.map(({ component, id, pipelines }) => {
    const since = component.explainsSince?.();
    return { component: id, pipeline: pipelines[0] ?? '', ...(since !== undefined && { since }) };
  });
  return { status: 404, body: { error: unknown(traceId, asked), asked } };
}

function unknown(traceId: string, asked: NonNullable<Unexplained['asked']>): string {
  if (asked.length === 0) {
    return 'nothing that runs here logs decisions: tail_sampling does, and error_biased_sampler in tail mode; other samplers decide on each span as it passes';
  }
  const whom = asked.map(({ component, pipeline, since }) => {
    const memory = since === undefined ? '' : `, which remembers back to ${new Date(since).toISOString()}`;
    return `${component} (${pipeline})${memory}`;
  });
  return `no sampler knows trace ${traceId}: asked ${whom.join('; ')}. It never arrived here, went through another instance, or is forgotten by now`;
}
