import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { from, only, Script } from "../../test/script.ts";

const run = (first: number, count: number) => ({ first, stride: 1, count });

/** A scheduler that hosts come to from another one. */
function moving(limits: ConstructorParameters<typeof Script>[1] = {}): Script {
  const script = new Script(256, limits);
  script.join("a", "b", "c");
  script.tell({ type: "hosts-moving", forMs: 1000 });
  return script;
}

suite("hosts that come from another scheduler", () => {
  test("what a host reads already is granted to it again, as it said, and to nobody else", () => {
    const script = moving();
    script.open("a", { have: from(0, 8), reading: [run(8, 8), run(32, 4)] });
    assert.deepEqual(
      script.stripes().map(({ host, pieces }) => [host, pieces]),
      [
        ["a", from(8, 8)],
        ["a", from(32, 4)],
      ],
    );
    script.open("b", { have: from(0, 8) });
    script.tell({ type: "hosts-moving", forMs: 0 });
    script.wait(0);
    const read = script.stripes().flatMap(({ pieces }) => pieces);
    assert.equal(new Set(read).size, read.length, "nothing is read twice");
  });

  test("nothing else is granted until the time is over, or all of them are there", () => {
    for (const end of ["time", "all there"] as const) {
      const script = moving();
      script.open("a", { have: from(0, 8) });
      script.open("b");
      assert.deepEqual(script.grants(script.wait(999)), []);
      const after = end === "time" ? script.wait(1) : [...script.tell({ type: "hosts-moving", forMs: 0 }), ...script.wait(0)];
      assert.ok(script.stripes(after).length > 0, "the source is read on");
      assert.ok(
        script.grants(after).some(({ host, from: parent }) => host === "b" && parent === "a"),
        "and b is fed",
      );
    }
  });

  test("who reads is the root of a tree, however late it comes: what it reads it sends to no more hosts than others send theirs", () => {
    const script = moving();
    for (const name of ["c", "d", "e", "f"]) script.open(name, { have: from(0, 8) });
    script.open("a", { have: from(0, 8), reading: [run(8, 8)] });
    script.open("b", { have: from(0, 8), reading: [run(16, 8)] });
    const after = script.wait(1000);
    for (const reader of ["a", "b"]) {
      const owed = new Set(script.stripes().flatMap(({ host, pieces }) => (host === reader ? pieces : [])));
      const sent = script
        .grants()
        .flatMap(({ from: parent, pieces }) => (parent === reader ? pieces.filter((piece) => owed.has(piece)) : []));
      assert.ok(sent.length <= 2 * owed.size, `${reader} sends ${String(sent.length)} for ${String(owed.size)}`);
    }
    assert.ok(after.length > 0);
  });

  test("a blob that all of them left half done is read on where the last of them stopped: no piece a second time", () => {
    const script = moving();
    script.open("a", { have: from(0, 20), reading: [run(20, 4)] });
    script.open("b", { have: from(0, 12), reading: [run(24, 4)] });
    script.open("c", { have: from(4, 10) });
    script.wait(1000);
    const read = script.stripes().flatMap(({ pieces }) => pieces);
    assert.equal(Math.min(...read), 20);
    assert.equal(new Set(read).size, read.length);
  });

  test("of two that say they read the same pieces the first is believed", () => {
    const script = moving();
    script.open("a", { reading: [run(0, 8)] });
    script.open("b", { reading: [run(4, 8)] });
    assert.deepEqual(
      script.stripes().map(({ host, pieces }) => [host, pieces]),
      [
        ["a", from(0, 8)],
        ["b", from(8, 4)],
      ],
    );
  });

  test("a claim to read what is held, what is not there, with a stride, or without access gives nothing", () => {
    const script = moving();
    script.hold("c", from(0, 4));
    script.open("a", { have: from(4, 4), reading: [run(0, 8), run(250, 100), { first: 0, stride: 2, count: 4 }, run(-5, 3), run(8, 0)] });
    assert.deepEqual(
      script.stripes().map(({ pieces }) => pieces),
      [from(250, 6)],
    );
    script.open("b", { access: "none", reading: [run(100, 10)] });
    assert.equal(script.stripes().length, 1);
  });

  test("a reader that claims all and reads nothing is hedged as any late one, and its loss gives all of it to others", () => {
    const script = moving();
    script.open("a", { reading: [run(0, 256)] });
    script.open("b");
    script.wait(1000);
    assert.deepEqual(new Set(script.stripes().map(({ host }) => host)), new Set(["a"]));
    const after = script.lose("a");
    assert.deepEqual([script.stripes(after)[0]?.host, script.stripes(after)[0]?.pieces[0]], ["b", 0]);
  });

  test("a source that is read as a whole is read on as a whole by who says it reads", () => {
    const script = moving();
    script.open("a", { sequential: true, reading: [run(0, 256)] });
    script.open("b", { sequential: true });
    script.wait(1000);
    assert.deepEqual(
      script.stripes().map(({ host, pieces }) => [host, pieces.length]),
      [["a", 256]],
    );
  });

  test("while hosts move nobody is told that it starves", () => {
    const script = moving();
    script.open("a", { access: "none" });
    assert.deepEqual(only(script.wait(999), "tell-standing"), []);
    assert.equal(script.standing("a"), undefined);
    script.wait(1);
    assert.equal(script.standing("a"), "starved");
  });
});
