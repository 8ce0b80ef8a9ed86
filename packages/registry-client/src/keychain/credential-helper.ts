import { execFile } from "node:child_process";
import { Secret } from "@darner/runtime";
import type { OwnCredential } from "./keychain.ts";

/** What a helper said. */
export type HelperAnswer =
  | { readonly kind: "found"; readonly credential: OwnCredential }
  /** It knows none for this server. */
  | { readonly kind: "none" }
  /** It could not be asked; `why` is a sentence without any output of the helper, which may hold a secret. */
  | { readonly kind: "failed"; readonly why: string };

// A helper asks a cloud's metadata service or a vault; one that needs longer than this stands in the way of a pull.
const HELPER_TIMEOUT_MS = 10_000;
// A secret of 64 KiB is the most a header carries anywhere.
const MAX_OUTPUT_BYTES = 64 * 1024;
// What docker's helpers print where they know nothing of a server.
const NOT_FOUND = /credentials not found/i;
// docker's way to say that the secret is an identity token.
const TOKEN_USER = "<token>";

/** Asks `docker-credential-NAME get` for the credential of a server, without a shell and with this environment only. Never rejects. */
export function askHelper(name: string, server: string, env: Readonly<Record<string, string>>): Promise<HelperAnswer> {
  const program = `docker-credential-${name}`;
  const { promise, resolve } = Promise.withResolvers<HelperAnswer>();
  const options = {
    env: { ...env },
    timeout: HELPER_TIMEOUT_MS,
    killSignal: "SIGKILL",
    maxBuffer: MAX_OUTPUT_BYTES,
    windowsHide: true,
  } as const;
  const child = execFile(program, ["get"], options, (error, stdout) => {
    resolve(error === null ? readAnswer(program, stdout) : failure(program, error, stdout));
  });
  // A helper that ends without reading its input is answered for by its exit code.
  child.stdin?.on("error", () => undefined);
  child.stdin?.end(server);
  return promise;
}

function failure(program: string, error: Error & { code?: unknown; killed?: boolean }, stdout: string): HelperAnswer {
  if (NOT_FOUND.test(stdout)) return { kind: "none" };
  if (error.code === "ENOENT") return { kind: "failed", why: `there is no ${program} on the PATH` };
  if (error.code === "EACCES") return { kind: "failed", why: `${program} may not be run` };
  if (error.code === "ERR_CHILD_PROCESS_STDIO_MAXBUFFER") return { kind: "failed", why: `${program} printed more than 64 KiB` };
  if (error.killed === true) return { kind: "failed", why: `${program} did not end within ${String(HELPER_TIMEOUT_MS / 1000)} s` };
  return {
    kind: "failed",
    why: `${program} ended with ${typeof error.code === "number" ? `exit code ${String(error.code)}` : "an error"}`,
  };
}

function readAnswer(program: string, stdout: string): HelperAnswer {
  const answer = parsed(stdout);
  const [username, secret] = [answer?.["Username"], answer?.["Secret"]];
  if (typeof secret !== "string" || secret === "" || typeof username !== "string") {
    return { kind: "failed", why: `${program} did not print a JSON object with Username and Secret` };
  }
  if (username === TOKEN_USER) return { kind: "found", credential: { kind: "identity-token", token: new Secret(secret) } };
  return { kind: "found", credential: { kind: "password", username, password: new Secret(secret) } };
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
