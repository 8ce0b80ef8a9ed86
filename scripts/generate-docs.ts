// Writes docs/config.md, docs/metrics.md and docs/openapi.json from the code; `--check` only says which of them is out of date (exit code 1).
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { configReference, metricsReference } from "@darner/runtime";
import type { MetricsRoom } from "@darner/runtime";
import type { hostRoutes as HostRoutes } from "../packages/scheduler/src/http/host-routes.ts";
import type { jobRoutes as JobRoutes } from "../packages/scheduler/src/http/native/job-routes.ts";
import type { openApiOf as OpenApiOf } from "../packages/scheduler/src/http/native/openapi.ts";

const ROOT = new URL("../", import.meta.url);
const CREATE = /^create\w*Metrics$/;

/** Every factory `create…Metrics` that a package's `src/metrics.ts` exports. */
async function metricsRooms(): Promise<MetricsRoom[]> {
  const rooms: MetricsRoom[] = [];
  for (const room of readdirSync(new URL("packages/", ROOT)).toSorted()) {
    const file = new URL(`packages/${room}/src/metrics.ts`, ROOT);
    if (!existsSync(file)) continue;
    const module = (await import(file.href)) as Record<string, unknown>;
    for (const [name, create] of Object.entries(module)) {
      if (CREATE.test(name) && typeof create === "function") rooms.push({ room, create: create as MetricsRoom["create"] });
    }
  }
  return rooms;
}

/** The description of the scheduler's API: made of its routes, none of which is asked. */
async function openApi(): Promise<string> {
  const nothing = {} as never;
  const [{ jobRoutes }, { hostRoutes }, { openApiOf }] = await Promise.all([
    import(new URL("packages/scheduler/src/http/native/job-routes.ts", ROOT).href) as Promise<{ jobRoutes: typeof JobRoutes }>,
    import(new URL("packages/scheduler/src/http/host-routes.ts", ROOT).href) as Promise<{ hostRoutes: typeof HostRoutes }>,
    import(new URL("packages/scheduler/src/http/native/openapi.ts", ROOT).href) as Promise<{ openApiOf: typeof OpenApiOf }>,
  ]);
  return `${JSON.stringify(openApiOf([...jobRoutes(nothing, nothing), ...hostRoutes(nothing)]), undefined, 2)}\n`;
}

/** Writes or compares one page; says whether it was as it should be. */
function settle(page: string, text: string, check: boolean): boolean {
  const file = new URL(page, ROOT);
  const same = existsSync(file) && readFileSync(file, "utf8") === text;
  if (same) return true;
  if (check) console.error(`${page} is out of date: run node --conditions=source scripts/generate-docs.ts`);
  else writeFileSync(file, text);
  return !check;
}

const check = process.argv.includes("--check");
const pages: [string, string][] = [
  ["docs/config.md", configReference()],
  ["docs/metrics.md", metricsReference(await metricsRooms())],
  ["docs/openapi.json", await openApi()],
];
const settled = pages.map(([page, text]) => settle(page, text, check));
if (settled.includes(false)) process.exitCode = 1;
