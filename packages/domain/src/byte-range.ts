/** Bytes from `start` up to, not including, `end`. */
export type ByteRange = { readonly start: number; readonly end: number };
