import type { RunningComponent } from '../core/component.ts';
import type { AdminRoute } from './admin.ts';

/** `GET /quality`: what each component that judges telemetry found, in the order in which components run. */
export function qualityRoute(components: () => readonly RunningComponent[]): AdminRoute {
  return {
    method: 'get',
    path: '/quality',
    handle(_request, response) {
      const reports = components().flatMap(({ id, pipelines, component }) => {
        const report = component.quality?.();
        return report ? [{ component: id, pipeline: pipelines[0] ?? '', ...report }] : [];
      });
      if (reports.length > 0) response.json({ reports });
      else
        response
          .status(404)
          .json({ error: 'nothing that runs here judges telemetry: add data_quality, a processor or connector' });
    },
  };
}
