import type { Buckets, NativeHistogram, Point } from '../../internal/prometheus/series.ts';
import type { BytesOut } from './bytes_out.ts';

/** `reset_hint` stays unspecified: the server looks for resets by itself. A stale histogram is told by its sum. */
const COUNT_INT = 0x08;
const SUM = 0x19;
const SCHEMA = 0x20;
const ZERO_THRESHOLD = 0x29;
const ZERO_COUNT_INT = 0x30;
const NEGATIVE_SPANS = 0x42;
const NEGATIVE_DELTAS = 0x4a;
const POSITIVE_SPANS = 0x5a;
const POSITIVE_DELTAS = 0x62;
const TIMESTAMP = 0x78;

/**
 * The fields of a Histogram, which are the same in both versions but for version 2's `start_timestamp = 17`:
 *
 *   message Histogram {
 *     oneof count { uint64 count_int = 1; double count_float = 2; }
 *     double sum = 3; sint32 schema = 4; double zero_threshold = 5;
 *     oneof zero_count { uint64 zero_count_int = 6; double zero_count_float = 7; }
 *     repeated BucketSpan negative_spans = 8; repeated sint64 negative_deltas = 9;
 *     repeated BucketSpan positive_spans = 11; repeated sint64 positive_deltas = 12;
 *     ResetHint reset_hint = 14; int64 timestamp = 15;
 *   }
 *
 * Source: https://github.com/prometheus/prometheus/blob/main/prompb/types.proto
 */
export function writeHistogram(out: BytesOut, histogram: NativeHistogram, { stale, timeMs }: Point): void {
  out.reserve(128 + sizeOf(histogram.positive) + sizeOf(histogram.negative));
  out.byte(COUNT_INT);
  out.varint64(stale ? 0 : histogram.count);
  out.byte(SUM);
  if (stale) out.staleDouble();
  else out.double(histogram.sum);
  out.byte(SCHEMA);
  out.sint64(histogram.schema);
  out.byte(ZERO_THRESHOLD);
  out.double(histogram.zeroThreshold);
  out.byte(ZERO_COUNT_INT);
  out.varint64(stale ? 0 : histogram.zeroCount);
  if (!stale) {
    writeBuckets(out, histogram.negative, NEGATIVE_SPANS, NEGATIVE_DELTAS);
    writeBuckets(out, histogram.positive, POSITIVE_SPANS, POSITIVE_DELTAS);
  }
  out.byte(TIMESTAMP);
  out.time(timeMs);
}

function sizeOf({ spans, deltas }: Buckets): number {
  return spans.length * 8 + deltas.length * 10;
}

/** `message BucketSpan { sint32 offset = 1; uint32 length = 2; }` */
function writeBuckets(out: BytesOut, { spans, deltas }: Buckets, spansTag: number, deltasTag: number): void {
  if (spans.length === 0) return;
  for (let i = 0; i < spans.length; i += 2) {
    out.byte(spansTag);
    const start = out.open(1);
    out.byte(0x08);
    out.sint64(spans[i]!);
    out.byte(0x10);
    out.varint(spans[i + 1]!);
    out.close(start, 1);
  }
  out.byte(deltasTag);
  const start = out.open();
  for (const delta of deltas) out.sint64(delta);
  out.close(start);
}
