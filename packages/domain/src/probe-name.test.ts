import assert from "node:assert/strict";
import { test } from "node:test";
import { isProbeRegistry, probeRegistry } from "@darner/domain";

test("a probe's registry is known by its name, and nothing else is one", () => {
  assert.ok(isProbeRegistry(probeRegistry("0123456789abcdef")));
  for (const name of [
    "probe.darner.invalid",
    ".probe.darner.invalid",
    "short.probe.darner.invalid",
    "a.b.probe.darner.invalid",
    "01234567.probe.darner.invalid:80",
  ]) {
    assert.ok(!isProbeRegistry(name), name);
  }
});
