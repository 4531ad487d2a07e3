import { define, type FunctionTable } from '../args.ts';
import { truncated } from '../convert.ts';
import { type Civil, civilOf, floorDivide } from '../time_text.ts';
import { Duration, Time } from '../values.ts';
import { parseDuration } from './duration.ts';

const SECOND = 1_000_000_000n;

/** Converters from and to moments and durations. */
export const timeConverters: FunctionTable = {
  Now: define('', (args) => {
    const { now } = args.scope.surroundings;
    return () => new Time(now());
  }),
  Duration: define('duration', (args) => {
    const duration = args.text('duration');
    return (scene) => new Duration(parseDuration(duration(scene)));
  }),
  Hours: parts(3_600_000_000_000n),
  Minutes: parts(60_000_000_000n),
  Seconds: parts(SECOND),
  Milliseconds: whole(1_000_000n),
  Microseconds: whole(1_000n),
  Nanoseconds: whole(1n),
  Unix: define('seconds, nanoseconds?', (args) => {
    const seconds = args.int('seconds');
    const nanoseconds = args.has('nanoseconds') ? args.int('nanoseconds') : () => 0n;
    return (scene) => new Time(seconds(scene) * SECOND + nanoseconds(scene));
  }),
  UnixNano: since(1n),
  UnixMicro: since(1_000n),
  UnixMilli: since(1_000_000n),
  UnixSeconds: since(SECOND),
  Year: field((at) => at.year),
  Month: field((at) => at.month),
  Day: field((at) => at.day),
  Hour: field((at) => at.hour),
  Minute: field((at) => at.minute),
  Second: field((at) => at.second),
  Nanosecond: field((at) => at.nanosecond),
  Weekday: field((at) => at.weekday),
  TruncateTime: define('time, duration', (args) => {
    const time = args.time('time');
    const duration = args.duration('duration');
    return (scene) => truncate(time(scene), duration(scene));
  }),
};

/** A duration as a float64 of units, by Go's two divisions. */
function parts(unit: bigint) {
  return define('duration', (args) => {
    const duration = args.duration('duration');
    return (scene) => {
      const { nanos } = duration(scene);
      return Number(nanos / unit) + Number(nanos % unit) / Number(unit);
    };
  });
}

function whole(unit: bigint) {
  return define('duration', (args) => {
    const duration = args.duration('duration');
    return (scene) => duration(scene).nanos / unit;
  });
}

/** Units since 1970, rounded down. */
function since(unit: bigint) {
  return define('time', (args) => {
    const time = args.time('time');
    return (scene) => BigInt.asIntN(64, floorDivide(time(scene).nanos, unit));
  });
}

function field(of: (at: Civil) => number) {
  return define('time', (args) => {
    const time = args.time('time');
    return (scene) => truncated(of(civilOf(time(scene))));
  });
}

/** The zero time of Go, the year 1, from which it counts multiples. */
const YEAR_ONE = -62_135_596_800n * SECOND;

function truncate(time: Time, { nanos }: Duration): Time {
  if (nanos <= 0n) return time;
  return new Time(time.nanos - ((time.nanos - YEAR_ONE) % nanos), time.zone);
}
