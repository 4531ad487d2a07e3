import { type Args, toMap } from '../args.ts';
import type { Scene } from '../scene.ts';
import type { Value, ValueMap } from '../values.ts';

/** An editor of the map in `target`; nothing is written where the map stays the same. */
export function mapTarget(args: Args, editFor: (scene: Scene) => (map: ValueMap) => ValueMap): (scene: Scene) => Value {
  const target = args.target('target');
  return (scene) => {
    const edit = editFor(scene);
    const before = toMap(target.get(scene));
    const after = edit(before);
    if (after !== before) target.set(scene, after);
    return undefined;
  };
}
