/** A digest as the OCI image spec writes it, `algorithm:encoded`, already checked against the grammar. */
export type Digest = string & { readonly __digest: true };

/** Why a text is no digest: what is wrong, for the error message. */
export type DigestProblem = "malformed" | "wrong-length";

/** The outcome of reading a digest; the parser is total and never throws. */
export type ParsedDigest =
  | { readonly ok: true; readonly digest: Digest; readonly algorithm: string; readonly encoded: string; readonly known: boolean }
  | { readonly ok: false; readonly problem: DigestProblem };

// image-spec descriptor.md: algorithm and encoded part; the bound keeps a hostile path from becoming a long key.
const GRAMMAR = /^([a-z0-9]+(?:[+._-][a-z0-9]+)*):([a-zA-Z0-9=_-]+)$/;
const MAX_DIGEST_CHARS = 255;

/** Algorithms whose bytes this build can check, with the form of their encoded part (image-spec descriptor.md). */
const KNOWN: Readonly<Record<string, RegExp>> = { sha256: /^[a-f0-9]{64}$/, sha512: /^[a-f0-9]{128}$/ };

/** Reads a digest (image-spec descriptor.md, "Digests"). `known` says whether this build can verify it. */
export function parseDigest(text: string): ParsedDigest {
  if (text.length > MAX_DIGEST_CHARS) return { ok: false, problem: "malformed" };
  const match = GRAMMAR.exec(text);
  if (match === null) return { ok: false, problem: "malformed" };
  const [, algorithm = "", encoded = ""] = match;
  const form = Object.hasOwn(KNOWN, algorithm) ? KNOWN[algorithm] : undefined;
  if (form !== undefined && !form.test(encoded)) return { ok: false, problem: "wrong-length" };
  return { ok: true, digest: text as Digest, algorithm, encoded, known: form !== undefined };
}

/** A digest that the caller knows to be well-formed; throws where that belief is wrong (a broken invariant). */
export function digestOf(text: string): Digest {
  const parsed = parseDigest(text);
  if (!parsed.ok) throw new Error(`not a digest: ${JSON.stringify(text.slice(0, 80))}`);
  return parsed.digest;
}

/** The algorithm part of a digest. */
export function digestAlgorithm(digest: Digest): string {
  return digest.slice(0, digest.indexOf(":"));
}

/** The encoded part of a digest. */
export function digestEncoded(digest: Digest): string {
  return digest.slice(digest.indexOf(":") + 1);
}
