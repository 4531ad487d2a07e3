import type { Event } from '../../internal/otlp/view/span.ts';
import { AnyValue } from '../../internal/otlp/view/value.ts';
import { doubleAt } from '../../internal/otlp/wire.ts';
import type { AttributeTable } from './attributes.ts';
import type { JsonBytes } from './json.ts';
import { DATASET, DOCUMENT_ID, INDEX, NAMESPACE, PIPELINE, TYPE } from './routing.ts';
import { isDouble, mapStart, writeValue } from './values.ts';

/* `"attributes":{…},` of a document in the mapping mode `otel`. */

const HINTS = Buffer.from('elasticsearch.mapping.hints');
const EVENT_NAME = Buffer.from('event.name');
const reservedKeys = [TYPE, DATASET, NAMESPACE, HINTS, DOCUMENT_ID, PIPELINE, INDEX];

const BRACE_END = 0x7d;
const COMMA = 0x2c;
const COLON = 0x3a;

/**
 * Nothing where there are none.
 *
 * @param stringify maps become JSON in a string, since a dimension can be no object
 * @param event its name is added as `event.name`
 */
export function writeAttributes(out: JsonBytes, table: AttributeTable, stringify: boolean, event?: Event): void {
  if (table.count === 0 && !event) return;
  const { buf, valueStart, valueEnd, keyStart, keyEnd } = table;
  if (!stringify && hasMap(table)) {
    writeFlattened(out, table, event);
    return;
  }
  out.ascii('"attributes":{');
  let geo = false;
  for (let i = 0; i < table.count; i++) {
    if (table.reserved && isReserved(table, i)) continue;
    if (event && table.keyIs(i, EVENT_NAME)) continue;
    if (isGeo(table, i)) {
      geo = true;
      continue;
    }
    out.key(buf, keyStart[i]!, keyEnd[i]!);
    if (stringify && mapStart(buf, valueStart[i]!, valueEnd[i]!) >= 0)
      writeAsText(out, buf, valueStart[i]!, valueEnd[i]!);
    else writeValue(out, buf, valueStart[i]!, valueEnd[i]!);
    out.byte(COMMA);
  }
  if (geo) writeGeo(out, table);
  if (event) writeEventName(out, event);
  endObject(out);
  out.byte(COMMA);
}

/** A map's keys join their parents' with dots, and each path is there once: flat throughout, never both. */
function writeFlattened(out: JsonBytes, table: AttributeTable, event: Event | undefined): void {
  const paths = new Set<string>();
  out.ascii('"attributes":{');
  if (event) {
    paths.add('event.name');
    writeEventName(out, event);
  }
  const leaf = (path: string, buf: Uint8Array, start: number, end: number) => {
    if (paths.has(path)) return;
    paths.add(path);
    out.string(path);
    out.byte(COLON);
    writeValue(out, buf, start, end);
    out.byte(COMMA);
  };
  let geo = false;
  for (let i = 0; i < table.count; i++) {
    if (table.reserved && isReserved(table, i)) continue;
    if (isGeo(table, i)) geo = true;
    else
      eachLeaf(
        table.keyText(i).trim() === '' ? '_' : table.keyText(i),
        table.buf,
        table.valueStart[i]!,
        table.valueEnd[i]!,
        leaf,
      );
  }
  if (geo) writeGeo(out, table);
  endObject(out);
  out.byte(COMMA);
}

function writeAsText(out: JsonBytes, buf: Uint8Array, start: number, end: number): void {
  const from = out.pos;
  writeValue(out, buf, start, end);
  const json = out.cut(from, out.pos);
  out.pos = from;
  out.text(json, 0, json.length);
}

function writeEventName(out: JsonBytes, { raw }: Event): void {
  out.ascii('"event.name":');
  out.text(raw.buf, raw.valueStart(2), raw.valueEnd(2));
  out.byte(COMMA);
}

/** Closes an object whose members all have a comma behind them. */
export function endObject(out: JsonBytes): void {
  if (out.buf[out.pos - 1] === COMMA) out.pos--;
  out.byte(BRACE_END);
}

export function isReserved(table: AttributeTable, i: number): boolean {
  return reservedKeys.some((key) => table.keyIs(i, key));
}

function hasMap(table: AttributeTable): boolean {
  const { buf, valueStart, count } = table;
  for (let i = 0; i < count; i++) if (buf[valueStart[i]!] === 0x32) return true;
  return false;
}

/** Calls `leaf` for each value that is no map, by its path. */
export function eachLeaf(
  path: string,
  buf: Uint8Array,
  start: number,
  end: number,
  leaf: (path: string, buf: Uint8Array, start: number, end: number) => void,
  depth = 0,
): void {
  const value = depth < 50 && buf[start] === 0x32 ? new AnyValue().reset(buf, start, end) : undefined;
  if (value?.kind !== 'kvlist') {
    leaf(path, buf, start, end);
    return;
  }
  for (let list = value.kvlistValue, pair = list.next(); pair; pair = list.next()) {
    const inner = pair.value;
    eachLeaf(`${path}.${pair.key}`, inner.buf, inner.start, inner.end, leaf, depth + 1);
  }
}

const LAT = Buffer.from('geo.location.lat');
const LON = Buffer.from('geo.location.lon');

function isGeo(table: AttributeTable, i: number): boolean {
  const length = table.keyEnd[i]! - table.keyStart[i]!;
  if (length < LAT.length) return false;
  const last = table.buf[table.keyEnd[i]! - 1];
  if (last !== 0x74 && last !== 0x6e) return false;
  if (!table.keyEndsWith(i, last === 0x74 ? LAT : LON)) return false;
  if (length > LAT.length && table.buf[table.keyEnd[i]! - LAT.length - 1] !== 0x2e) return false;
  return isDouble(table.buf, table.valueStart[i]!, table.valueEnd[i]!);
}

/** Latitude and longitude become one geo_point, `[lon, lat]`; one alone stays as it is. */
function writeGeo(out: JsonBytes, table: AttributeTable): void {
  const points = new Map<string, { lat?: number; lon?: number }>();
  for (let i = 0; i < table.count; i++) {
    if (!isGeo(table, i)) continue;
    const key = table.keyText(i);
    const base = key.slice(0, -'.lat'.length);
    const point = points.get(base) ?? {};
    points.set(base, point);
    point[key.endsWith('lat') ? 'lat' : 'lon'] = doubleAt(table.buf, table.valueStart[i]! + 1);
  }
  const member = (key: string, write: () => void) => {
    out.string(key);
    out.byte(COLON);
    write();
    out.byte(COMMA);
  };
  for (const [base, { lat, lon }] of points) {
    // Somebody has said where it is already: then nothing is joined.
    const said = table.find(Buffer.from(base)) >= 0;
    if (!said && lat !== undefined && lon !== undefined) {
      member(base, () => {
        out.byte(0x5b);
        out.double(lon);
        out.byte(COMMA);
        out.double(lat);
        out.byte(0x5d);
      });
      continue;
    }
    if (lat !== undefined) member(`${base}.lat`, () => out.double(lat));
    if (lon !== undefined) member(`${base}.lon`, () => out.double(lon));
  }
}
