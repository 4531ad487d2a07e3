import { printConfig } from '../../../internal/config/print.ts';
import { type Command, configOptions } from '../command.ts';
import { load, printIssues } from '../load.ts';

export const command: Command = {
  options: configOptions,
  async run(values) {
    const loaded = await load(values);
    if (!loaded.ok) return printIssues(loaded.issues);
    printIssues(loaded.warnings, 'warning');
    process.stdout.write(printConfig(loaded.config));
    return 0;
  },
};
