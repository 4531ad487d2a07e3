import { backendScenarios } from './backends.ts';
import { fanOut } from './fan_out.ts';
import { idle } from './idle.ts';
import { noop } from './noop.ts';
import { processingScenarios } from './processing.ts';
import { samplingScenarios } from './sampling.ts';
import type { Scenario } from './scenario.ts';
import { slowBackend } from './slow_backend.ts';
import { steady } from './steady.ts';
import { throughputScenarios } from './throughput.ts';

export const SCENARIOS: readonly Scenario[] = [
  noop,
  ...throughputScenarios,
  steady,
  slowBackend,
  idle,
  ...processingScenarios,
  ...samplingScenarios,
  ...backendScenarios,
  fanOut,
];
