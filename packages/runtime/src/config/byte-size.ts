const UNITS: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};
const SIZE = /^([0-9]+(?:\.[0-9]+)?)(?: ?([kKMGT]i?B|B))?$/;

/** Reads a number of bytes: `4096`, `"4096"`, `"100GiB"`, `"1.5 GB"`; undefined where it is none or not a whole number of bytes. */
export function parseByteSize(value: unknown): number | undefined {
  if (typeof value === "number") return Number.isSafeInteger(value) && value >= 0 ? value : undefined;
  const match = typeof value === "string" ? SIZE.exec(value) : null;
  if (match === null) return undefined;
  const factor = UNITS[match[2] ?? "B"];
  // Rounded: 1.1 GB is not a whole number in binary floating point.
  const bytes = factor === undefined ? NaN : Math.round(Number(match[1]) * factor);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}
