import type { Time } from './values.ts';

const SECOND = 1_000_000_000n;

/** A moment's civil date and time in its zone. */
export interface Civil {
  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly nanosecond: number;
  /** 0 is Sunday. */
  readonly weekday: number;
  /** Seconds east of UTC. */
  readonly offset: number;
}

/** Rounds down, also below zero. */
export function floorDivide(value: bigint, by: bigint): bigint {
  const quotient = value / by;
  return value % by < 0n ? quotient - 1n : quotient;
}

export function civilOf(time: Time): Civil {
  const seconds = floorDivide(time.nanos, SECOND);
  const nanosecond = Number(time.nanos - seconds * SECOND);
  const offset = offsetOf(time.zone, Number(seconds));
  const date = new Date((Number(seconds) + offset) * 1000);
  return {
    year: date.getUTCFullYear(),
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    hour: date.getUTCHours(),
    minute: date.getUTCMinutes(),
    second: date.getUTCSeconds(),
    nanosecond,
    weekday: date.getUTCDay(),
    offset,
  };
}

/** Seconds east of UTC of a zone (`UTC`, `+02:00`, `Europe/Berlin`) at a moment; throws RangeError for an unknown one. */
export function offsetOf(zone: string, seconds: number): number {
  if (zone === 'UTC' || zone === '') return 0;
  const fixed = /^([-+])(\d\d):?(\d\d)$/.exec(zone);
  if (fixed) return (fixed[1] === '-' ? -1 : 1) * (Number(fixed[2]) * 3600 + Number(fixed[3]) * 60);
  const parts = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' }).formatToParts(
    seconds * 1000,
  );
  const name = parts.find(({ type }) => type === 'timeZoneName')!.value;
  const [, sign, hours = '0', minutes = '0', rest = '0'] = /^GMT(?:([-+])(\d\d):(\d\d)(?::(\d\d))?)?$/.exec(name) ?? [];
  return (sign === '-' ? -1 : 1) * (Number(hours) * 3600 + Number(minutes) * 60 + Number(rest));
}

export function two(value: number): string {
  return String(value).padStart(2, '0');
}

/** `2006-01-02T15:04:05.999999999Z07:00`, as JSON writes times. */
export function rfc3339(time: Time): string {
  const at = civilOf(time);
  const fraction = at.nanosecond === 0 ? '' : `.${String(at.nanosecond).padStart(9, '0').replace(/0+$/, '')}`;
  const date = `${String(at.year).padStart(4, '0')}-${two(at.month)}-${two(at.day)}`;
  return `${date}T${two(at.hour)}:${two(at.minute)}:${two(at.second)}${fraction}${offsetText(at.offset, ':')}`;
}

/** `Z` for UTC, otherwise `+02:00`. */
export function offsetText(offset: number, colon: string): string {
  return offset === 0 ? 'Z' : signedOffset(offset, colon);
}

export function signedOffset(offset: number, colon: string): string {
  const minutes = Math.floor(Math.abs(offset) / 60);
  return `${offset < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}${colon}${two(minutes % 60)}`;
}
