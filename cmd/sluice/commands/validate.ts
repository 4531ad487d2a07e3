import { type Command, configOptions } from '../command.ts';
import { load, printIssues } from '../load.ts';

export const command: Command = {
  options: { ...configOptions, strict: { type: 'boolean' } },
  async run(values) {
    const loaded = await load(values);
    if (!loaded.ok) return printIssues(loaded.issues);
    if (values.strict && loaded.warnings.length > 0) return printIssues(loaded.warnings);
    printIssues(loaded.warnings, 'warning');
    const { pipelines } = loaded.config.service;
    process.stdout.write(
      `The configuration is valid: ${pipelines.size} ${pipelines.size === 1 ? 'pipeline' : 'pipelines'} (${[...pipelines.keys()].join(', ')}).\n`,
    );
    return 0;
  },
};
