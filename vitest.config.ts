import { defineConfig } from 'vitest/config';

const exclude = ['**/node_modules/**', 'dist/**'];

// Real sockets and processes on a machine that others use too: one more try, and .ci/run names every test that needed it.
const ci = process.env.CI ? { retry: 1, reporters: ['default', './cmd/dev/ci_reporter.ts'] } : {};

// A condition that is waited for comes true at once, or late on a busy machine: vitest's own limit is a second.
const patient = { poll: { timeout: 15_000, interval: 20 } };

export default defineConfig({
  test: {
    ...ci,
    projects: [
      // Needs nothing but Node: what `npm test` runs.
      {
        test: {
          name: 'unit',
          expect: patient,
          include: ['**/*.test.ts'],
          exclude: [...exclude, '**/*.interop.test.ts', '**/*.backends.test.ts'],
          testTimeout: 60_000,
        },
      },
      // Needs Go, Java or Python for the peers; says what it skipped.
      {
        test: {
          name: 'interop',
          expect: patient,
          include: ['**/*.interop.test.ts'],
          exclude,
          testTimeout: 300_000,
          hookTimeout: 900_000,
          fileParallelism: false,
        },
      },
      // Needs the real Jaeger, Prometheus and Elasticsearch (bench/peers/backends); says what it skipped and why.
      {
        test: {
          name: 'backends',
          expect: patient,
          globalSetup: 'bench/peers/backends/setup.ts',
          include: ['**/*.backends.test.ts'],
          exclude,
          testTimeout: 300_000,
          hookTimeout: 900_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
