import type { Files } from "./workspace.ts";

/** One planted violation: the step that must go red, the files that plant it, and what the step must say of them. */
export type Violation = { readonly step: string; readonly name: string; readonly files: Files; readonly says: RegExp };

const core = "packages/scheduler-core/src";
const daemon = "packages/daemon/src";

/** Files that no compiler run may accept: what a core must not even be able to name. */
const TYPES: readonly Violation[] = [
  "setTimeout(decide, 1)",
  "process.pid",
  'Buffer.from("x")',
  'fetch("http://registry")',
  "performance.now()",
].map((text) => {
  const global = /^\w+/.exec(text)?.[0] ?? "";
  const file = `${core}/names-${global.toLowerCase()}.ts`;
  const source = `/** Reaches out of the core. */\nexport function decide(): unknown {\n  return ${text};\n}\n`;
  return {
    step: "types",
    name: `a core that names ${global}`,
    files: { [file]: source },
    says: new RegExp(`${file}.*Cannot find name '${global}'`),
  };
});

const MORE_TYPES: readonly Violation[] = [
  {
    step: "types",
    name: "a core that imports node:fs",
    files: {
      [`${core}/reads-files.ts`]: `import { readFileSync } from "node:fs";\n\nexport const text: string = String(readFileSync("x"));\n`,
    },
    says: /reads-files\.ts.*Cannot find (module|name) 'node:fs'/,
  },
  {
    step: "types",
    name: "an enum",
    files: { [`${daemon}/an-enum.ts`]: `export enum Turn {\n  Left,\n}\n` },
    says: /an-enum\.ts.*erasableSyntaxOnly/,
  },
  {
    step: "types",
    name: "an element taken for granted",
    files: { [`${daemon}/first-of.ts`]: `/** The first. */\nexport function first(all: string[]): string {\n  return all[0];\n}\n` },
    says: /first-of\.ts.*'string \| undefined' is not assignable/,
  },
  {
    step: "types",
    name: "a deep import past the front door",
    files: { [`${daemon}/goes-deep.ts`]: `export { double } from "@darner/domain/src/double.ts";\n` },
    says: /goes-deep\.ts.*Cannot find module '@darner\/domain\/src/,
  },
];

const LINT: readonly Violation[] = [
  lint("Date in a core", `${core}/reads-clock.ts`, `export const now: number = Date.now();\n`, "no-restricted-globals"),
  lint(
    "new Date() in the domain",
    "packages/domain/src/makes-date.ts",
    `export const today: unknown = new Date();\n`,
    "no-restricted-globals",
  ),
  lint(
    "Math.random() in a core",
    "packages/peer-core/src/throws-dice.ts",
    `export const dice: number = Math.random();\n`,
    "no-restricted-properties",
  ),
  lint(
    "an async event listener",
    `${daemon}/async-listener.ts`,
    `import type { EventEmitter } from "node:events";\n\n/** Dies. */\nexport function listen(from: EventEmitter, work: () => Promise<void>): void {\n  from.on("x", async () => {\n    await work();\n  });\n}\n`,
    "@typescript-eslint/no-misused-promises",
  ),
  lint(
    "a floating promise",
    `${daemon}/floating.ts`,
    `/** Forgets. */\nexport function forget(work: () => Promise<void>): void {\n  work();\n}\n`,
    "@typescript-eslint/no-floating-promises",
  ),
  lint("any", `${daemon}/any-thing.ts`, `export const thing: any = 1;\n`, "@typescript-eslint/no-explicit-any"),
  lint(
    "a switch that forgets a case",
    `${daemon}/forgets-case.ts`,
    `import type { Turn } from "@darner/domain";\n\n/** Forgets right. */\nexport function go({ kind }: Turn): void {\n  switch (kind) {\n    case "left":\n      process.stdout.write("left");\n  }\n}\n`,
    "@typescript-eslint/switch-exhaustiveness-check",
  ),
  lint("a file of 420 lines", `${daemon}/long-file.ts`, `${"// a line\n".repeat(419)}export {};\n`, "max-lines"),
  lint(
    "a function of 84 lines",
    `${daemon}/long-function.ts`,
    `/** Long. */\nexport function long(): void {\n${'  process.stdout.write("x");\n'.repeat(82)}}\n`,
    "max-lines-per-function",
  ),
  lint(
    "a program started by product code",
    `${daemon}/starts.ts`,
    `import { execFile } from "node:child_process";\n\n/** Starts. */\nexport function start(): void {\n  execFile("true");\n}\n`,
    "@typescript-eslint/no-restricted-imports",
  ),
  lint("process.exit", `${daemon}/leaves.ts`, `process.exit(1);\n`, "no-restricted-properties"),
  lint(
    "libp2p's PeerId outside its room",
    `${daemon}/says-peer-id.ts`,
    `import type { PeerId } from "@libp2p/interface";\n\nexport type Name = PeerId;\n`,
    "@typescript-eslint/no-restricted-imports",
  ),
  lint(
    "a sleep imported by a test",
    `${daemon}/sleeps.test.ts`,
    `import { test } from "node:test";\nimport { setTimeout as sleep } from "node:timers/promises";\n\ntest("sleeps", async () => {\n  await sleep(1);\n});\n`,
    "@typescript-eslint/no-restricted-imports",
  ),
  lint(
    "a sleep made by a test",
    `${daemon}/dozes.test.ts`,
    `import { test } from "node:test";\n\ntest("dozes", async () => {\n  await new Promise((resolve) => setTimeout(resolve, 1));\n});\n`,
    "no-restricted-syntax",
  ),
];

