import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { BROKEN, HpackDecoder, OVER_LIMIT } from './decoder.ts';
import { encodeHeaders } from './encoder.ts';
import { decodeHuffman } from './huffman.ts';

const LIMIT = 64 * 1024;
const hex = (digits: string) => Buffer.from(digits.replace(/\s/g, ''), 'hex');

function decode(decoder: HpackDecoder, block: Buffer, limit = LIMIT): string[] | string {
  const status = decoder.decode(block, 0, block.length, limit);
  if (status === BROKEN) return 'broken';
  if (status === OVER_LIMIT) return 'over the limit';
  return decoder.fields.map(({ name, value }) => `${name}: ${value}`);
}

const getRequest = [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com'];
const secondRequest = [...getRequest, 'cache-control: no-cache'];
const thirdRequest = [
  ':method: GET',
  ':scheme: https',
  ':path: /index.html',
  ':authority: www.example.com',
  'custom-key: custom-value',
];

test('RFC 7541 C.2: each representation alone', () => {
  const check = (block: string, want: string) => expect(decode(new HpackDecoder(), hex(block))).toEqual([want]);
  check('400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572', 'custom-key: custom-header');
  check('040c 2f73 616d 706c 652f 7061 7468', ':path: /sample/path');
  check('1008 7061 7373 776f 7264 0673 6563 7265 74', 'password: secret');
  check('82', ':method: GET');
});

test('RFC 7541 C.3: three requests on one connection', () => {
  const decoder = new HpackDecoder();
  expect(decode(decoder, hex('8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d'))).toEqual(getRequest);
  expect(decode(decoder, hex('8286 84be 5808 6e6f 2d63 6163 6865'))).toEqual(secondRequest);
  expect(decode(decoder, hex('8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65'))).toEqual(
    thirdRequest,
  );
});

test('RFC 7541 C.4: the same with Huffman', () => {
  const decoder = new HpackDecoder();
  expect(decode(decoder, hex('8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff'))).toEqual(getRequest);
  expect(decode(decoder, hex('8286 84be 5886 a8eb 1064 9cbf'))).toEqual(secondRequest);
  expect(decode(decoder, hex('8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf'))).toEqual(thirdRequest);
});

const cookie = 'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1';
const answers = [
  [
    ':status: 302',
    'cache-control: private',
    'date: Mon, 21 Oct 2013 20:13:21 GMT',
    'location: https://www.example.com',
  ],
  [
    ':status: 307',
    'cache-control: private',
    'date: Mon, 21 Oct 2013 20:13:21 GMT',
    'location: https://www.example.com',
  ],
  [
    ':status: 200',
    'cache-control: private',
    'date: Mon, 21 Oct 2013 20:13:22 GMT',
    'location: https://www.example.com',
    'content-encoding: gzip',
    `set-cookie: ${cookie}`,
  ],
];
/** C.5 and C.6 want a table of 256 bytes, so that entries fall out of it. */
const small = hex('3fe101');

test('RFC 7541 C.5: answers, with entries that fall out of the table', () => {
  const decoder = new HpackDecoder();
  const blocks = [
    '4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
    '4803 3330 37c1 c0bf',
    '88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31',
  ].map(hex);
  blocks[0] = Buffer.concat([small, blocks[0]!]);
  for (const [index, block] of blocks.entries()) expect(decode(decoder, block)).toEqual(answers[index]);
});

test('RFC 7541 C.6: the same with Huffman', () => {
  const decoder = new HpackDecoder();
  const blocks = [
    '4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3',
    '4883 640e ffc1 c0bf',
    '88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07',
  ].map(hex);
  blocks[0] = Buffer.concat([small, blocks[0]!]);
  for (const [index, block] of blocks.entries()) expect(decode(decoder, block)).toEqual(answers[index]);
});

test('what the encoder writes, the decoder reads: long names, long values, every latin1 character', () => {
  const latin1 = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)).join('');
  const fields: [string, string][] = [
    [':status', '200'],
    [':status', '418'],
    ['content-type', 'application/grpc'],
    ['x', ''],
    [`x-${'y'.repeat(300)}`, 'z'.repeat(20_000)],
    ['bytes', latin1],
  ];
  expect(decode(new HpackDecoder(), encodeHeaders(fields))).toEqual(fields.map(([n, v]) => `${n}: ${v}`));
});

