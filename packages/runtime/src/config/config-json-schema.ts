import { z } from "zod";
import { configSchema } from "./config-schema.ts";
import { aboutKeys } from "./config-values.ts";

/** A JSON Schema, or a part of one. */
export type JsonSchema = { readonly [key: string]: unknown };

// What refinements and transformations check, as far as a pattern can say it; by how the key's `takes` begins.
const FORMS: readonly (readonly [string, JsonSchema])[] = [
  [
    "a number of bytes",
    {
      anyOf: [
        { type: "integer", minimum: 0 },
        { type: "string", pattern: "^[0-9]+(\\.[0-9]+)?( ?([kKMGT]i?B|B))?$" },
      ],
    },
  ],
  ["host:port", { type: "string", pattern: "^(\\[[0-9A-Fa-f:.%]+\\]|[A-Za-z0-9_][A-Za-z0-9_.-]*):[0-9]{1,5}$" }],
];

const REGISTRY_NAME = "^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?$";

/** The schema of the configuration file as JSON Schema, draft 7: for editors, and for the values of the Helm chart. */
export function configJsonSchema(): JsonSchema {
  const schema = z.toJSONSchema(configSchema, {
    io: "input",
    target: "draft-07",
    unrepresentable: "any",
    reused: "inline",
    override: ({ zodSchema, jsonSchema }) => {
      const about = aboutKeys.get(zodSchema as unknown as z.ZodType);
      if (about === undefined) return;
      const form = FORMS.find(([begin]) => about.takes.startsWith(begin))?.[1];
      if (form !== undefined) Object.assign(jsonSchema, form);
      if (about.takes.startsWith("a map from host")) jsonSchema.propertyNames = { type: "string", pattern: REGISTRY_NAME };
      jsonSchema.description = `${about.is} Takes ${about.takes}.`;
      // A default that is this machine's (its name) is nobody else's.
      delete jsonSchema.default;
    },
  });
  return withoutDefaults(schema) as JsonSchema;
}

/** Defaults of whole sections say nothing that their keys do not say. */
function withoutDefaults(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(withoutDefaults);
  if (typeof node !== "object" || node === null) return node;
  const kept = Object.entries(node).filter(([key, value]) => key !== "default" || typeof value !== "object");
  return Object.fromEntries(kept.map(([key, value]) => [key, withoutDefaults(value)]));
}
