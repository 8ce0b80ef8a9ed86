import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { nameOf, ROOT, type KubeObject } from "./render.ts";
import { said, TOOLS } from "./tools.ts";

/** What is wrong with an object, for people. */
export type FieldProblem = { readonly object: string; readonly problem: string };

const GROUPS: Readonly<Record<string, string>> = {
  "monitoring.coreos.com/v1": "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1",
  "gateway.networking.k8s.io/v1": "@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1",
};

/** The module of a kind's type and validator; its class has the kind's name, its interface an I before it. */
function moduleOf({ apiVersion, kind }: KubeObject): string {
  return `${GROUPS[apiVersion] ?? `kubernetes-models/${apiVersion}`}/${kind}`;
}

/** Required fields, types, formats and enumerations, by the validators made of Kubernetes' own schemas. */
export async function invalidFields(objects: readonly KubeObject[]): Promise<readonly FieldProblem[]> {
  const problems: FieldProblem[] = [];
  for (const object of objects) {
    const module = (await import(pathToFileURL(join(TOOLS, "node_modules", `${moduleOf(object)}.js`)).href)) as Record<
      string,
      new (data: unknown) => { validate(): void }
    >;
    const model = module[object.kind];
    try {
      if (model === undefined) throw new Error(`no model of ${object.apiVersion} ${object.kind}`);
      new model(object).validate();
    } catch (error) {
      problems.push({ object: nameOf(object), problem: error instanceof Error ? error.message : String(error) });
    }
  }
  return problems;
}

/**
 * Fields that Kubernetes does not know, and fields without a value: each object becomes a literal of its type, and the compiler, which
 * allows a literal no other property, reads them all at once. The API server of Helm 4's strict validation says the same.
 */
export async function unknownFields(objects: readonly KubeObject[]): Promise<readonly FieldProblem[]> {
  const folder = mkdtempSync(join(TOOLS, "node_modules/.fields-"));
  try {
    symlinkSync(join(TOOLS, "node_modules"), join(folder, "node_modules"));
    const modules = [...new Set(objects.map(moduleOf))];
    const imports = modules.map((module, at) => `import type { I${module.split("/").at(-1) ?? ""} as T${String(at)} } from "${module}";`);
    const literals = objects.map((object, at) => {
      const type = modules.indexOf(moduleOf(object));
      return `export const o${String(at)}: T${String(type)} = ${JSON.stringify(object)};`;
    });
    writeFileSync(join(folder, "objects.ts"), [...imports, ...literals].join("\n"));
    const options = {
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      module: "nodenext",
      target: "es2024",
      types: [],
      exactOptionalPropertyTypes: true,
    };
    writeFileSync(join(folder, "package.json"), '{"type":"module"}');
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions: options, files: ["objects.ts"] }));
    const { out } = await said(
      process.execPath,
      [join(ROOT, "node_modules/typescript/bin/tsc"), "-p", "tsconfig.json", "--pretty", "false"],
      folder,
    );
    return out
      .split("\n")
      .filter((line) => line.includes("error TS"))
      .map((line) => {
        const at = Number(/^objects\.ts\((\d+),/.exec(line)?.[1] ?? 0) - imports.length - 1;
        const object = objects[at];
        return { object: object === undefined ? "?" : nameOf(object), problem: line.replace(/^[^:]*: /, "") };
      });
  } finally {
    rmSync(folder, { recursive: true });
  }
}
