import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Script } from "../../test/script.ts";

suite("stripes that came to nothing", () => {
  test("all that one reader was to read goes to one other host, stripe by stripe", () => {
    const script = new Script(256);
    for (const name of ["a", "b", "c", "d", "e", "f"]) script.open(name);
    for (const name of ["a", "b"]) script.read(name, stripesOf(script, name).flat().slice(0, 8));
    const dealt = stripesOf(script, "a");
    const lost = dealt.flat().slice(8);
    assert.ok(lost.length >= 12, "it was dealt several stripes ahead");
    const rescued = script.stripes(script.lose("a"));
    assert.deepEqual(
      rescued.flatMap(({ pieces }) => pieces),
      lost,
    );
    assert.equal(new Set(rescued.map(({ host }) => host)).size, 1);
    assert.ok(rescued.length > 1);
  });
});

function stripesOf(script: Script, reader: string): number[][] {
  return script.stripes().flatMap(({ host, pieces }) => (host === reader ? [[...pieces]] : []));
}
