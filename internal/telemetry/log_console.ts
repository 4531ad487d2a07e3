const colors: Record<string, string> = { debug: '35', info: '34', warn: '33', error: '31' };

/**
 * One record as a line for people:
 * `2026-01-02T03:04:05.678Z  info  exporters/otlp  backend unreachable, retrying  {"held": 512}`
 */
export function consoleLine(record: Record<string, unknown>, color: boolean): string {
  const {
    level,
    ts,
    msg,
    'otelcol.component.kind': kind,
    'otelcol.component.id': id,
    'otelcol.pipeline.id': pipeline,
    'otelcol.signal': signal,
    ...fields
  } = record;
  const parts = [String(ts), paint(String(level), color ? colors[String(level)] : undefined)];
  if (id !== undefined) {
    // A processor has an instance in each pipeline, an exporter one per signal.
    const where = pipeline ?? signal;
    parts.push(printable(`${kind === undefined ? '' : `${kind}s/`}${id}${where === undefined ? '' : ` (${where})`}`));
  } else {
    if (pipeline !== undefined) parts.push(printable(String(pipeline)));
    if (signal !== undefined) fields['otelcol.signal'] = signal;
    if (kind !== undefined) fields['otelcol.component.kind'] = kind;
  }
  parts.push(printable(String(msg)));
  if (Object.keys(fields).length > 0) parts.push(spaced(fields));
  return `${parts.join('  ')}\n`;
}

function paint(text: string, code: string | undefined): string {
  return code ? `\u001b[${code}m${text}\u001b[0m` : text;
}

/** Text from outside must not break the line or steer the terminal. */
function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the purpose
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, (char) =>
    char === '\n' ? '\\n' : char === '\t' ? ' ' : `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** JSON with a space after colons and commas, as upstream's console encoding. */
function spaced(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(spaced).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(
      ([name, inner]) => `${printable(JSON.stringify(name))}: ${spaced(inner)}`,
    );
    return `{${entries.join(', ')}}`;
  }
  return printable(JSON.stringify(value) ?? 'null');
}
