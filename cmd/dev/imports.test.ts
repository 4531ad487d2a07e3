import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { wrongImports } from './imports.ts';

function check(files: Readonly<Record<string, string>>, want: readonly RegExp[]) {
  const root = mkdtempSync(join(tmpdir(), 'sluice-imports-'));
  try {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    const got = wrongImports(root);
    expect(got).toHaveLength(want.length);
    for (const [at, pattern] of want.entries()) expect(got[at]).toMatch(pattern);
  } finally {
    rmSync(root, { recursive: true });
  }
}

test('what the design allows passes', () => {
  check(
    {
      'internal/core/a.ts': "import type { P } from '../otlp/p.ts';",
      'internal/otlp/p.ts': "import { x } from './x.ts';",
      'receivers/r/index.ts': "import { z } from 'zod';\nimport { a } from '../../internal/net/a.ts';",
      'receivers/r/r.test.ts': "import { clock } from '../../internal/testkit/clock.ts';",
      'cmd/main.ts': "import { p } from '../internal/pipeline/p.ts';",
    },
    [],
  );
});

test('a component may not know a sibling, the pipeline or the testkit', () => {
  check({ 'receivers/r/index.ts': "import { a } from '../s/a.ts';" }, [/never imports a sibling/]);
  check({ 'receivers/r/index.ts': "import { a } from '../../internal/pipeline/a.ts';" }, [
    /component may not know pipeline/,
  ]);
  check({ 'receivers/r/index.ts': "import { a } from '../../internal/testkit/a.ts';" }, [/only tests and bench/]);
});

test('foundations stay at the bottom and free of packages', () => {
  check({ 'internal/otlp/a.ts': "import { a } from '../core/a.ts';" }, [/otlp may not know core/]);
  check({ 'internal/core/a.ts': "import { a } from '../otlp/a.ts';" }, [/types of otlp only/]);
  check({ 'internal/core/a.ts': "import { z } from 'zod';" }, [/no package/]);
  check({ 'internal/core/a.ts': "import {\n  z,\n} from 'zod';" }, [/no package/]);
});

test('cycles, export * and names that say nothing are reported', () => {
  check({ 'internal/net/a.ts': "import { b } from './b.ts';", 'internal/net/b.ts': "import { a } from './a.ts';" }, [
    /cycle: internal\/net\/a.ts -> /,
  ]);
  check({ 'internal/net/a.ts': "export * from './b.ts';" }, [/name each/]);
  check({ 'internal/net/utils.ts': '' }, [/nothing is called utils/]);
});
