import { define, type FunctionTable } from '../args.ts';
import { truncated } from '../convert.ts';
import { type Civil, civilOf, floorDivide } from '../time_text.ts';
import { Duration, fail, Time } from '../values.ts';
import { parseDuration } from './duration.ts';
import { formatTime, parseTime, TimeFormatError, timeFormat } from './strptime.ts';

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
  FormatTime: define('time, format', (args) => {
    const time = args.time('time');
    const format = formatFrom(args.literalText('format')!, (why) => args.refuse('format', why));
    return (scene) => formatTime(format, time(scene));
  }),
  Time: define('time, format, location?, locale?', (args) => {
    const text = args.text('time');
    const format = formatFrom(args.literalText('format')!, (why) => args.refuse('format', why));
    const zone = args.literalText('location') ?? 'UTC';
    if (!isZone(zone)) args.refuse('location', `unknown time zone ${zone}`);
    const locale = args.literalText('locale');
    if (locale !== undefined && !/^en\b/i.test(locale))
      args.refuse('locale', 'only English names of days and months are supported');
    return (scene) => {
      const said = text(scene);
      if (said === '') fail('an empty text is no time');
      return parseTime(format, said, zone);
    };
  }),
};

function formatFrom(format: string, refuse: (why: string) => never) {
  try {
    return timeFormat(format);
  } catch (thrown) {
    if (thrown instanceof TimeFormatError) refuse(thrown.message);
    throw thrown;
  }
}

function isZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}

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
