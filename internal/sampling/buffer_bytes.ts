import { totalmem } from 'node:os';

const mib = 2 ** 20;
const mostMib = 1024;

/**
 * What a trace buffer may take where the configuration does not say: a quarter of the memory of the container or machine,
 * at most 1024 MiB. 50,000 traces of 20 spans of 500 bytes, for which upstream's defaults are made, take half of that.
 *
 * @param constrained bytes that the container grants; 0, or more than there are, for no limit
 */
export function defaultBufferBytes(constrained = process.constrainedMemory(), machine = totalmem()): number {
  const total = constrained > 0 ? Math.min(constrained, machine) : machine;
  return Math.min(mostMib * mib, Math.floor(total / 4));
}
