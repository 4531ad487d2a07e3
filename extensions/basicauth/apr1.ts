import { hash } from 'node:crypto';

const alphabet = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/**
 * Apache's salted MD5, as `htpasswd -m` and `openssl passwd -apr1` write it.
 * https://httpd.apache.org/docs/2.4/misc/password_encryptions.html
 * @returns the 22 characters after the salt
 */
export function apr1(password: string, salt: string): string {
  const secret = Buffer.from(password, 'utf8');
  const salted = Buffer.from(salt, 'latin1');
  const inner = md5(secret, salted, secret);

  const first: Buffer[] = [secret, Buffer.from('$apr1$'), salted];
  for (let left = secret.length; left > 0; left -= 16) first.push(inner.subarray(0, Math.min(16, left)));
  for (let bits = secret.length; bits > 0; bits >>= 1) {
    first.push(bits & 1 ? Buffer.from([0]) : secret.subarray(0, 1));
  }

  let digest = md5(...first);
  for (let round = 0; round < 1000; round++) {
    const parts = [round & 1 ? secret : digest];
    if (round % 3 !== 0) parts.push(salted);
    if (round % 7 !== 0) parts.push(secret);
    parts.push(round & 1 ? digest : secret);
    digest = md5(...parts);
  }
  return spell(digest);
}

function md5(...parts: readonly Uint8Array[]): Buffer {
  return hash('md5', Buffer.concat(parts), 'buffer');
}

/** The bytes in the order that Poul-Henning Kamp gave them, six bits a character, lowest first. */
function spell(digest: Buffer): string {
  const groups = [
    [0, 6, 12],
    [1, 7, 13],
    [2, 8, 14],
    [3, 9, 15],
    [4, 10, 5],
  ] as const;
  const threes = groups.map(([a, b, c]) => six((digest[a]! << 16) | (digest[b]! << 8) | digest[c]!, 4));
  return threes.join('') + six(digest[11]!, 2);
}

function six(value: number, characters: number): string {
  let text = '';
  for (let i = 0; i < characters; i++) text += alphabet[(value >> (6 * i)) & 63];
  return text;
}