test('broken blocks are told as such', () => {
  const check = (block: string) => expect(decode(new HpackDecoder(), hex(block)), block).toBe('broken');
  check('80'); // index 0
  check('be'); // an empty table
  check('ff 80 80 80 80 80 01'); // an integer that overflows
  check('ff ff ff ff ff 0f');
  check('ff'); // cut inside an integer
  check('00 03 61 62'); // cut inside a name
  check('00 01 61 7f ff ff ff 07 61'); // a length beyond the block
  check('00 01 61'); // no value
  check('00 01 61 82 f8 00'); // Huffman padding that is zero
  check('00 01 61 82 1f ff'); // Huffman padding of eight bits
  check('00 01 61 84 ff ff ff ff'); // EOS
  check('82 20'); // a table size update behind a field
  check('3f e2 1f'); // 4097, over what we announced
});

test('a table may shrink to nothing and grow again, and forgets what it held', () => {
  const decoder = new HpackDecoder();
  decode(decoder, hex('4001 6101 62'));
  expect(decode(decoder, hex('be'))).toEqual(['a: b']);
  expect(decode(decoder, hex('20 3fe11f be'))).toBe('broken');
  const again = new HpackDecoder();
  expect(decode(again, hex('20 4001 6101 62'))).toEqual(['a: b']);
  expect(decode(again, hex('be'))).toBe('broken'); // did not fit into nothing
});

test('an entry larger than the table empties it', () => {
  const decoder = new HpackDecoder();
  decode(decoder, hex('4001 6101 62'));
  const large = Buffer.concat([hex('4001 78 7f a11f'), Buffer.alloc(4128, 0x79)]);
  expect(decode(decoder, large)).toHaveLength(1);
  expect(decode(decoder, hex('be'))).toBe('broken');
});

test('many entries turn over without an end', () => {
  const decoder = new HpackDecoder();
  for (let round = 0; round < 1000; round++) {
    const value = String(round).padStart(4, '0');
    decode(decoder, Buffer.concat([hex('4001 6104'), Buffer.from(value)]));
    expect(decode(decoder, hex('be'))).toEqual([`a: ${value}`]);
  }
  // 37 bytes each: 4096 hold 110, the oldest at index 61 + 110
  expect(decode(decoder, hex('ff 2c'))).toEqual(['a: 0890']);
  expect(decode(decoder, hex('ff 2d'))).toBe('broken');
});

test('an HPACK bomb: 4 KB in the table, named ten thousand times, is counted and not kept', () => {
  const decoder = new HpackDecoder();
  decode(decoder, Buffer.concat([hex('4001 61 7f 811e'), Buffer.alloc(3968, 0x62)]));
  expect(decode(decoder, Buffer.alloc(10_000, 0xbe))).toBe('over the limit');
  expect(decoder.fields.length).toBeLessThan(LIMIT / 3968);
  expect(decode(decoder, hex('be'))).toHaveLength(1); // and the connection's table is as the client believes
});

test('random blocks are a value, whatever they hold', () => {
  const decoder = new HpackDecoder();
  for (let round = 0; round < 20_000; round++) decode(decoder, randomBytes(round % 60), 1000);
});

test('Huffman: codes of RFC 7541 appendix B, of each length', () => {
  // biome-ignore format: symbol, code and length
  const codes: [number, string][] = [
    [48, '00000'], [97, '00011'], [32, '010100'], [122, '1111011'], [38, '11111000'], [88, '11111100'], [33, '1111111000'],
    [39, '11111111010'], [35, '111111111010'], [0, '1111111111000'], [94, '11111111111100'], [60, '111111111111100'],
    [92, '1111111111111110000'], [128, '11111111111111100110'], [255, '11111111111111111111101110'],
    [249, '1111111111111111111111111110'], [10, '111111111111111111111111111100'], [22, '111111111111111111111111111110'],
  ];
  const into = Buffer.alloc(64);
  for (const [symbol, code] of codes) {
    const bits = code.repeat(8); // whole octets, without padding
    const bytes = Buffer.from(bits.match(/.{8}/g)!.map((octet) => Number.parseInt(octet, 2)));
    const length = decodeHuffman(bytes, 0, bytes.length, into);
    expect([...into.subarray(0, length)], String(symbol)).toEqual(Array(8).fill(symbol));
  }
});
