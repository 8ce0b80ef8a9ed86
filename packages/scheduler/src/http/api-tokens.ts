import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { API_TOKEN_FILE } from "@darner/membership";
import { readIfThere, StartError, writeWhole, type Logger } from "@darner/runtime";

// 256 bits, as hex: nobody guesses it.
const TOKEN_BYTES = 32;
// Old and new while clients change over, and one for each client.
const MAX_TOKENS = 64;
// HMAC with SHA-256.
const PROOF_BYTES = 32;

/** The tokens that open the API: one a line, all valid at once, read from their file with every request, so that they are changed without a restart. */
export class ApiTokens {
  readonly #path: string;
  readonly #log: Logger;

  constructor(path: string, log: Logger) {
    this.#path = path;
    this.#log = log;
  }

  /** Whether an `Authorization` header opens the API; takes the same time for every wrong token. */
  async opens(authorization: string | undefined): Promise<boolean> {
    const shown = /^Bearer ([\x21-\x7e]{1,1024})$/i.exec(authorization ?? "")?.[1];
    if (shown === undefined) return false;
    const hash = hashOf(shown);
    let opens = false;
    for (const token of await this.#tokens()) opens = timingSafeEqual(hash, hashOf(token)) || opens;
    return opens;
  }

  /** Shows to another scheduler that this one knows a token of the API, without saying it. */
  async prove(challenge: Uint8Array): Promise<Uint8Array> {
    const [token = ""] = await this.#tokens();
    return proofOf(token, challenge);
  }

  /** Whether another scheduler knows one of these tokens. */
  async isProven(proof: Uint8Array, challenge: Uint8Array): Promise<boolean> {
    if (proof.length !== PROOF_BYTES) return false;
    let isProven = false;
    for (const token of await this.#tokens()) isProven = timingSafeEqual(proof, proofOf(token, challenge)) || isProven;
    return isProven;
  }

  async #tokens(): Promise<readonly string[]> {
    try {
      return linesOf(await readFile(this.#path, "utf8"));
    } catch (error) {
      this.#log.error("tokens of the api cannot be read; nobody is let in", { path: this.#path, error });
      return [];
    }
  }
}

/** Opens the tokens in `given` (api.tokenFile), which must be there, else those in `dir`, one made where there is none. Rejects with `StartError`. */
export async function openApiTokens(dir: string, given: string | undefined, log: Logger): Promise<ApiTokens> {
  const path = given ?? join(dir, API_TOKEN_FILE);
  const text = await readIfThere(path).catch((cause: unknown) => {
    throw unusable(path, "cannot be read: make it readable for the user Darner runs as", cause);
  });
  if (text === undefined && given !== undefined)
    throw unusable(path, "is not there: write a token of your own to it, or leave api.tokenFile away");
  if (text === undefined) await writeWhole(path, `${randomBytes(TOKEN_BYTES).toString("hex")}\n`);
  else if (linesOf(text).length === 0) throw unusable(path, "holds no token: write one to it, one a line");
  return new ApiTokens(path, log);
}

function unusable(path: string, what: string, cause?: unknown): StartError {
  return new StartError({ code: "file-unusable", path, key: "api.tokenFile" }, `the token of the API ${path} (api.tokenFile) ${what}`, {
    cause,
  });
}

function linesOf(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .slice(0, MAX_TOKENS);
}

function proofOf(token: string, challenge: Uint8Array): Uint8Array {
  return new Uint8Array(createHmac("sha256", token).update("darner sibling 1\0").update(challenge).digest());
}

function hashOf(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}
