import assert from "node:assert/strict";
import { test } from "node:test";
import { requestLabels } from "./request-labels.ts";

test("the labels of requests come from a small closed set, whatever clients and registries say", () => {
  const labels = requestLabels(["harbor.corp"]);
  assert.deepEqual(labels({ registry: "harbor.corp", status: 206 }), { registry: "harbor.corp", status: "206" });
  assert.deepEqual(labels({ registry: "docker.io", status: "error" }), { registry: "docker.io", status: "error" });
  assert.deepEqual(labels({ registry: "made.up", status: 799 }), { registry: "other", status: "other" });
});
