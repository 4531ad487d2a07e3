import type { Cursor } from '../otlp/view/cursor.ts';
import { Writer } from '../otlp/writer.ts';
import type { Scene } from './scene.ts';

/** A message of the scene, to be read and changed. */
export interface Place {
  at(scene: Scene): Cursor;
  /** Puts whole fields in the place of all values of `field`. */
  replace(scene: Scene, field: number, insert: Uint8Array): void;
  /** Puts `insert` in the place of what lies from `start` to `end`. */
  splice(scene: Scene, start: number, end: number, insert: Uint8Array): void;
}

/** A message that the scene has a cursor of its own for. */
export function onScene(at: (scene: Scene) => Cursor): Place {
  return {
    at,
    replace(scene, field, insert) {
      const cursor = at(scene);
      scene.draftFor(cursor).replace(cursor, field, insert);
    },
    splice(scene, start, end, insert) {
      const cursor = at(scene);
      scene.draftFor(cursor).splice(cursor, start, end, insert);
    },
  };
}

/** A message inside another, in `field` of it. */
export function inside(parent: Place, field: number, at: (scene: Scene) => Cursor): Place {
  const takeOver = (scene: Scene, child: Cursor) => {
    const out = new Writer(child.end - child.start + 16);
    out.bytes(field, child.buf.subarray(child.start, child.end));
    parent.replace(scene, field, out.finish());
  };
  return {
    at,
    replace(scene, inner, insert) {
      const child = at(scene);
      scene.draftFor(child).replace(child, inner, insert);
      takeOver(scene, child);
    },
    splice(scene, start, end, insert) {
      const child = at(scene);
      scene.draftFor(child).splice(child, start, end, insert);
      takeOver(scene, child);
    },
  };
}
