import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { noLeaks, openScriptedApiServer } from "@darner/testkit";
import { removeTaint, zoneOfNode } from "./node.ts";

noLeaks();

const NODE = "/api/v1/nodes/node-1";
const KEY = "darner.dev/not-ready";
const foreign = { key: "example.com/gpu", effect: "NoSchedule" };

suite("a node of the cluster", () => {
  test("stands where its labels say, coarse to fine", async () => {
    const labels = { "topology.kubernetes.io/zone": "eu-1a", "topology.kubernetes.io/region": "eu-1", "rack.example": "r7" };
    await using api = await openScriptedApiServer({ [NODE]: { metadata: { resourceVersion: "1", labels } } });
    assert.equal(await zoneOfNode(api, "node-1"), "eu-1/eu-1a");
    assert.equal(await zoneOfNode(api, "node-1", ["topology.kubernetes.io/zone", "rack.example"]), "eu-1a/r7");
    assert.equal(await zoneOfNode(api, "node-1", ["none.example"]), undefined);
  });

  test("that may not be looked at is an error that says so", async () => {
    await using api = await openScriptedApiServer();
    await assert.rejects(zoneOfNode(api, "node-1"), /answered 404 to a look at the node node-1: there is no such object/);
    api.meddle = () => ({ status: 403, body: {} });
    await assert.rejects(zoneOfNode(api, "node-1"), /the role of this pod's service account does not allow it/);
  });

  test("loses its taint and keeps those of others", async () => {
    const taints = [{ key: KEY, effect: "NoSchedule" }, foreign, { key: KEY, effect: "NoExecute" }];
    await using api = await openScriptedApiServer({ [NODE]: { spec: { taints } } });
    assert.equal(await removeTaint(api, "node-1", KEY), true);
    assert.deepEqual(api.objects.get(NODE)?.["spec"], { taints: [foreign] });
    assert.equal(await removeTaint(api, "node-1", KEY), false);
  });

  test("whose taints somebody else changes meanwhile is looked at again", async () => {
    const own = { key: KEY, effect: "NoSchedule" };
    await using api = await openScriptedApiServer({ [NODE]: { spec: { taints: [own] } } });
    api.meddle = (method) => {
      if (method === "PATCH") {
        api.meddle = undefined;
        api.objects.set(NODE, { metadata: { resourceVersion: "2" }, spec: { taints: [foreign, own] } });
      }
      return undefined;
    };
    assert.equal(await removeTaint(api, "node-1", KEY), true);
    assert.deepEqual(api.objects.get(NODE)?.["spec"], { taints: [foreign] });
  });
});
