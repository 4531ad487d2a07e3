/** Files written from the zod declarations: `node cmd/dev/generated.ts` writes them, the check compares. */
import { readFileSync, writeFileSync } from 'node:fs';
import { jsonSchema } from '../../internal/config/json_schema.ts';
import { reference } from '../../internal/config/reference.ts';
import { metricsPage } from '../../internal/telemetry/catalogue.ts';
import { components } from '../sluice/components.ts';

async function generate(): Promise<ReadonlyMap<string, string>> {
  const factories = await Promise.all(components.map((entry) => entry.load()));
  return new Map([
    ['configs/schema.json', `${JSON.stringify(jsonSchema(factories), null, 2)}\n`],
    ['docs/reference.md', reference(factories)],
    ['docs/metrics.md', metricsPage()],
  ]);
}

/** @returns a line per generated file whose content is not what would be written now. */
export async function staleFiles(): Promise<string[]> {
  const stale: string[] = [];
  for (const [path, text] of await generate()) {
    let have = '';
    try {
      have = readFileSync(path, 'utf8');
    } catch {}
    if (have !== text) stale.push(`${path} is not what the declarations say: run 'node cmd/dev/generated.ts'`);
  }
  return stale;
}

if (import.meta.main) {
  for (const [path, text] of await generate()) {
    writeFileSync(path, text);
    console.log(`wrote ${path}`);
  }
}
