import type { BuildInfo } from '../../internal/core/component.ts';

/** Checked against package.json by a test. */
export const build: BuildInfo = { name: 'sluice', version: '0.1.0' };
