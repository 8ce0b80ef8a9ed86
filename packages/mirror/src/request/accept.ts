// The full list of manifest types has seven entries; a client that sends more than this is not asking for an image.
const MAX_TYPES = 64;

/** The media types of all Accept lines together, without parameters, in the order sent; those with `q=0` are not accepted (case 22). */
export function readAccept(lines: readonly string[]): string[] {
  const types = new Set<string>();
  for (const entry of lines.flatMap((line) => line.split(","))) {
    const [type = "", ...parameters] = entry.split(";").map((part) => part.trim());
    const isRefused = parameters.some((parameter) => /^q=0(?:\.0*)?$/i.test(parameter));
    if (/^[\w!#$&^.+*-]+\/[\w!#$&^.+*-]+$/.test(type) && !isRefused && types.size < MAX_TYPES) types.add(type.toLowerCase());
  }
  return [...types];
}
