import { basename } from 'node:path';
import { detectorKind, found, noFields } from './detector.ts';

/** Ours, not upstream's: the collector's own process. Arguments may tell secrets, so that they are off. */
export const ownProcess = detectorKind({
  name: 'process',
  attributes: {
    'process.pid': true,
    'process.parent_pid': false,
    'process.executable.name': true,
    'process.executable.path': true,
    'process.command': false,
    'process.command_args': false,
    'process.command_line': false,
    'process.runtime.name': true,
    'process.runtime.version': true,
  },
  fields: noFields,
  async detect({ surroundings: { process } }) {
    const args = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
    return found({
      'process.pid': BigInt(process.pid),
      'process.parent_pid': BigInt(process.ppid),
      'process.executable.name': basename(process.execPath),
      'process.executable.path': process.execPath,
      'process.command': args[0],
      'process.command_args': args,
      'process.command_line': args.join(' '),
      'process.runtime.name': 'nodejs',
      'process.runtime.version': process.version.replace(/^v/, ''),
    });
  },
});
