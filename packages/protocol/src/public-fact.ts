import { isRepositoryName, type Repository } from "@darner/domain";
import { asList, asObject, asText, asWhole, WireError, type WireObject } from "./wire.ts";

/** That a repository is public, as its registry said some time ago; or that it is not (any more). Holds no secret. */
export type PublicFact = { readonly repository: Repository; readonly ageMs: number; readonly isPublic: boolean };

/** So many facts at most travel in one message: half a megabyte. */
export const MAX_FACTS_A_MESSAGE = 1000;

// A DNS name is at most 253 characters, host and name of a repository together 255.
const MAX_TEXT = 255;

/** The facts of a message, where there are any; throws `WireError` where one is none. */
export function readPublicFacts(value: unknown): { readonly publicFacts?: readonly PublicFact[] } {
  const facts = asList(value, "public_facts");
  if (facts.length > MAX_FACTS_A_MESSAGE) throw new WireError("public_facts", `at most ${String(MAX_FACTS_A_MESSAGE)} facts`);
  return facts.length === 0 ? {} : { publicFacts: facts.map(readPublicFact) };
}

function readPublicFact(value: unknown): PublicFact {
  const wire = asObject(value, "public_facts");
  const name = asText(wire["name"], "public_facts.name", MAX_TEXT);
  if (!isRepositoryName(name)) throw new WireError("public_facts.name", "a repository's name");
  return {
    repository: { registry: asText(wire["registry"], "public_facts.registry", MAX_TEXT), name },
    ageMs: asWhole(wire["age_ms"], "public_facts.age_ms"),
    isPublic: wire["is_public"] === true,
  };
}

/** Facts as the protobuf runtime wants them. */
export function writePublicFacts(facts: readonly PublicFact[]): WireObject[] {
  return facts.map(({ repository: { registry, name }, ageMs, isPublic }) => ({
    registry,
    name,
    age_ms: Math.max(0, Math.round(ageMs)),
    is_public: isPublic,
  }));
}
