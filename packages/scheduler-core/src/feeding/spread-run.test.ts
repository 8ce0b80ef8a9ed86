import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { from, Script } from "../../test/script.ts";

suite("spreading a run", () => {
  test("as soon as a stripe is granted, every other peer is promised it from its reader", () => {
    const script = new Script(256);
    script.open("a");
    script.open("b", { access: "none" });
    const stripes = script.stripes(script.read("a", [0, 1]));
    const standing = script
      .grants()
      .filter(({ host, from: parent }) => host === "b" && parent === "a")
      .flatMap(({ pieces }) => pieces);
    assert.deepEqual(
      stripes.flatMap(({ pieces }) => pieces),
      from(4, 4),
    );
    assert.deepEqual(
      standing.sort((left, right) => left - right),
      from(0, 8),
    );
  });

  test("among eight hosts every piece of a stripe reaches everybody in at most four steps", () => {
    const script = new Script(256);
    const names = from(0, 8).map((number) => `host-${String(number)}`);
    for (const name of names) script.open(name);
    const effects = names.flatMap((name, index) => script.read(name, from(4 * index, 2)));
    const granted = script.grants(effects);
    for (const { pieces } of script.stripes(effects)) {
      for (const piece of pieces) {
        const parents = new Map(granted.flatMap((each) => (each.pieces.includes(piece) ? [[each.host, each.from]] : [])));
        const steps = (name: string): number => {
          const parent = parents.get(name);
          return parent === undefined ? Number.NaN : parent === "source" ? 0 : 1 + steps(parent);
        };
        assert.ok(names.every((name) => steps(name) <= 4));
      }
    }
  });

  test("among fifty hosts a stripe reaches everybody once, and nobody feeds more than three of them", () => {
    const script = new Script(256);
    const names = from(0, 50).map((number) => `host-${String(number).padStart(2, "0")}`);
    for (const name of names) script.open(name, { access: name < "host-08" ? "caller" : "none" });
    const effects = [...script.read("host-00", from(0, 4)), ...script.read("host-00", from(8, 4)), ...script.read("host-01", from(4, 4))];
    const pieces = script.stripes(effects).flatMap((stripe) => stripe.pieces);
    assert.ok(pieces.length > 0);
    for (const piece of pieces) {
      const fed = script.grants(effects).filter((grant) => grant.from !== "source" && grant.pieces.includes(piece));
      assert.equal(fed.length, 49);
      assert.equal(new Set(fed.map(({ host }) => host)).size, 49);
      const feeds = new Map<string, number>();
      for (const { from: parent } of fed) feeds.set(parent, (feeds.get(parent) ?? 0) + 1);
      assert.ok(Math.max(...feeds.values()) <= 3, JSON.stringify([...feeds]));
    }
  });

  test("inner roles go round: over many stripes the busiest host is promised to send hardly more than its share", () => {
    const script = new Script(256);
    const names = from(0, 24).map((number) => `host-${String(number).padStart(2, "0")}`);
    for (const name of names) script.open(name);
    // Everybody reports everything it is promised, a few rounds long.
    for (let round = 0; round < 12; round++) {
      for (const { host, from: parent, pieces } of script.grants().slice(-400)) {
        if (parent === "source") script.read(host, pieces);
        else script.got(host, pieces);
      }
    }
    const sent = new Map<string, number>();
    for (const { from: parent, pieces } of script.grants())
      if (parent !== "source") sent.set(parent, (sent.get(parent) ?? 0) + pieces.length);
    const total = [...sent.values()].reduce((sum, count) => sum + count, 0);
    assert.ok(Math.max(...sent.values()) <= (2 * total) / names.length, JSON.stringify([...sent]));
  });

  test("a blob of one piece is read once, and everybody else is fed", () => {
    const script = new Script(1);
    for (const number of from(0, 12)) script.open(`host-${String(number).padStart(2, "0")}`);
    assert.equal(script.stripes().length, 1);
    assert.equal(new Set(script.grants().map(({ host }) => host)).size, 12);
  });
});
