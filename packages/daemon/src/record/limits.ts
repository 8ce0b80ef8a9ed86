// Bounds of one account: at most some 64 KiB, mostly below 4 KiB.
// A blob of 256 pieces has some tens of parents; those beyond it are added up as left out.
export const MAX_ORIGINS = 64;
export const MAX_RUNS = 1024;
// A host reads a few stripes of a blob; hundreds only when it reads a huge one alone.
export const MAX_SOURCE_READS = 128;
export const MAX_NOTES = 64;
// The longest waits are the ones people ask for.
export const MAX_WAITS = 16;
// Of an image's layers and those pulled in the last hours on a busy host.
export const MAX_FINISHED = 256;
