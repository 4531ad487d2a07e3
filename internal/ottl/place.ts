import type { AttributeList } from '../otlp/attributes/list.ts';
import type { Cursor } from '../otlp/view/cursor.ts';
import type { Writer } from '../otlp/writer.ts';
import type { Scene } from './scene.ts';

/** A message of the scene, to be read and changed. */
export interface Place {
  /** The message with all changes, but those of attributes that `attributes` shows. */
  at(scene: Scene): Cursor;
  /** The attributes of the record that a pass is about; undefined elsewhere: there the message has them as they are. */
  attributes(scene: Scene): AttributeList | undefined;
  /** Puts whole fields in the place of all values of `field`. */
  replace(scene: Scene, field: number, insert: Writer | undefined): void;
  /** Puts `insert` in the place of what lies from `start` to `end`. @param field told where both are one value of it, or nothing lay there */
  splice(scene: Scene, start: number, end: number, insert: Writer | undefined, field?: number): void;
}

/** A message that the scene has a cursor of its own for. */
export function onScene(at: (scene: Scene) => Cursor): Place {
  return {
    at,
    attributes: (scene) => scene.overlay.attributes(at(scene)),
    replace(scene, field, insert) {
      const cursor = at(scene);
      if (scene.overlay.replace(cursor, field, insert)) return;
      scene.draftFor(cursor).replace(cursor, field, insert);
      scene.overlay.moved(cursor);
    },
    splice(scene, start, end, insert, field) {
      const cursor = at(scene);
      scene.draftFor(cursor).splice(cursor, start, end, insert, field);
      scene.overlay.moved(cursor);
    },
  };
}

/** A message inside another, in `field` of it. */
export function inside(parent: Place, field: number, at: (scene: Scene) => Cursor): Place {
  const takeOver = (scene: Scene, child: Cursor) => {
    const { buf, start, end } = child;
    parent.replace(
      scene,
      field,
      scene.write((out) => out.bytes(field, buf.subarray(start, end))),
    );
  };
  return {
    at(scene) {
      parent.at(scene);
      return at(scene);
    },
    attributes: () => undefined,
    replace(scene, inner, insert) {
      const child = at(scene);
      scene.draftFor(child).replace(child, inner, insert);
      takeOver(scene, child);
    },
    splice(scene, start, end, insert, field) {
      const child = at(scene);
      scene.draftFor(child).splice(child, start, end, insert, field);
      takeOver(scene, child);
    },
  };
}
