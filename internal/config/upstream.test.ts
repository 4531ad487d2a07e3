import { expect, test } from 'vitest';
import type { Kind } from '../core/component.ts';
import { upstreamAdvice } from './upstream.ts';

const known: [Kind, string, string][] = [
  ['processor', 'k8sattributes', ''],
  ['processor', 'k8s_attributes', ''],
  ['exporter', 'aws_kinesis', ''],
  ['receiver', 'file_log', 'send the logs over OTLP for now'],
  ['extension', 'k8s_leader_elector', ''],
  ['processor', 'memory_ballast', 'Node needs no ballast: remove it'],
];
test.each(known)('the %s %s is known with or without underscores', (kind, type, want) =>
  expect(upstreamAdvice(kind, type)).toBe(want),
);

test('what upstream has under another kind, or not at all, is not known', () => {
  expect(upstreamAdvice('exporter', 'k8sattributes')).toBeUndefined();
  expect(upstreamAdvice('processor', 'baatch')).toBeUndefined();
  expect(upstreamAdvice('processor', '')).toBeUndefined();
});
