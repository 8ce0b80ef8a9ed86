import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLog } from "@darner/runtime";
import { openTempDir } from "@darner/testkit";
import { openIdentity } from "../identity/identity.ts";
import { openGate } from "../membership/member-gate.ts";
import { openOnDemandNode } from "./on-demand-node.ts";

test("a host is asked through a door behind which libp2p is loaded only then", async () => {
  await using births = new AsyncDisposableStack();
  const [first, second] = await Promise.all([openTempDir(), openTempDir()]);
  births.use(first);
  births.use(second);
  const open = async (
    path: string,
    name: string,
  ): Promise<{ host: Awaited<ReturnType<typeof openIdentity>>["host"]; node: Awaited<ReturnType<typeof openOnDemandNode>> }> => {
    const identity = await openIdentity(path);
    const node = births.use(
      await openOnDemandNode(
        { listen: "127.0.0.1:0", identity },
        { log: silentLog, gate: openGate, status: () => Promise.resolve({ name }) },
      ),
    );
    return { host: identity.host, node };
  };
  const asked = await open(first.path, "asked");
  const asking = await open(second.path, "asking");
  assert.deepEqual(await asking.node.askStatus({ host: asked.host, address: asked.node.address }, 10_000), { name: "asked" });
  assert.deepEqual(await asked.node.askStatus({ host: asking.host, address: asking.node.address }, 10_000), { name: "asking" });
});
