// Two slips of the finger (a letter missing, one too many, two swapped) are a misspelling; more is another word.
const MAX_SLIPS = 2;

/** The candidate that was probably meant by `word`: the same but for case and separators, else at most two slips away. */
export function nearMiss(word: string, candidates: readonly string[]): string | undefined {
  const plainWord = plain(word);
  const same = candidates.find((candidate) => plain(candidate) === plainWord);
  if (same !== undefined) return same;
  // A short word is close to everything: at most a third of its letters may differ.
  const allowed = Math.min(MAX_SLIPS, Math.floor(plainWord.length / 3));
  const scored = candidates.map((candidate) => ({ candidate, slips: distance(plainWord, plain(candidate)) }));
  const best = scored.reduce<(typeof scored)[number] | undefined>((a, b) => (a === undefined || b.slips < a.slips ? b : a), undefined);
  return best !== undefined && best.slips <= allowed ? best.candidate : undefined;
}

function plain(word: string): string {
  return word.toLowerCase().replaceAll(/[-_.]/g, "");
}

/** Levenshtein's distance, counted row by row; words longer than any key are not compared. */
function distance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > MAX_SLIPS) return Infinity;
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? Infinity;
}
