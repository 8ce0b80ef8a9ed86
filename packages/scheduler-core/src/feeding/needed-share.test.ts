import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { from, Script } from "../../test/script.ts";

suite("what a reader waits for while pieces spread to its peer", () => {
  test("one piece that others hold is given at once, and the next one two minutes later", () => {
    const script = begun();
    assert.deepEqual(given(script, script.need("late", 0, 8)), [0]);
    assert.deepEqual(given(script, script.got("late", [0])), []);
    assert.deepEqual(given(script, script.need("late", 1, 8)), []);
    assert.deepEqual(given(script, script.wait(119_000)), []);
    assert.deepEqual(given(script, script.wait(4_000)), [1]);
  });

  test("those below it in the trees do not follow", () => {
    const script = begun();
    script.need("late", 0, 1);
    const later = script.grants(script.open("later", { access: "none" })).filter(({ pieces }) => pieces.includes(0));
    assert.deepEqual(later, []);
  });

  test("all of it is given where nothing spreads", () => {
    const script = new Script(64);
    script.hold("h");
    script.open("late", { access: "none" });
    const all = new Set(script.grants([...script.said, ...script.need("late", 40, 8)]).flatMap(({ pieces }) => pieces));
    assert.ok(from(40, 8).every((piece) => all.has(piece)));
  });
});

/** One host reads, another one follows, and both hold the first pieces when a third one comes. */
function begun(): Script {
  const script = new Script(256);
  script.open("a");
  script.open("b", { access: "none" });
  const first = script.stripes().flatMap(({ pieces }) => pieces);
  script.read("a", first.slice(0, 4));
  script.got("b", first.slice(0, 4));
  assert.deepEqual(first.slice(0, 4), from(0, 4));
  script.open("late", { access: "none" });
  return script;
}

/** Pieces of the first four that were granted. */
function given(script: Script, effects: Parameters<Script["grants"]>[0]): number[] {
  return script.grants(effects).flatMap(({ pieces }) => pieces.filter((piece) => piece < 4));
}
