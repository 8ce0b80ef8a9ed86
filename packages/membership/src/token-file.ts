import { stat } from "node:fs/promises";
import { readIfThere, releaseLock, sleep, StartError, takeLock, writeWhole } from "@darner/runtime";
import { hashSecret, isSecretOf, type JoinToken } from "./join-token.ts";

/** What a scheduler keeps of a join token: never its secret. Times are milliseconds since 1970. */
export type KeptToken = {
  readonly id: string;
  readonly hash: string;
  readonly description: string;
  readonly createdAt: number;
  /** Absent: it is valid until it is revoked. */
  readonly expiresAt?: number;
};

/** What became of a token that was shown. */
export type TokenVerdict = "valid" | "unknown" | "wrong-secret" | "expired";

// A token for each team and each day of a month leaves room; beyond it somebody creates them in a loop.
const MAX_TOKENS = 1000;
const MAX_DESCRIPTION = 200;
const LOCK_TRIES = 100;
const LOCK_PAUSE_MS = 50;

/** The join tokens of a cluster, in a file that several processes may change and that is read again whenever it has changed. */
export class TokenFile {
  readonly path: string;
  #read: { readonly stamp: string; readonly tokens: readonly KeptToken[] } | undefined;

  constructor(path: string) {
    this.path = path;
  }

  /** All that are kept, expired ones included. Rejects where the file holds something else. */
  async tokens(): Promise<readonly KeptToken[]> {
    const stamp = await stampOf(this.path);
    if (this.#read?.stamp === stamp) return this.#read.tokens;
    const tokens = parseTokens(await readIfThere(this.path), this.path);
    this.#read = { stamp, tokens };
    return tokens;
  }

  /** Keeps a new token. */
  async add(token: JoinToken, about: { readonly description: string; readonly expiresAt?: number }, now: number): Promise<void> {
    await this.#change((tokens) => {
      if (tokens.length >= MAX_TOKENS)
        throw new Error(`${this.path} holds ${String(MAX_TOKENS)} tokens already: revoke those of no more use`);
      const kept = {
        id: token.id,
        hash: hashSecret(token.secret.reveal()),
        ...about,
        description: about.description.slice(0, MAX_DESCRIPTION),
      };
      return [...tokens, { ...kept, createdAt: now }];
    });
  }

  /** Forgets a token, so that nobody joins with it any more; false where there is none of that id. */
  async revoke(id: string): Promise<boolean> {
    let found = false;
    await this.#change((tokens) => {
      const left = tokens.filter((token) => token.id !== id);
      found = left.length < tokens.length;
      return left;
    });
    return found;
  }

  /** Whether a host that shows this may join now. */
  async check(id: string, secret: string, now: number): Promise<TokenVerdict> {
    const token = (await this.tokens()).find((kept) => kept.id === id);
    if (token === undefined) return "unknown";
    if (!isSecretOf(secret, token.hash)) return "wrong-secret";
    return token.expiresAt !== undefined && now >= token.expiresAt ? "expired" : "valid";
  }

  async #change(edit: (tokens: readonly KeptToken[]) => readonly KeptToken[]): Promise<void> {
    const lock = `${this.path}.lock`;
    const token = await locked(lock);
    try {
      const tokens = edit(parseTokens(await readIfThere(this.path), this.path));
      await writeWhole(this.path, `${JSON.stringify({ tokens }, undefined, 2)}\n`);
      this.#read = undefined;
    } finally {
      releaseLock(lock, token);
    }
  }
}

async function locked(lock: string): Promise<string> {
  for (let tries = 0; tries < LOCK_TRIES; tries += 1) {
    const attempt = takeLock(lock, "token");
    if (attempt.kind === "taken") return attempt.token;
    await sleep(LOCK_PAUSE_MS);
  }
  throw new Error(`another process holds ${lock} for seconds: is it stopped?`);
}

/** Tells one content of the file from another: it is replaced as a whole, never written in place. */
async function stampOf(path: string): Promise<string> {
  try {
    const { ino, mtimeMs, size } = await stat(path);
    return `${String(ino)} ${String(mtimeMs)} ${String(size)}`;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "none";
    throw error;
  }
}

function parseTokens(text: string | undefined, path: string): readonly KeptToken[] {
  if (text === undefined) return [];
  const problem = new StartError(
    { code: "file-unusable", path, key: "join.tokensFile" },
    `${path} holds no join tokens of Darner: put it back from a copy, or remove it and create new tokens (members stay members)`,
  );
  try {
    const { tokens } = JSON.parse(text) as { tokens?: unknown };
    if (!Array.isArray(tokens) || !tokens.every(isKeptToken)) throw problem;
    return tokens;
  } catch {
    // The cause is left out: it could quote what the file holds.
    throw problem;
  }
}

function isKeptToken(value: unknown): value is KeptToken {
  if (typeof value !== "object" || value === null) return false;
  const { id, hash, description, createdAt, expiresAt } = value as Record<keyof KeptToken, unknown>;
  const isTimed = typeof createdAt === "number" && (expiresAt === undefined || typeof expiresAt === "number");
  return typeof id === "string" && typeof hash === "string" && typeof description === "string" && isTimed;
}
