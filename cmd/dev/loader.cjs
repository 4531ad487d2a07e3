'use strict';
/**
 * The first code of the executable: runs the bundle with the code cache that code_cache.ts made after a whole start. Node's own
 * (useCodeCache) is made before anything has run, and lacks all functions that V8 compiles when they are first called.
 */
const { getRawAsset } = require('node:sea');
const { Script, constants } = require('node:vm');

const source = Buffer.from(getRawAsset('sluice.cjs')).latin1Slice();
const script = new Script(source, {
  filename: 'sluice.cjs',
  cachedData: Buffer.from(getRawAsset('sluice.cache')),
  importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
});
script.runInThisContext()(exports, require, module, __filename, __dirname);
