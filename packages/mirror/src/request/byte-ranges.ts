import type { ByteRange } from "@darner/domain";

/** What a Range header asks for, given the size (contract 1.6). */
export type RangeOutcome =
  /** No Range, one that is not understood, or one too greedy to honour: the whole, with 200. */
  | { readonly kind: "whole" }
  /** One range, clipped to the size: 206. */
  | { readonly kind: "one"; readonly range: ByteRange }
  /** Several disjoint ranges in the order asked: 206 as multipart/byteranges. */
  | { readonly kind: "several"; readonly ranges: readonly ByteRange[] }
  /** Nothing of what is asked exists: 416. */
  | { readonly kind: "unsatisfiable" };

const WHOLE: RangeOutcome = { kind: "whole" };

/** Reads a Range header; total. Never gives a range that is empty or lies outside the size. */
export function readRanges(header: string | undefined, size: number, maxRanges: number): RangeOutcome {
  const set = /^bytes=(.*)$/is.exec(header ?? "")?.[1];
  if (set === undefined) return WHOLE;
  const specs = set
    .split(",")
    .map((spec) => spec.trim())
    .filter((spec) => spec !== "");
  if (specs.length === 0 || specs.length > maxRanges) return WHOLE;
  const ranges: ByteRange[] = [];
  for (const spec of specs) {
    const range = readOne(spec, size);
    if (range === "not-understood") return WHOLE;
    if (range !== undefined) ranges.push(range);
  }
  const [first] = ranges;
  if (first === undefined) return { kind: "unsatisfiable" };
  if (ranges.length === 1) return { kind: "one", range: first };
  return areDisjoint(ranges) ? { kind: "several", ranges } : WHOLE;
}

/** One spec; undefined where nothing of it exists. Digits beyond 2^53 lose precision but stay beyond every size. */
function readOne(spec: string, size: number): ByteRange | "not-understood" | undefined {
  const match = /^([0-9]*)-([0-9]*)$/.exec(spec);
  if (match === null) return "not-understood";
  const [, from = "", to = ""] = match;
  if (from === "" && to === "") return "not-understood";
  if (from === "") return rangeOrNone(Math.max(0, size - Number(to)), size);
  return rangeOrNone(Number(from), to === "" ? size : Math.min(Number(to) + 1, size));
}

function rangeOrNone(start: number, end: number): ByteRange | undefined {
  return start < end ? { start, end } : undefined;
}

/** RFC 9110 14.2: overlapping ranges are a way to make a server work for nothing; such a request gets the whole once. */
function areDisjoint(ranges: readonly ByteRange[]): boolean {
  const sorted = ranges.toSorted((a, b) => a.start - b.start);
  return sorted.every((range, at) => at === 0 || range.start >= (sorted[at - 1]?.end ?? 0));
}
