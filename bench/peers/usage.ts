import { readFileSync } from 'node:fs';

/** What a process has used so far. */
export interface ProcessUsage {
  /** Resident memory now, bytes. */
  rssBytes: number;
  /** The highest resident memory so far, bytes. */
  peakRssBytes: number;
  /** User plus system time of all its threads, seconds; resolution 10 ms. */
  cpuSeconds: number;
}

// USER_HZ, the unit of utime and stime: 100 on every Linux architecture that Node runs on.
const TICKS_PER_SECOND = 100;

/**
 * Reads a process's usage from `/proc/<pid>/status` and `/proc/<pid>/stat` (proc(5)).
 *
 * @returns undefined when the process is gone, or where there is no /proc (macOS, Windows)
 */
export function processUsage(pid: number): ProcessUsage | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const rss = kilobytes(status, 'VmRSS');
    const peak = kilobytes(status, 'VmHWM');
    if (rss === undefined || peak === undefined) return undefined; // a zombie has no memory lines
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command name in parentheses may hold spaces: count from its end, where field 3 (state) follows.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const ticks = Number(fields[14 - 3]) + Number(fields[15 - 3]);
    return { rssBytes: rss * 1024, peakRssBytes: peak * 1024, cpuSeconds: ticks / TICKS_PER_SECOND };
  } catch {
    return undefined;
  }
}

function kilobytes(status: string, name: string): number | undefined {
  const match = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status);
  return match === null ? undefined : Number(match[1]);
}
