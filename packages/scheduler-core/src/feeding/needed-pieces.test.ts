import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { from, Script } from "../../test/script.ts";

suite("what a reader waits for", () => {
  test("in a cold blob a stripe begins where the reader waits", () => {
    const script = new Script(256);
    script.open("a");
    assert.equal(script.stripes(script.need("a", 200))[0]?.pieces[0], 200);
  });

  test("a host without access has another one read it", () => {
    const script = new Script(256);
    script.open("a");
    const effects = [...script.open("b", { access: "none" }), ...script.need("b", 200)];
    assert.equal(script.stripes(effects)[0]?.host, "a");
    assert.ok(script.grants(effects).some(({ host, from: parent, pieces }) => host === "b" && parent === "a" && pieces.includes(200)));
  });

  test("what somebody holds is granted at once, even where the window is full", () => {
    const script = new Script(256, { windowBytes: 0, minRunPieces: 1 });
    script.hold("h");
    script.open("a", { access: "none" });
    const granted = script.grants(script.need("a", 100, 3));
    assert.deepEqual(
      granted.flatMap(({ pieces }) => pieces),
      [100, 101, 102],
    );
  });

  test("a piece that its parent does not have yet is taken from one that has it, once half of the swarm has", () => {
    const script = new Script(8);
    script.open("a");
    script.open("b", { access: "none" });
    script.hold("h", [0]);
    assert.deepEqual(script.grants(script.need("b", 0)), []);
    script.hold("i", [0]);
    const effects = script.need("b", 0);
    assert.ok(script.grants(effects).some(({ host, from: parent, pieces }) => host === "b" && parent === "h" && pieces[0] === 0));
    assert.ok(effects.some(({ type }) => type === "revoke-grant"));
  });

  test("a late piece is asked of another holder, once", () => {
    const script = new Script(1, { unprovenLateMs: 10_000 });
    script.hold("h");
    script.open("a", { access: "none" });
    script.hold("i");
    script.need("a", 0);
    const effects = script.wait(9000);
    assert.deepEqual(
      script.grants(effects).map(({ from: parent }) => parent),
      ["i"],
    );
    assert.equal(effects.filter(({ type }) => type === "revoke-grant").length, 0);
  });

  test("a late piece that nobody else holds is read from the source, at most 1 % of the blob that way", () => {
    const script = new Script(100, { unprovenLateMs: 10_000 });
    script.hold("h", from(0, 100));
    script.open("a");
    script.need("a", 0, 8);
    const pieces = script.stripes(script.wait(9000)).flatMap((stripe) => stripe.pieces);
    assert.deepEqual(pieces, [0]);
  });

  test("a peer that says it needs the whole blob is remembered within the bound", () => {
    const script = new Script(256);
    script.open("a");
    script.need("a", 0, 1_000_000_000);
    assert.ok(script.stripes().length <= 3);
  });
});
