/** Whether this is a name of the IANA time zone database; empty is UTC, as in Go. */
export function isTimezone(name: string): boolean {
  try {
    formatOf(name);
    return true;
  } catch {
    return false;
  }
}

function formatOf(timezone: string): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat('en', {
    ...(timezone === 'Local' ? {} : { timeZone: timezone || 'UTC' }),
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    timeZoneName: 'longOffset',
  });
}

/** @returns what writes wall time in milliseconds as RFC 3339 to the second: `2006-01-02T15:04:05+07:00`, `Z` for UTC */
export function timestampsIn(timezone: string): (ms: number) => string {
  const format = formatOf(timezone);
  let second = Number.NaN;
  let text = '';
  return (ms) => {
    const now = Math.floor(ms / 1000);
    if (now !== second) {
      second = now;
      const part: Partial<Record<string, string>> = {};
      for (const { type, value } of format.formatToParts(now * 1000)) part[type] = value;
      const [offset = '+00:00'] = /[+-]\d\d:\d\d/.exec(part.timeZoneName ?? '') ?? [];
      const date = `${part.year}-${part.month}-${part.day}`;
      text = `${date}T${part.hour}:${part.minute}:${part.second}${offset === '+00:00' ? 'Z' : offset}`;
    }
    return text;
  };
}
