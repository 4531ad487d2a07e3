import type { Factory } from '../../../internal/core/component.ts';
import type { Command } from '../command.ts';
import { components } from '../components.ts';

export const command: Command = {
  options: { json: { type: 'boolean' } },
  async run(values) {
    const factories = await Promise.all(components.map((entry) => entry.load()));
    const rows = factories.map(describe);
    process.stdout.write(values.json ? `${JSON.stringify(rows, null, 2)}\n` : table(rows));
    return 0;
  },
};

function describe(factory: Factory) {
  const { kind, type, aliases = [], signals, stability, summary } = factory;
  return { kind, type, aliases, signals, stability, summary };
}

type Row = ReturnType<typeof describe>;

function table(rows: readonly Row[]): string {
  const width = Math.max(...rows.map((row) => row.type.length)) + 2;
  const lines: string[] = [];
  for (const kind of ['receiver', 'processor', 'exporter', 'connector', 'extension']) {
    lines.push(`${kind}s`);
    for (const row of rows.filter((each) => each.kind === kind)) {
      const also = row.aliases.length > 0 ? ` (also ${row.aliases.join(', ')})` : '';
      const signals = row.signals.length > 0 ? row.signals.join(' ') : '-';
      lines.push(`  ${row.type.padEnd(width)}${row.stability.padEnd(13)}${signals.padEnd(21)}${row.summary}${also}`);
    }
    lines.push('');
  }
  return lines.join('\n');
}
