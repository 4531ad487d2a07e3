import type { Request, Response } from 'express';
import { expect, test } from 'vitest';
import type { RunningComponent } from '../core/component.ts';
import { qualityRoute } from './admin_quality.ts';

function ask(components: readonly RunningComponent[]): { status: number; body: unknown } {
  const answer = { status: 200, body: undefined as unknown };
  const response = {
    status(code: number) {
      answer.status = code;
      return response;
    },
    json(body: unknown) {
      answer.body = body;
    },
  };
  void qualityRoute(() => components).handle({} as Request, response as unknown as Response, () => {});
  return answer;
}

const row = (id: string, component: object) => ({ kind: 'processor', id, pipelines: ['traces'], component }) as const;

test('GET /quality has a report of each component that judges', () => {
  const report = { since: 5, services: [] };
  expect(ask([row('batch', {}), row('data_quality', { quality: () => report })])).toEqual({
    status: 200,
    body: { reports: [{ component: 'data_quality', pipeline: 'traces', ...report }] },
  });
});

test('without one it is a 404 that says what to add', () => {
  expect(ask([row('batch', {})])).toEqual({
    status: 404,
    body: { error: 'nothing that runs here judges telemetry: add data_quality, a processor or connector' },
  });
});
