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

/** What a request shows, as Node reads its headers. */
export type ShownHeaders = { readonly authorization?: string | undefined; readonly "x-api-key"?: string | readonly string[] | undefined };

/** The tokens that open the API: one a line, all valid at once, read from their file with every request, so that they are changed without a restart. */
export class ApiTokens {
  readonly #path: string;
  readonly #basicPath: string | undefined;
  readonly #log: Logger;

  constructor(path: string, basicPath: string | undefined, log: Logger) {
    this.#path = path;
    this.#basicPath = basicPath;
    this.#log = log;
  }

  /** Whether what a request shows opens the API: a token as Bearer or as X-Api-Key, or, where there are any, a name and a password. Takes the same time for everything that is wrong. */
  async opens({ authorization = "", "x-api-key": apiKey = "" }: ShownHeaders): Promise<boolean> {
    const token = /^Bearer ([\x21-\x7e]{1,1024})$/i.exec(authorization)?.[1] ?? (authorization === "" ? String(apiKey) : "");
    if (token !== "") return isAmong(token, await this.#linesOf(this.#path));
    const basic = /^Basic ([A-Za-z0-9+/]{1,4096}={0,2})$/i.exec(authorization)?.[1];
    if (basic === undefined || this.#basicPath === undefined) return false;
    return isAmong(Buffer.from(basic, "base64").toString("utf8"), await this.#linesOf(this.#basicPath));
  }

  /** Shows to another scheduler that this one knows a token of the API, without saying it. */
  async prove(challenge: Uint8Array): Promise<Uint8Array> {
    const [token = ""] = await this.#linesOf(this.#path);
    return proofOf(token, challenge);
  }

  /** Whether another scheduler knows one of these tokens. */
  async isProven(proof: Uint8Array, challenge: Uint8Array): Promise<boolean> {
    if (proof.length !== PROOF_BYTES) return false;
    let isProven = false;
    for (const token of await this.#linesOf(this.#path)) isProven = timingSafeEqual(proof, proofOf(token, challenge)) || isProven;
    return isProven;
  }

  async #linesOf(path: string): Promise<readonly string[]> {
    try {
      return linesOf(await readFile(path, "utf8"));
    } catch (error) {
      this.#log.error("tokens of the api cannot be read; nobody is let in with one of them", { path, error });
      return [];
    }
  }
}

/** The files that say who may: both as `config.api` names them. */
export type TokenFiles = { readonly tokenFile?: string | undefined; readonly basicFile?: string | undefined };

/**
 * Opens the tokens in `tokenFile`, which must be there, else those in `dir`, one made where there is none; and the names with passwords in
 * `basicFile`, where that is given. Rejects with `StartError`.
 */
export async function openApiTokens(dir: string, { tokenFile: given, basicFile }: TokenFiles, log: Logger): Promise<ApiTokens> {
  const path = given ?? join(dir, API_TOKEN_FILE);
  const text = await readIfThere(path).catch((cause: unknown) => {
    throw unusable(path, "cannot be read: make it readable for the user Darner runs as", cause);
  });
  if (text === undefined && given !== undefined)
    throw unusable(path, "is not there: write a token of your own to it, or leave api.tokenFile away");
  if (text === undefined) await writeWhole(path, `${randomBytes(TOKEN_BYTES).toString("hex")}\n`);
  else if (linesOf(text).length === 0) throw unusable(path, "holds no token: write one to it, one a line");
  if (basicFile !== undefined) await checkBasic(basicFile);
  return new ApiTokens(path, basicFile, log);
}

/** Harbor's page stores a name and a password so that it sends `username:NAME` or `password:PASSWORD`: such a line would let in whoever knows a name. */
async function checkBasic(path: string): Promise<void> {
  const broken = (what: string, cause?: unknown): StartError =>
    new StartError(
      { code: "file-unusable", path, key: "api.basicFile" },
      `the names and passwords of the API ${path} (api.basicFile) ${what}`,
      { cause },
    );
  const text = await readIfThere(path).catch((cause: unknown) => {
    throw broken("cannot be read: make it readable for the user Darner runs as", cause);
  });
  const lines = linesOf(text ?? "");
  if (lines.length === 0) throw broken("is not there or is empty: write NAME:PASSWORD to it, one a line, or leave api.basicFile away");
  if (lines.some((line) => !/^[^:]+:.+$/.test(line) || /^(?:username|password):/i.test(line)))
    throw broken("holds a line that is not NAME:PASSWORD, or whose name is username or password: choose another name");
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

function isAmong(shown: string, lines: readonly string[]): boolean {
  const hash = hashOf(shown);
  let isThere = false;
  for (const line of lines) isThere = timingSafeEqual(hash, hashOf(line)) || isThere;
  return isThere;
}

function hashOf(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}
