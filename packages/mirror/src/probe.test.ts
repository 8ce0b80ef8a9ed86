import assert from "node:assert/strict";
import { test } from "node:test";
import { probeRegistry } from "@darner/domain";
import { noLeaks } from "@darner/testkit";
import { ask, codeOf } from "../test/ask.ts";
import { openTestMirror } from "../test/open-test-mirror.ts";
import { ProbeLog } from "./probe-log.ts";

noLeaks();

test("a probe is answered at once, whatever the rules say of its name, and remembered; nothing is asked of the registry", async () => {
  await using opened = await openTestMirror({ allow: () => false });
  const [byNs, byPath, other] = [probeRegistry("byns0000"), probeRegistry("bypath00"), probeRegistry("other000")];
  for (const path of [`/v2/probe/manifests/1?ns=${byNs}`, `/v2/${byPath}/probe/manifests/1`]) {
    const answer = await ask(opened.port, path, { method: "GET" });
    assert.deepEqual([answer.status, codeOf(answer)], [404, "NAME_UNKNOWN"]);
  }
  assert.deepEqual(
    [byNs, byPath, other].map((name) => opened.mirror.sawProbe(name)),
    [true, true, false],
  );
  assert.deepEqual(opened.mirror.refusedRegistries(), []);
});

test("of a flood of probes the latest are remembered", () => {
  const probes = new ProbeLog();
  const names = Array.from({ length: 100 }, (_, at) => probeRegistry(`probe${String(at).padStart(8, "0")}`));
  for (const name of names) probes.note(name);
  assert.ok(probes.saw(names.at(-1) ?? ""));
  assert.equal(names.filter((name) => probes.saw(name)).length, 32);
});
