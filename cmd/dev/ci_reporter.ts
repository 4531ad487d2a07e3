import type { Reporter, TestCase, TestModule } from 'vitest/node';

/** For .ci/run, whose log may be seen by its end alone: one line for each test that failed, or passed only when tried again. */
export default class CiReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    for (const module of modules) {
      for (const error of module.errors()) say('FAILED', module.relativeModuleId, error.message);
      for (const test of module.children.allTests()) tell(test);
    }
  }
}

function tell(test: TestCase): void {
  const { state, errors } = test.result();
  const name = `${test.module.relativeModuleId} > ${test.fullName}`;
  if (state === 'failed') say('FAILED', name, errors?.[0]?.message);
  else if (test.diagnostic()?.flaky) say('SECOND TRY', name, errors?.[0]?.message);
}

function say(what: string, where: string, why = ''): void {
  process.stdout.write(`${what} ${where}: ${why.split('\n', 1)[0]!.slice(0, 300)}\n`);
}
