// A name that nobody can own (RFC 6761): no registry is ever called so.
const SUFFIX = ".probe.darner.invalid";
const WORD = /^[a-z0-9]{8,40}$/;

/** The registry that node set-up asks a runtime to pull from, to see whether the request comes to the mirror; `word` is 8 to 40 letters and digits. */
export function probeRegistry(word: string): string {
  return `${word}${SUFFIX}`;
}

/** Whether a registry's name is that of a probe. */
export function isProbeRegistry(name: string): boolean {
  return name.endsWith(SUFFIX) && WORD.test(name.slice(0, -SUFFIX.length));
}
