import assert from "node:assert/strict";
import { test } from "node:test";
import { Script } from "../../test/script.ts";

test("two readers of which one reads half again as fast are dealt alike, so that no root has to send more than the other", () => {
  const script = new Script(64);
  const names = ["a", "b", "c", "d", "e", "f"];
  for (const name of names) script.open(name);
  const ofReader = (name: string): number[] => script.stripes().flatMap(({ host: reader, pieces }) => (reader === name ? pieces : []));
  const done = { a: 0, b: 0 };
  for (let round = 0; done.a + done.b < 64; round++) {
    assert.ok(round < 64, "the frontier stands still");
    for (const [name, atOnce] of [["a", 3] as const, ["b", 2] as const]) {
      const pieces = ofReader(name).slice(done[name], done[name] + atOnce);
      done[name] += pieces.length;
      for (const piece of pieces) script.read(name, [piece]);
      for (const other of names.filter((each) => each !== name)) if (pieces.length > 0) script.got(other, pieces);
      script.wait(100);
    }
  }
  assert.ok(Math.abs(done.a - done.b) <= 8, `a reads ${String(done.a)}, b ${String(done.b)}`);
});
