import { type Command, configOptions } from '../command.ts';
import { load, printIssues } from '../load.ts';
import { serve } from '../serve.ts';
import { sourcesOf } from '../sources.ts';

export const command: Command = {
  options: configOptions,
  async run(values) {
    const loaded = await load(values);
    if (!loaded.ok) return printIssues(loaded.issues);
    return serve(loaded, () => load(values), sourcesOf(values).embedded);
  },
};
