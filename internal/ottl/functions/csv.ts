import { fail } from '../values.ts';

/**
 * The fields of one record. Line breaks outside of quotes belong to the field they stand in, since the text is one
 * value. Source: RFC 4180; @param lazy accepts quotes anywhere
 */
export function parseCsvRow(text: string, comma: string, lazy: boolean): string[] {
  const rows = rowsOf(text, comma, lazy);
  if (rows.length === 0) fail('an empty text is no CSV');
  const [joined, ...rest] = rows as [string[], ...string[][]];
  for (const row of rest) {
    joined[joined.length - 1] += `\n${row[0]}`;
    joined.push(...row.slice(1));
  }
  return joined;
}

function rowsOf(text: string, comma: string, lazy: boolean): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let pos = 0;
  while (pos < text.length) {
    if (row.length === 0 && (text[pos] === '\n' || text.startsWith('\r\n', pos))) {
      pos += text[pos] === '\n' ? 1 : 2;
      continue;
    }
    const [field, end] = text[pos] === '"' ? quotedField(text, pos, comma, lazy) : bareField(text, pos, comma, lazy);
    row.push(field);
    pos = end;
    if (text.startsWith(comma, pos)) {
      pos += comma.length;
      // A delimiter at the end of the line is followed by an empty field.
      if (pos < text.length && text[pos] !== '\n') continue;
      row.push('');
    }
    rows.push(row);
    row = [];
    pos += text[pos] === '\r' ? 2 : 1;
  }
  return rows;
}

function bareField(text: string, start: number, comma: string, lazy: boolean): [string, number] {
  let end = start;
  while (end < text.length && text[end] !== '\n' && !text.startsWith(comma, end)) {
    if (text[end] === '"' && !lazy) fail('a quote stands inside a field without quotes');
    end++;
  }
  const carriage = text[end] === '\n' && text[end - 1] === '\r' && end > start ? end - 1 : end;
  return [text.slice(start, carriage), carriage];
}

function quotedField(text: string, start: number, comma: string, lazy: boolean): [string, number] {
  let field = '';
  for (let pos = start + 1; pos < text.length; pos++) {
    if (text[pos] !== '"') {
      field += text[pos];
      continue;
    }
    const next = pos + 1;
    if (text[next] === '"') {
      field += '"';
      pos = next;
    } else if (
      next === text.length ||
      text[next] === '\n' ||
      text.startsWith('\r\n', next) ||
      text.startsWith(comma, next)
    ) {
      return [field, next];
    } else if (lazy) field += '"';
    else fail('a quote inside a quoted field is not doubled');
  }
  if (!lazy) fail('a quoted field is not closed');
  return [field, text.length];
}
