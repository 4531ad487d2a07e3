/**
 * The tracestate header of W3C Trace Context, read as strictly as the OpenTelemetry API for Go does: one that has
 * anything invalid in it has no values at all.
 * Source: https://www.w3.org/TR/trace-context-1/#tracestate-header
 */
const simpleKey = /^[a-z][a-z0-9_\-*/]{0,255}$/;
const tenantKey = /^[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13}$/;
const value = /^[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;
const maxMembers = 32;

/** @returns the value of the key; undefined where there is none, or the text is no tracestate */
export function traceStateValue(text: string, key: string): string | undefined {
  const members = new Map<string, string>();
  // One by one: a text of a million commas is no reason to make a million texts.
  for (let from = 0; from < text.length; ) {
    const comma = text.indexOf(',', from);
    const member = text.slice(from, comma < 0 ? text.length : comma);
    from += member.length + 1;
    if (member === '') continue;
    const equals = member.indexOf('=');
    if (equals < 0) return undefined;
    const name = member.slice(0, equals).replace(/^[ \t]+/, '');
    const content = member.slice(equals + 1).replace(/[ \t]+$/, '');
    if (!(simpleKey.test(name) || tenantKey.test(name)) || !value.test(content)) return undefined;
    if (members.has(name) || members.size === maxMembers) return undefined;
    members.set(name, content);
  }
  return members.get(key);
}
