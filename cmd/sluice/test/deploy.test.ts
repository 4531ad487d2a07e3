import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { catalogue } from '../../../internal/telemetry/catalogue.ts';

/*
 * Dashboards and alerts against the catalogue of our own metrics, itself compared with what the code counts. That Prometheus takes
 * the rules, and that they fire, deploy.backends.test.ts shows. Nothing here shows that Grafana draws the dashboards.
 */

const deploy = 'deploy/backends';
const dashboards = readdirSync(join(deploy, 'grafana/dashboards')).map((name) =>
  join(deploy, 'grafana/dashboards', name),
);

interface Expression {
  readonly where: string;
  readonly text: string;
}

/** Every PromQL expression in the file. */
function expressions(path: string): Expression[] {
  const found: Expression[] = [];
  const walk = (value: unknown, where: string): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [key, inner] of Object.entries(value)) {
      if ((key === 'expr' || key === 'definition') && typeof inner === 'string')
        found.push({ where: `${where}.${key}`, text: inner });
      else walk(inner, `${where}.${key}`);
    }
  };
  walk(parse(readFileSync(path, 'utf8')), path);
  return found;
}

/** A name as scraped, to its entry: a histogram has three. */
const scraped = new Map<string, (typeof catalogue)[number]>();
for (const entry of catalogue) {
  if (entry.type !== 'histogram') scraped.set(entry.name, entry);
  else for (const part of ['_bucket', '_sum', '_count']) scraped.set(entry.name + part, entry);
}

/** Labels that Prometheus adds itself. */
const added = ['instance', 'job', 'le'];

test.each([...dashboards, join(deploy, 'alerts.yml')])('%s names metrics and labels that there are', (path) => {
  const all = expressions(path);
  expect(all.length).toBeGreaterThan(5);
  for (const { where, text } of all) {
    const names = text.match(/\b(?:otelcol|sluice)_\w+/g) ?? [];
    for (const name of names) expect(scraped.has(name), `${where}: ${name}`).toBe(true);
    if (names.length === 0) continue;
    const labels = names.flatMap((name) => scraped.get(name)?.labels ?? []);
    const used = [...text.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list]) => list!.split(/,\s*/));
    const matched = [...text.matchAll(/[{,]\s*(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label]) => label!);
    for (const label of [...used, ...matched]) expect([...labels, ...added], `${where}: ${label}`).toContain(label);
  }
});

test('rules use only what the rules before them record', () => {
  const { groups } = parse(readFileSync(join(deploy, 'alerts.yml'), 'utf8')) as any;
  const rules = groups.flatMap((group: any) => group.rules);
  const recorded = new Set(rules.map(({ record }: any) => record).filter(Boolean));
  const used = rules.flatMap(({ expr }: any) => expr.match(/\bsluice:\w+:\w+/g) ?? []);
  expect(used.length).toBeGreaterThan(0);
  for (const name of used) expect(recorded).toContain(name);
  // Adding up a rate of several names at once fails as soon as two of them have the same labels.
  for (const { expr } of rules) expect(expr).not.toMatch(/__name__/);
});

test('panels do not overlap and have an id of their own', () => {
  for (const path of dashboards) {
    const { panels, uid } = JSON.parse(readFileSync(path, 'utf8'));
    expect(uid).toMatch(/^sluice/);
    expect(new Set(panels.map(({ id }: any) => id)).size).toBe(panels.length);
    const taken = new Set<string>();
    for (const { gridPos, title } of panels) {
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(x, title).toBeLessThan(24);
          expect(taken.has(`${x},${y}`), `${path}: ${title}`).toBe(false);
          taken.add(`${x},${y}`);
        }
      }
    }
  }
});

test('the compose file mounts what is there, and leads Sluice to the backends by name', () => {
  const { services } = parse(readFileSync(join(deploy, 'compose.yaml'), 'utf8'));
  for (const { volumes = [] } of Object.values<any>(services)) {
    for (const volume of volumes as string[]) {
      const [from] = volume.split(':') as [string];
      if (from.startsWith('.')) expect(existsSync(join(deploy, from)), volume).toBe(true);
    }
  }
  const config = readFileSync('configs/backends_all.yaml', 'utf8');
  for (const [name, value] of Object.entries<string>(services.sluice.environment)) {
    expect(config).toContain(`\${env:${name}:-`);
    const host = /^(?:http:\/\/)?([a-z]+):\d+/.exec(value)?.[1];
    if (host) expect(Object.keys(services)).toContain(host);
  }
});
