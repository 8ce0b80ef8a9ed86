import type { Secret } from "@darner/runtime";

/**
 * When a Bearer token says that it ends, in milliseconds of the time of day; undefined where it says nothing that can be read.
 * Read without any check of its signature: it may only shorten what the registry itself granted (contracts/registry-mirror.md 4.3).
 */
export function endOfToken(authorization: Secret): number | undefined {
  const [scheme = "", token = ""] = authorization.reveal().split(" ");
  const [, claims, signature] = token.split(".");
  if (scheme.toLowerCase() !== "bearer" || claims === undefined || signature === undefined) return undefined;
  const { exp } = readClaims(claims);
  return typeof exp === "number" && Number.isFinite(exp) ? exp * 1000 : undefined;
}

function readClaims(text: string): { readonly exp?: unknown } {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, "base64url").toString("utf8"));
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}
