import type { ContentHead } from "../registry-client.ts";
import { contentDigest, contentLength, isEncoded, mediaType, values, type Headers } from "./headers.ts";

// Types that say nothing about what a manifest is: static file servers send them (contract case 26).
const VAGUE_TYPES: ReadonlySet<string> = new Set(["", "text/plain", "application/octet-stream", "binary/octet-stream"]);

/** The fields of a head that every answer about content has. */
export function headOf(headers: Headers, size: number | undefined, kind: "manifest" | "blob"): ContentHead {
  const [digest, type] = [contentDigest(headers), mediaType(headers)];
  const usable = type !== "" && !(kind === "manifest" && isVague(type));
  return {
    ...(size === undefined ? {} : { size }),
    ...(usable ? { mediaType: type } : {}),
    ...(digest === undefined ? {} : { digest }),
    warnings: values(headers, "warning"),
  };
}

/** Whether a Content-Type says nothing about which kind of manifest this is. */
export function isVague(type: string): boolean {
  return VAGUE_TYPES.has(type.toLowerCase());
}

/** The length of the content itself; undefined where it is not told, or is that of something encoded. */
export function wholeLength(headers: Headers): number | undefined {
  return isEncoded(headers) ? undefined : contentLength(headers);
}

/** Whether this is a page for people (a login, a captive portal) rather than content (contract case 82). */
export function isPage(headers: Headers): boolean {
  return mediaType(headers).toLowerCase() === "text/html" && contentDigest(headers) === undefined;
}
