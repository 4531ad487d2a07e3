import { parseArgs } from 'node:util';
import { type Command, type ExitCode, UsageError, type Values } from './command.ts';
import { help } from './help.ts';
import { build } from './version.ts';

/** Each command is loaded when it is called, so that none pays for the others. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  run: async () => (await import('./commands/run.ts')).command,
  validate: async () => (await import('./commands/validate.ts')).command,
  components: async () => (await import('./commands/components.ts')).command,
  'print-config': async () => (await import('./commands/print_config.ts')).command,
  preview: async () => (await import('./commands/preview.ts')).command,
  backend: async () => (await import('./commands/backend.ts')).command,
  generate: async () => (await import('./commands/generate.ts')).command,
  test: async () => (await import('./commands/test.ts')).command,
  ottl: async () => (await import('./commands/ottl.ts')).command,
  tap: async () => (await import('./commands/tap.ts')).command,
  explain: async () => (await import('./commands/explain.ts')).command,
  replay: async () => (await import('./commands/replay.ts')).command,
  healthcheck: async () => (await import('./commands/healthcheck.ts')).command,
};

export async function main(argv: readonly string[]): Promise<ExitCode> {
  const named = argv[0] !== undefined && !argv[0].startsWith('-');
  const name = named ? argv[0]! : 'run';
  const rest = named ? argv.slice(1) : argv;
  if (name === 'help' || rest.includes('--help') || rest.includes('-h')) {
    process.stdout.write(help(name === 'help' ? rest[0] : named ? name : undefined));
    return 0;
  }
  if (name === 'version' || (!named && (rest.includes('--version') || rest.includes('-v')))) {
    process.stdout.write(
      `${build.name} ${build.version} (node ${process.version}, ${process.platform}-${process.arch})\n`,
    );
    return 0;
  }
  const load = Object.hasOwn(commands, name) ? commands[name] : undefined;
  try {
    if (!load)
      throw new UsageError(`unknown command ${JSON.stringify(name)}; commands: ${Object.keys(commands).join(', ')}`);
    const command = await load();
    const { values, positionals } = parse(command, rest);
    return await command.run(values, positionals);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`sluice: ${error.message}\nTry 'sluice --help'.\n`);
    return 2;
  }
}

function parse(command: Command, args: readonly string[]): { values: Values; positionals: readonly string[] } {
  let parsed: { values: Values; positionals: readonly string[] };
  try {
    parsed = parseArgs({ args: [...args], options: command.options, allowPositionals: true });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  const extra = parsed.positionals[command.positionals ?? 0];
  if (extra !== undefined) throw new UsageError(`unexpected argument ${JSON.stringify(extra)}`);
  return parsed;
}
