import { expect, test } from 'vitest';
import { grpcStatus } from './grpc_status.ts';

const plain = (text: string) => [text.length, ...Buffer.from(text)];
const NAME_HUFFMAN = [0x88, ...Buffer.from('9acac8b21234da8f', 'hex')];
const block = (...bytes: (number | number[])[]) => Buffer.from(bytes.flat());

test('the status is found among other fields, however it is written', () => {
  expect(grpcStatus(block(0x00, plain('grpc-status'), plain('0')))).toBe(0);
  expect(
    grpcStatus(block(0x88, 0x00, plain('grpc-message'), plain('busy'), 0x40, plain('grpc-status'), plain('14'))),
  ).toBe(14);
  // A table size update first, then the name in Huffman code as grpc-go writes it.
  expect(grpcStatus(block(0x20, 0x00, NAME_HUFFMAN, plain('8')))).toBe(8);
  expect(grpcStatus(block(0x10, NAME_HUFFMAN, plain('0')))).toBe(0);
});

test('numbers in Huffman code are read', () => {
  // '0' is 00000; '1','4' are 00001 011010; each filled up with ones.
  expect(grpcStatus(block(0x00, NAME_HUFFMAN, 0x81, 0b00000111))).toBe(0);
  expect(grpcStatus(block(0x00, NAME_HUFFMAN, 0x82, 0b00001011, 0b01011111))).toBe(14);
});

test('a block without a status has none', () => {
  expect(grpcStatus(block(0x88, 0x5f, plain('application/grpc')))).toBeUndefined();
});

test('what cannot be read is an error, never a success', () => {
  expect(() => grpcStatus(block(0xbe))).toThrow(/entry 62 of a table that was declined/);
  expect(() => grpcStatus(block(0x00, plain('grpc-status'), 5, 0x30))).toThrow(/runs past its end/);
  expect(() => grpcStatus(block(0x00, plain('grpc-status'), plain('ok')))).toThrow(/not a number/);
});
