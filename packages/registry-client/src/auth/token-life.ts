import type { Secret } from "@darner/runtime";

// What a Date can hold, in seconds; a number beyond it names no time.
const MAX_SECONDS = 8.64e12;

/**
 * When a Bearer token that is a JWT says that it ends, in milliseconds of the time of day; undefined where it says nothing that can be read.
 * Read without any check of its signature: it may only shorten what the registry itself granted (contracts/registry-mirror.md 4.3), or be told to people.
 */
export function endOfToken(authorization: Secret): number | undefined {
  const [scheme = "", token = ""] = authorization.reveal().split(" ");
  const [, claims, signature] = token.split(".");
  if (scheme.toLowerCase() !== "bearer" || claims === undefined || signature === undefined) return undefined;
  const { exp } = readClaims(claims);
  return typeof exp === "number" && Math.abs(exp) <= MAX_SECONDS ? exp * 1000 : undefined;
}

function readClaims(text: string): { readonly exp?: unknown } {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, "base64url").toString("utf8"));
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}
