import type { ContentRequest, ManifestBody } from "../registry-client.ts";
import type { Upstream } from "../wire/upstream.ts";
import { ask, type ContentParts } from "./content-client.ts";
import { headOf, isVague } from "./content-head.ts";
import { failureOf, invalidAnswer } from "./failure.ts";
import { contentLength, isEncoded, mediaType, type Headers } from "./headers.ts";

/** GETs a manifest, byte for byte as the registry sends it. Whether the bytes match a digest is the caller's to check. */
export async function readManifest(parts: ContentParts, upstream: Upstream, request: ContentRequest): Promise<ManifestBody> {
  const sent = await ask(parts, upstream, request, "GET");
  const { answer } = sent;
  const { headers, status } = answer;
  if (status !== 200) throw await failureOf(upstream, sent);
  const wrong = objection(headers, parts.maxManifestBytes);
  if (wrong !== undefined) {
    answer.discard();
    throw invalidAnswer(upstream, wrong);
  }
  const bytes = await answer.bytes(parts.maxManifestBytes);
  if (bytes === undefined) throw invalidAnswer(upstream, tooLong(parts.maxManifestBytes));
  const head = headOf(headers, bytes.length, "manifest");
  const type = head.mediaType ?? typeInside(bytes) ?? mediaType(headers);
  return { ...head, size: bytes.length, bytes, ...(type === "" ? {} : { mediaType: type }) };
}

function objection(headers: Headers, maxBytes: number): string | undefined {
  if (isEncoded(headers)) return "an encoded manifest";
  if (mediaType(headers).toLowerCase() === "text/html") return "an HTML page instead of a manifest";
  return (contentLength(headers) ?? 0) > maxBytes ? tooLong(maxBytes) : undefined;
}

function tooLong(maxBytes: number): string {
  return `a manifest of more than ${String(maxBytes)} bytes`;
}

/** The `mediaType` a manifest gives itself, for registries whose Content-Type says nothing (contract case 26). */
function typeInside(bytes: Uint8Array): string | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    const type = typeof value === "object" && value !== null && "mediaType" in value ? value.mediaType : undefined;
    return typeof type === "string" && /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+$/.test(type) && !isVague(type) ? type : undefined;
  } catch {
    return undefined;
  }
}
