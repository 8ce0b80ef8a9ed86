import type { Secret } from "@darner/runtime";

/** When a bearer token that is a JWT ends, in milliseconds since the epoch: read without a check, to be told to people; undefined where it does not say. */
export function tokenEnd(authorization: Secret): number | undefined {
  const [, payload] = /^bearer\s+[^.\s]+\.([^.\s]+)\.[^.\s]*$/i.exec(authorization.reveal()) ?? [];
  if (payload === undefined) return undefined;
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, "base64url").toString("utf8"));
    const end = typeof claims === "object" && claims !== null ? (claims as { exp?: unknown }).exp : undefined;
    return typeof end === "number" && Number.isFinite(end) && Math.abs(end) < 1e11 ? end * 1000 : undefined;
  } catch {
    return undefined;
  }
}
