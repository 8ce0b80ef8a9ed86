import { VERSION } from "@darner/runtime";
import { z } from "zod";
import type { ApiRoute } from "../route.ts";

type Schema = Readonly<Record<string, unknown>>;

/** The description of the native API (OpenAPI 3.1), made of the schemas that the server itself checks with. */
export function openApiOf(routes: readonly ApiRoute[]): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    if (route.about === undefined) continue;
    const path = route.path.replaceAll(/:(\w+)/g, "{$1}");
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route, route.about) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Darner scheduler",
      version: VERSION,
      description: "Preheats, jobs and members.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    security: [{ token: [] }],
    paths,
    components: {
      securitySchemes: { token: { type: "http", scheme: "bearer", description: "A token of api.tokenFile." } },
      schemas: {
        Problem: { type: "object", required: ["error", "message"], properties: { error: { type: "string" }, message: { type: "string" } } },
      },
    },
  };
}

function operation({ method, path }: ApiRoute, about: NonNullable<ApiRoute["about"]>): object {
  const status = method === "POST" && about.body !== undefined ? "201" : "200";
  const type = path.endsWith("/events") ? "text/event-stream" : "application/json";
  return {
    summary: about.summary,
    operationId: `${method.toLowerCase()}${path.replaceAll(/[/:]+(\w)/g, (_all, letter: string) => letter.toUpperCase())}`,
    parameters: [...Object.entries(about.params ?? {}).map(inPath), ...inQuery(about.query)],
    ...(about.body === undefined
      ? {}
      : { requestBody: { required: true, content: { "application/json": { schema: schemaOf(about.body, "input") } } } }),
    responses: {
      [status]: { description: "Done.", content: { [type]: { schema: schemaOf(about.answer, "output") } } },
      default: {
        description: "What is wrong, in a sentence.",
        content: { "application/json": { schema: { $ref: "#/components/schemas/Problem" } } },
      },
    },
  };
}

function inPath([name, description]: readonly [string, string]): object {
  return { name, in: "path", required: true, description, schema: { type: "string" } };
}

function inQuery(query: z.ZodObject | undefined): object[] {
  if (query === undefined) return [];
  const { properties = {} } = schemaOf(query, "output") as { properties?: Record<string, Schema> };
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: "query",
    required: false,
    schema,
    ...(description === undefined ? {} : { description }),
  }));
}

function schemaOf(schema: z.ZodType, io: "input" | "output"): Schema {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: "any" }) as Record<string, unknown>;
  return rest;
}
