import { trimSpace } from '../text.ts';

/** As Go does: one character becomes one character. */
export function lowerCase(text: string): string {
  return isAscii(text) ? text.toLowerCase() : Array.from(text, (one) => [...one.toLowerCase()][0]!).join('');
}

export function upperCase(text: string): string {
  if (isAscii(text)) return text.toUpperCase();
  return Array.from(text, (one) => {
    const upper = one.toUpperCase();
    return [...upper].length === 1 ? upper : one;
  }).join('');
}

function isAscii(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the range of ASCII begins with them
  return /^[\x00-\x7f]*$/.test(text);
}

const isCap = (letter: string) => letter >= 'A' && letter <= 'Z';
const isLow = (letter: string) => letter >= 'a' && letter <= 'z';
const isDigit = (letter: string) => letter >= '0' && letter <= '9';

/** `JSONData v2` becomes `json_data_v_2`: a new word where the kind of letter changes. */
export function snakeCase(text: string): string {
  const letters = trimSpace(text);
  let out = '';
  for (let i = 0; i < letters.length; i++) {
    const letter = letters[i]!;
    const next = letters[i + 1] ?? '';
    const lower = isCap(letter) ? letter.toLowerCase() : letter;
    const cap = isCap(letter);
    const low = isLow(letter);
    const digit = isDigit(letter);
    const turns =
      (cap && (isLow(next) || isDigit(next))) ||
      (low && (isCap(next) || isDigit(next))) ||
      (digit && (isCap(next) || isLow(next)));
    if (turns) {
      if (cap && isLow(next) && i > 0 && isCap(letters[i - 1]!)) out += '_';
      out += lower;
      if (low || digit || isDigit(next)) out += '_';
    } else out += /[ _.-]/.test(letter) ? '_' : lower;
  }
  return out;
}

/** `some_name` becomes `SomeName`; other signs than letters and digits go. */
export function camelCase(text: string): string {
  let letters = trimSpace(text);
  if (letters === 'ID') letters = 'id';
  let out = '';
  let capital = true;
  let afterCap = false;
  for (const letter of letters) {
    const cap = isCap(letter);
    const low = isLow(letter);
    let said = letter;
    if (capital && low) said = letter.toUpperCase();
    else if (!capital && afterCap && cap) said = letter.toLowerCase();
    afterCap = cap;
    if (cap || low) {
      out += said;
      capital = false;
    } else if (isDigit(letter)) {
      out += letter;
      capital = true;
    } else capital = /[ _.-]/.test(letter);
  }
  return out;
}
