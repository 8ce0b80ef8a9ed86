import type { Digest } from "@darner/domain";

/** The strong validator of content that is named by its digest. */
export function etagOf(digest: Digest): string {
  return `"${digest}"`;
}

/** Whether `If-None-Match` names this content: lists, `*`, weak and (as Harbor writes them) unquoted validators (contract 1.7). */
export function noneMatchHits(header: string | undefined, digest: Digest): boolean {
  if (header === undefined) return false;
  return header.split(",").some((entry) => {
    const validator = entry.trim().replace(/^W\//, "");
    return validator === "*" || validator === digest || validator === etagOf(digest);
  });
}

/** Whether `If-Range` lets the Range count: absent, or exactly this content's strong validator. */
export function ifRangeHolds(header: string | undefined, digest: Digest): boolean {
  return header === undefined || header.trim() === etagOf(digest);
}
