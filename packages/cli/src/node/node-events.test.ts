import assert from "node:assert/strict";
import { test } from "node:test";
import type { LeaseReport } from "@darner/node-setup";
import { capturedLog, noLeaks, openScriptedApiServer } from "@darner/testkit";
import { NodeEvents } from "./node-events.ts";

noLeaks();

const WELL: LeaseReport = { state: "held", probe: "none", problem: "" };
const REFUSED: LeaseReport = { state: "refused", probe: "none", problem: "put this into /etc/containerd/config.toml" };
const today = (): Date => new Date("2026-11-21T12:00:00.123Z");

test("a node's trouble is told of once as an event of the node, and once that it is over", async () => {
  await using api = await openScriptedApiServer();
  const log = capturedLog();
  const events = new NodeEvents({ api, node: "n1", log, today });
  for (const report of [WELL, REFUSED, REFUSED, WELL, WELL]) events.take(report);
  await events.settled();
  const written = [...api.objects.values()];
  assert.deepEqual(
    written.map(({ type, reason, message }) => [type, reason, message]),
    [
      ["Warning", "DarnerNodeSetupProblem", "node n1: put this into /etc/containerd/config.toml"],
      ["Normal", "DarnerNodeSetUp", "The node's runtime asks the mirror for every registry that it should"],
    ],
  );
  assert.deepEqual(written[0]?.["involvedObject"], { apiVersion: "v1", kind: "Node", name: "n1", uid: "n1" });
  assert.equal(written[0]["firstTimestamp"], "2026-11-21T12:00:00Z");
  assert.ok([...api.objects.keys()].every((path) => path.startsWith("/api/v1/namespaces/default/events/n1.")));
  assert.equal(log.text(), "");
});

test("a role that does not allow events is one line in the log", async () => {
  await using api = await openScriptedApiServer();
  api.meddle = () => ({ status: 403, body: {} });
  const log = capturedLog();
  const events = new NodeEvents({ api, node: "n1", log, today });
  for (const report of [REFUSED, WELL, { ...REFUSED, problem: "x".repeat(5000) }]) events.take(report);
  await events.settled();
  assert.equal(api.asked.length, 3);
  assert.equal(log.text().split("node event cannot be written").length - 1, 1);
  assert.match(log.text(), /"status":403/);
});
