export const mappingModes = ['otel', 'ecs', 'none', 'raw', 'bodymap'] as const;
export type MappingMode = (typeof mappingModes)[number];

/** A mode by the name a user may give it: upstream's `no` and the empty name are `none`, and case does not matter. */
export function modeNamed(name: string): MappingMode | undefined {
  const lower = name.toLowerCase();
  if (lower === '' || lower === 'no') return 'none';
  return mappingModes.find((mode) => mode === lower);
}
