import { Fields } from '../../internal/otlp/view/fields.ts';
import { uint32At, varintEnd } from '../../internal/otlp/wire.ts';
import { BytesOut } from './bytes_out.ts';

interface Points {
  readonly count: number;
  readonly start: number;
  endOf(index: number): number;
}

export interface Transcoded {
  readonly message: Buffer;
  /** Where each point ends in it. */
  readonly ends: number[];
}

/** Field numbers of TimeSeries: the same messages, in other places. Histograms keep a field that version 1 does not know. */
const SERIES = { v2: 0x2a, v1: 0x0a } as const;
const LABELS_REFS = 0x0a;
const SAMPLES = 0x12;
const HISTOGRAMS = { v2: 0x1a, v1: 0x22 } as const;
const EXEMPLARS = { v2: 0x22, v1: 0x1a } as const;

/** A version 1 message that says what a version 2 message of ours says, but for metadata and start times. */
export function toVersion1(message: Buffer, points: Points): Transcoded {
  const symbols = symbolsOf(message, points.start);
  const out = new BytesOut();
  const ends: number[] = [];
  const fields = new Fields();
  for (let i = 0; i < points.count; i++) {
    fields.reset(message, points.endOf(i - 1), points.endOf(i));
    while (fields.next()) if (fields.tag === SERIES.v2) writeSeries(out, message, fields.from, fields.to, symbols);
    ends.push(out.pos);
  }
  return { message: out.buf.subarray(0, out.pos), ends };
}

function symbolsOf(message: Buffer, end: number): Uint8Array[] {
  const symbols: Uint8Array[] = [];
  const fields = new Fields().reset(message, 0, end);
  while (fields.next()) symbols.push(message.subarray(fields.from, fields.to));
  return symbols;
}

function writeSeries(out: BytesOut, message: Buffer, from: number, to: number, symbols: readonly Uint8Array[]): void {
  out.reserve(16);
  out.byte(SERIES.v1);
  const start = out.open();
  const fields = new Fields().reset(message, from, to);
  while (fields.next()) {
    if (fields.tag === LABELS_REFS) writeLabels(out, message, fields.from, fields.to, symbols);
    else if (fields.tag === SAMPLES) copyField(out, SAMPLES, message, fields.from, withoutStart(message, fields));
    else if (fields.tag === HISTOGRAMS.v2) copyField(out, HISTOGRAMS.v1, message, fields.from, fields.to);
    else if (fields.tag === EXEMPLARS.v2) writeExemplar(out, message, fields.from, fields.to, symbols);
  }
  out.close(start);
}

/** A sample's start time is its last field. */
function withoutStart(message: Buffer, { from, to }: Fields): number {
  const fields = new Fields().reset(message, from, to);
  while (fields.next()) if (fields.tag === 0x18) return fields.at;
  return to;
}

function writeExemplar(out: BytesOut, message: Buffer, from: number, to: number, symbols: readonly Uint8Array[]): void {
  out.reserve(16);
  out.byte(EXEMPLARS.v1);
  const start = out.open();
  const fields = new Fields().reset(message, from, to);
  while (fields.next()) {
    if (fields.tag === LABELS_REFS) writeLabels(out, message, fields.from, fields.to, symbols);
    else {
      out.reserve(fields.to - fields.at);
      out.copy(message, fields.at, fields.to);
    }
  }
  out.close(start);
}

function writeLabels(out: BytesOut, message: Buffer, from: number, to: number, symbols: readonly Uint8Array[]): void {
  for (let pos = from; pos < to; ) {
    const name = symbols[uint32At(message, pos)]!;
    pos = varintEnd(message, pos, to);
    const value = symbols[uint32At(message, pos)]!;
    pos = varintEnd(message, pos, to);
    out.reserve(name.length + value.length + 32);
    out.byte(0x0a);
    const start = out.open();
    writeBytes(out, 0x0a, name);
    writeBytes(out, 0x12, value);
    out.close(start);
  }
}

function copyField(out: BytesOut, tag: number, message: Buffer, from: number, to: number): void {
  out.reserve(to - from + 8);
  out.byte(tag);
  out.varint(to - from);
  out.copy(message, from, to);
}

function writeBytes(out: BytesOut, tag: number, bytes: Uint8Array): void {
  out.byte(tag);
  out.varint(bytes.length);
  out.all(bytes);
}
