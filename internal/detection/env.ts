import { detectorKind, elsewhere, noFields } from './detector.ts';

/** Upstream's pattern: ASCII, at most 256 characters each, spaces around both are left out. Go's \s is narrower than ours. */
const pair = /[\t\n\f\r ]*([\0-\x7f]{1,256}?)[\t\n\f\r ]*=[\t\n\f\r ]*([\0-\x7f]{0,256}?)[\t\n\f\r ]*(?:,|$)/y;
const shownLength = 60;

/** `OTEL_RESOURCE_ATTRIBUTES`: `key=value,…`, values percent-encoded. */
export const env = detectorKind({
  name: 'env',
  attributes: {},
  fields: noFields,
  async detect({ surroundings }) {
    const variables = ['OTEL_RESOURCE_ATTRIBUTES', 'OTEL_RESOURCE'];
    const variable = variables.find((name) => surroundings.env[name]?.trim());
    if (variable === undefined) return elsewhere('OTEL_RESOURCE_ATTRIBUTES is not set');
    return { attributes: readPairs(variable, surroundings.env[variable]!.trim()), schemaUrl: '' };
  },
});

function readPairs(variable: string, text: string): Map<string, string> {
  const pairs = new Map<string, string>();
  const matcher = new RegExp(pair);
  while (matcher.lastIndex < text.length) {
    const from = matcher.lastIndex;
    const match = matcher.exec(text);
    if (!match) throw wrong(variable, text.slice(from), 'expected key=value pairs, joined by commas, in ASCII');
    pairs.set(
      match[1]!,
      decoded(match[2]!) ?? fail(wrong(variable, match[0], 'expected two hex digits behind each %')),
    );
  }
  return pairs;
}

/** As Go's url.QueryUnescape has it: + is a space, and bytes need not be UTF-8. */
function decoded(value: string): string | undefined {
  if (/%(?![0-9A-Fa-f]{2})/.test(value)) return undefined;
  const bytes = value
    .replaceAll('+', ' ')
    .replace(/%(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

function wrong(variable: string, text: string, wanted: string): Error {
  return new Error(`${variable}: ${wanted}, got ${JSON.stringify(text.slice(0, shownLength))}`);
}

function fail(error: Error): never {
  throw error;
}