const FLOORS: readonly Violation[] = [
  floors("node:fs in a core", `${core}/imports-fs.ts`, `import "node:fs";\n`, "core-is-pure"),
  floors("a package from npm in a core", `${core}/imports-npm.ts`, `import "level";\n`, "core-is-pure"),
  floors("an import sideways", "packages/scheduler/src/goes-sideways.ts", `import "@darner/daemon";\n`, "floor-of-scheduler"),
  floors("an import upwards", "packages/mirror/src/goes-up.ts", `import "@darner/scheduler";\n`, "floor-of-mirror"),
  floors(
    "a brain that imports a brain",
    "packages/peer-core/src/asks-other.ts",
    `import "@darner/scheduler-core";\n`,
    "floor-of-peer-core",
  ),
  floors("a deep import by path", `${daemon}/digs.ts`, `import "../../domain/src/double.ts";\n`, "no-deep-import"),
  floors("an import by path", `${daemon}/walks.ts`, `import "../../domain/src/index.ts";\n`, "by-name-not-by-path"),
  floors("libp2p outside its room", `${daemon}/dials.ts`, `import "libp2p";\n`, "libp2p-stays-in-its-room"),
  floors("grpc outside its rooms", `${daemon}/calls.ts`, `import "@grpc/grpc-js";\n`, "grpc-stays-in-its-room"),
  floors("level outside its room", `${daemon}/keeps.ts`, `import "level";\n`, "level-stays-in-its-room"),
  floors("the test kit in what runs", `${daemon}/cheats.ts`, `import "@darner/testkit";\n`, "testkit-is-for-tests"),
  floors("what runs importing a test", "packages/domain/src/leans.ts", `import "./double.test.ts";\n`, "tests-are-leaves"),
  floors("an import that leads nowhere", `${daemon}/lost.ts`, `import "./gone.ts";\n`, "resolvable"),
  {
    step: "floors",
    name: "a cycle of types only",
    files: {
      [`${daemon}/hen.ts`]: `import type { Egg } from "./egg.ts";\n\nexport type Hen = { readonly egg: Egg };\n`,
      [`${daemon}/egg.ts`]: `import type { Hen } from "./hen.ts";\n\nexport type Egg = { readonly hen: Hen | undefined };\n`,
    },
    says: /hen\.ts → .*egg\.ts.*no-cycles/,
  },
];

const OTHERS: readonly Violation[] = [
  {
    step: "format",
    name: "code that is not formatted",
    files: { [`${daemon}/crooked.ts`]: `export   const a = 1\n` },
    says: /crooked\.ts/,
  },
  {
    step: "unused",
    name: "a file that nobody imports",
    files: { [`${daemon}/forgotten.ts`]: `export {};\n` },
    says: /Unused files[^]*forgotten\.ts/,
  },
  {
    step: "unused",
    name: "an export that nobody uses",
    files: { "packages/cli/src/main.ts": `import "./spare.ts";\n`, "packages/cli/src/spare.ts": `export const spare = 1;\n` },
    says: /Unused exports[^]*spare /,
  },
  { step: "unused", name: "a front door through which nobody takes it", files: {}, says: /openNode +packages\/daemon\/src\/index\.ts/ },
  {
    step: "unit",
    name: "a test that fails",
    files: {
      "packages/domain/src/wrong.test.ts": `import assert from "node:assert/strict";\nimport { test } from "node:test";\n\ntest("is wrong", () => assert.equal(1, 2));\n`,
    },
    says: /wrong\.test\.ts:\d+ is wrong/,
  },
  {
    step: "unit",
    name: "a test file that does not load",
    files: { "packages/domain/src/broken.test.ts": `import "./gone.ts";\n` },
    says: /broken\.test\.ts[^]*ERR_MODULE_NOT_FOUND/,
  },
  {
    step: "process",
    name: "a process that does not do what it should",
    files: {
      "packages/cli/e2e/wrong.e2e.ts": `import assert from "node:assert/strict";\nimport { test } from "node:test";\n\ntest("goes astray", () => assert.equal(1, 2));\n`,
    },
    says: /wrong\.e2e\.ts:\d+ goes astray/,
  },
];

/** Every planted violation. */
export const VIOLATIONS: readonly Violation[] = [...TYPES, ...MORE_TYPES, ...LINT, ...FLOORS, ...OTHERS];

function lint(name: string, file: string, source: string, rule: string): Violation {
  return { step: "lint", name, files: { [file]: source }, says: new RegExp(`${file}\\n(?:[^\\n]+\\n)*?[^\\n]* ${rule}\\n`) };
}

function floors(name: string, file: string, source: string, rule: string): Violation {
  return { step: "floors", name, files: { [file]: source }, says: new RegExp(`${file} → .*: ${rule} `) };
}
