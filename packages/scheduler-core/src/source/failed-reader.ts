import type { GrantFailure } from "../event.ts";
import type { Grant, Wanting } from "../books/member.ts";

/** What a failed source read says about the reader's others. */
type SourceFailure = Extract<GrantFailure["code"], `source-${string}`>;

/**
 * The stripes that a reader loses together with the one that failed: others begin them at once.
 *
 *     source-refused (401, 403, 404)             all of them: the credential is the same
 *     source-limited (429), source-unavailable   those that brought nothing yet: what flows, flows on
 *     source-without-range                       none: the stripes of everybody end, and one reader goes on
 */
export function stripesLostWith(reader: Wanting, failed: Grant, code: SourceFailure): Grant[] {
  if (code === "source-without-range") return [];
  const others = [...reader.peer.grants.values()].filter((grant) => grant.parent === undefined && grant !== failed);
  return code === "source-refused" ? others : others.filter(({ left, promised }) => left === promised);
}
