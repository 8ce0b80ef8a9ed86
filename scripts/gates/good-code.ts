import type { Files } from "./workspace.ts";

/** Code that every gate lets pass: a core, its words, the rooms of libp2p, grpc and level, and a test. */
export const GOOD_CODE: Files = {
  "packages/domain/src/index.ts": `export { double } from "./double.ts";
export type { Turn } from "./turn.ts";
`,
  "packages/domain/src/double.ts": `/** Twice as much. */
export function double(amount: number): number {
  return amount * 2;
}
`,
  "packages/domain/src/turn.ts": `/** Which way it goes. */
export type Turn = { readonly kind: "left" } | { readonly kind: "right"; readonly times: number };
`,
  "packages/domain/src/double.test.ts": `import assert from "node:assert/strict";
import { test } from "node:test";
import { double } from "./double.ts";

test("twice two is four", () => {
  assert.equal(double(2), 4);
});
`,
  "packages/cli/e2e/walk.e2e.ts": `import assert from "node:assert/strict";
import { test } from "node:test";

test("a walk ends where it began", () => {
  assert.equal(1 - 1, 0);
});
`,
  "packages/scheduler-core/src/index.ts": `export { decide } from "./decide.ts";
`,
  "packages/scheduler-core/src/decide.ts": `import { double, type Turn } from "@darner/domain";

/** How far a turn goes. */
export function decide(turn: Turn): number {
  switch (turn.kind) {
    case "left":
      return 0;
    case "right":
      return double(turn.times);
  }
}
`,
  "packages/protocol/src/index.ts": `export { statusName } from "./status-name.ts";
`,
  "packages/protocol/src/status-name.ts": `import { double } from "@darner/domain";
import { status } from "@grpc/grpc-js";

/** What grpc calls a status. */
export function statusName(code: number): string {
  return status[double(code)] ?? "unknown";
}
`,
  "packages/daemon/src/index.ts": `export { openNode } from "./p2p/open-node.ts";
export { openStore } from "./store/open-store.ts";
`,
  "packages/daemon/src/p2p/open-node.ts": `import { statusName } from "@darner/protocol";
import { createLibp2p } from "libp2p";

/** The name of a node. */
export async function openNode(): Promise<string> {
  const node = await createLibp2p({ start: false });
  return \`\${node.peerId.toString()} \${statusName(0)}\`;
}
`,
  "packages/daemon/src/store/open-store.ts": `import { double } from "@darner/domain";
import { Level } from "level";

/** Opens what is kept. */
export function openStore(folder: string): { readonly db: Level; readonly size: number } {
  return { db: new Level(folder), size: double(1) };
}
`,
  "packages/cli/src/main.ts": `import { openNode, openStore } from "@darner/daemon";
import { decide } from "@darner/scheduler-core";

const steps = decide({ kind: "right", times: 2 });
process.stdout.write(\`\${await openNode()} \${String(openStore("data").size)} \${String(steps)}\\n\`);
`,
  "packages/cli/src/index.ts": `export {};
`,
  "scripts/check.ts": `process.stdout.write("nothing to do\\n");
`,
  "scripts/run.mjs": `import "node:process";
`,
};
