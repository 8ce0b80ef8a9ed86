import assert from "node:assert/strict";
import { globSync } from "node:fs";
import { basename, join } from "node:path";
import { parseAllDocuments } from "yaml";
import type { HelmMajor } from "@darner/testkit";
import { helm } from "./tools.ts";

/** The checkout. */
export const ROOT: string = join(import.meta.dirname, "../../..");
/** The chart. */
export const CHART: string = join(ROOT, "helm/darner");
/** The namespace of all renderings. */
export const NAMESPACE = "darner-system";

/** A part of a Kubernetes object. */
export type Json = { readonly [key: string]: unknown };

/** A Kubernetes object, as far as every one of them goes. */
export type KubeObject = Json & {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
};

/** The value files that the chart is tried with, by name. */
export const PROFILES: readonly string[] = globSync("ci/*-values.yaml", { cwd: CHART })
  .map((path) => basename(path, "-values.yaml"))
  .sort();

/** The arguments of a value file of `ci/`. */
export function profileArgs(profile: string): string[] {
  return ["--values", join(CHART, "ci", `${profile}-values.yaml`)];
}

/** What Helm makes of the chart. Rejects where it fails. */
export async function rendered(major: HelmMajor, ...args: readonly string[]): Promise<string> {
  const { code, out, err } = await helm(major, "template", "darner", CHART, "--namespace", NAMESPACE, ...args);
  assert.equal(code, 0, err);
  return out;
}

const objectsOfArgs = new Map<string, Promise<readonly KubeObject[]>>();

/** The objects of a rendering; each is rendered once. */
export async function objects(...args: readonly string[]): Promise<readonly KubeObject[]> {
  const key = args.join("\0");
  const kept = objectsOfArgs.get(key);
  if (kept !== undefined) return kept;
  const made = rendered(4, ...args).then(parseObjects);
  objectsOfArgs.set(key, made);
  return made;
}

/** Objects in a stream of YAML documents, keys twice in one map being an error. */
export function parseObjects(text: string): readonly KubeObject[] {
  return parseAllDocuments(text, { uniqueKeys: true }).flatMap((document) => {
    assert.deepEqual(document.errors, []);
    const object = document.toJS() as KubeObject | null;
    return object === null ? [] : [object];
  });
}

/** `Kind name`, for people. */
export function nameOf({ kind, metadata }: KubeObject): string {
  return `${kind} ${metadata.name}`;
}
