const MAX_MEMBERS = 32;
const key = /^(?:[a-z][_0-9a-z\-*/]{0,255}|[a-z0-9][_0-9a-z\-*/]{0,240}@[a-z][_0-9a-z\-*/]{0,13})$/;
const value = /^[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;

/** The members in order; undefined where the text is no trace state. Source: https://www.w3.org/TR/trace-context/#tracestate-header */
function membersOf(text: string): [string, string][] | undefined {
  const members: [string, string][] = [];
  if (text === '') return members;
  for (const part of text.split(',')) {
    const member = part.replace(/^[ \t]+|[ \t]+$/g, '');
    if (member === '') continue;
    const equals = member.indexOf('=');
    const name = member.slice(0, equals);
    const said = member.slice(equals + 1);
    if (equals < 0 || !key.test(name) || !value.test(said) || members.some(([other]) => other === name))
      return undefined;
    members.push([name, said]);
  }
  return members.length > MAX_MEMBERS ? undefined : members;
}

/** The member's value, empty where there is none; nil where `text` is no trace state. */
export function memberOf(text: string, name: string): string | undefined {
  const members = membersOf(text);
  return members && (members.find(([other]) => other === name)?.[1] ?? '');
}

/** `text` with the member set and moved to the front; undefined where that cannot be written. */
export function insertMember(text: string, name: string, said: string): string | undefined {
  const members = membersOf(text);
  if (!members || !key.test(name) || !value.test(said)) return undefined;
  const rest = members.filter(([other]) => other !== name).slice(0, MAX_MEMBERS - 1);
  return [[name, said], ...rest].map((member) => member.join('=')).join(',');
}
