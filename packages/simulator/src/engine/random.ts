/** A named stream of dice: the same seed and name give the same numbers, whatever other streams drew. */
export type Dice = () => number;

/** Makes the dice of one stream; numbers in [0, 1). (mulberry32 over an FNV-1a hash of seed and name: integers only.) */
export function dice(seed: number, name: string): Dice {
  let state = fnv1a(`${String(seed)}/${name}`);
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash >>> 0;
}
