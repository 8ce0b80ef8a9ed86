import assert from "node:assert/strict";
import { test } from "node:test";
import { only, Script } from "../../test/script.ts";

const HOSTS = 300;
const AT_ONCE = 128;

test("a large swarm is looked over in turns: everybody is looked at once in two seconds, nobody twice, whoever leaves meanwhile", () => {
  // A round says a word to everybody it looks at who was not heard of for a second.
  const script = new Script(64, { assureMs: 1000, assureFedMs: 1000 });
  for (let number = 0; number < HOSTS; number++) script.open(`h${String(number)}`, { access: number === 0 ? "caller" : "none" });
  const turns: number[] = [];
  const told = new Set<string>();
  let lost = 0;
  for (let step = 0; step < 60; step += 1) {
    script.read("h0", [step]);
    const assured = only(script.wait(50), "tell-standing").filter(({ standing }) => standing === "fed");
    if (assured.length === 0) continue;
    turns.push(assured.length);
    for (const { host } of assured) {
      assert.ok(!told.has(host), "nobody is looked at twice");
      told.add(host);
    }
    // The first of those who were looked at, and the last of those who were not.
    for (const name of turns.length === 1 ? ["h3", `h${String(HOSTS - 1)}`] : []) {
      script.lose(name);
      lost += 1;
    }
  }
  assert.ok(turns.length === 3 && Math.max(...turns) <= AT_ONCE, String(turns));
  // All but the one who reports, and who left before it was looked at.
  assert.equal(told.size, HOSTS - lost);
});
