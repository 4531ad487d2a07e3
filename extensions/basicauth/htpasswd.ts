import { hash, timingSafeEqual } from 'node:crypto';
import { apr1 } from './apr1.ts';
import { type Bcrypt, parseBcrypt } from './bcrypt.ts';

/** Whether a password is the one that was written down. */
export type Verify = (password: string) => boolean | Promise<boolean>;

/** Above this a single check takes seconds of CPU time. */
const maxBcryptCost = 14;

/**
 * Reads lines of `user:hash` as Apache's htpasswd writes them; `#` starts a comment. A later line wins.
 * @param bcrypt made only where it is needed
 * @throws Error that names the line and what is wrong with it
 */
export function parseHtpasswd(text: string, bcrypt: () => Bcrypt): ReadonlyMap<string, Verify> {
  const users = new Map<string, Verify>();
  for (const [index, line] of text.split('\n').entries()) {
    const entry = line.trim();
    if (entry === '' || entry.startsWith('#')) continue;
    const colon = entry.indexOf(':');
    if (colon < 1) throw new Error(`line ${index + 1}: expected user:password or user:hash`);
    const user = entry.slice(0, colon);
    const verify = verifier(entry.slice(colon + 1), bcrypt);
    if (typeof verify === 'string') throw new Error(`line ${index + 1}, user ${user}: ${verify}`);
    users.set(user, verify);
  }
  return users;
}

/** @returns what is wrong, as text; what looks like a hash is never taken for a plain password */
function verifier(hashed: string, bcrypt: () => Bcrypt): Verify | string {
  if (hashed === '') return 'expected a password or a hash after the colon';
  if (hashed.startsWith('{SHA}')) return sha1(hashed.slice('{SHA}'.length), 0);
  if (hashed.startsWith('{SSHA}')) return sha1(hashed.slice('{SSHA}'.length), 1);
  if (/^\$2[a-z]?\$/.test(hashed)) return bcrypted(hashed, bcrypt);
  if (hashed.startsWith('$apr1$')) {
    const [, , salt, digest] = hashed.split('$');
    if (!salt || salt.length > 8 || digest?.length !== 22) return 'expected $apr1$salt$ and 22 characters';
    return (password) => same(apr1(password, salt), digest);
  }
  if (/^(\$\w+\$|\{\w+\})/.test(hashed)) {
    const scheme = /^(\$\w+\$|\{\w+\})/.exec(hashed)![0];
    return `hashes of kind ${scheme} are not supported; expected bcrypt (htpasswd -B), $apr1$ (htpasswd -m), {SHA}, {SSHA} or plain text`;
  }
  return (password) => same(password, hashed);
}

/** Base64 of the 20 bytes of SHA-1, and with {SSHA} of a salt after them. */
function sha1(base64: string, minSalt: number): Verify | string {
  const bytes = Buffer.from(base64, 'base64');
  if (bytes.length < 20 + minSalt || (minSalt === 0 && bytes.length !== 20))
    return 'expected the base64 of a SHA-1 digest';
  const digest = bytes.subarray(0, 20);
  const salt = bytes.subarray(20);
  return (password) => timingSafeEqual(hash('sha1', Buffer.concat([Buffer.from(password), salt]), 'buffer'), digest);
}

function bcrypted(hashed: string, bcrypt: () => Bcrypt): Verify | string {
  const parsed = parseBcrypt(hashed);
  if (!parsed) return 'expected $2y$, two digits, and 53 characters';
  if (parsed.cost > maxBcryptCost) {
    return `bcrypt cost ${parsed.cost} takes seconds for each check; use at most ${maxBcryptCost} (htpasswd -B -C 10)`;
  }
  const hasher = bcrypt();
  return async (password) => timingSafeEqual(await hasher.digest(password, parsed.salt, parsed.cost), parsed.digest);
}

/** Digests have equal lengths whatever the texts have, so that their comparison tells nothing. */
function same(a: string, b: string): boolean {
  return timingSafeEqual(hash('sha256', a, 'buffer'), hash('sha256', b, 'buffer'));
}
