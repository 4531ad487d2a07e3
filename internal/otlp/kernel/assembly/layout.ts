// What lies where in the kernel's memory, in bytes. The other side reads these numbers from the module's exports.

/** The kind of each tag of each message, as `kinds` in schema.ts: at most 60 messages. */
export const KINDS: i32 = 1024;
/** For each length of a key, 0 to 127: the first of its keys in KEYS, and how many there are; two i32. */
export const LENGTHS: i32 = 16_384;
/** Keys by length: offset of the bytes, number; two i32. */
export const KEYS: i32 = 17_408;
/** The bytes of the keys. */
export const KEY_BYTES: i32 = 25_600;
/** What `scan` found: PLACE numbers for each attribute. */
export const PLACES: i32 = 65_536;
export const PLACES_END: i32 = 98_304;
/** What goes into many records. */
export const KEPT: i32 = 98_304;
/** Room for what is made for one record. */
export const BENCH: i32 = 163_840;
/** A request to be checked, or a chunk to be rewritten. Behind it a few bytes may be read that mean nothing. */
export const INPUT: i32 = 262_144;
export const INPUT_END: i32 = 8_650_752;
/** What a chunk is rewritten to. Memory that nobody touches takes no room. */
export const OUTPUT: i32 = 8_650_816;
export const OUTPUT_END: i32 = 17_039_360;
