import assert from "node:assert/strict";
import { test } from "node:test";
import { from, host, Script } from "../test/script.ts";

test("a swarm tells what each host holds, who feeds it and what it reads", () => {
  const script = new Script(64);
  script.hold("a", from(0, 8));
  script.open("b", { have: from(0, 2) });
  const [swarm, ...more] = script.scheduler.swarms(script.task.digest, 10);
  assert.deepEqual(more, []);
  assert.deepEqual([swarm?.pieces, swarm?.holders, swarm?.waiting, swarm?.leftOut], [64, 2, 1, 0]);
  const [waiting, holding] = swarm?.members ?? [];
  assert.deepEqual([waiting?.host, waiting?.held, waiting?.waiting, holding?.host, holding?.held], [host("b"), 2, true, host("a"), 8]);
  const owed = script.grants().filter(({ host: child, from: parent }) => child === "b" && parent === "a");
  assert.deepEqual(waiting?.from, owed.length === 0 ? [] : [{ host: host("a"), pieces: owed.flatMap(({ pieces }) => pieces).length }]);
  assert.equal(waiting.reading, script.stripes().flatMap(({ pieces }) => pieces).length);
});

test("of many hosts those that wait are shown, and how many are not", () => {
  const script = new Script(64);
  for (const name of ["a", "b", "c"]) script.hold(name);
  script.open("d", { access: "none" });
  const [swarm] = script.scheduler.swarms(script.task.digest, 2);
  assert.deepEqual([swarm?.members.length, swarm?.leftOut, swarm?.members[0]?.host], [2, 2, host("d")]);
});
