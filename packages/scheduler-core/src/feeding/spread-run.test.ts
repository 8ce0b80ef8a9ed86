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
    assert.deepEqual(standing, from(0, 8));
  });

  test("among eight hosts no piece of a stripe takes more than two steps from its reader", () => {
    const script = new Script(256);
    const names = from(0, 8).map((number) => `host-${String(number)}`);
    for (const name of names) script.open(name);
    const effects = names.flatMap((name, index) => script.read(name, from(4 * index, 2)));
    for (const { host: reader, pieces } of script.stripes(effects)) {
      const parents = new Map(script.grants(effects).flatMap((each) => (each.pieces[0] === pieces[0] ? [[each.host, each.from]] : [])));
      const far = names.filter(
        (name) => name !== reader && parents.get(name) !== reader && parents.get(parents.get(name) ?? "") !== reader,
      );
      assert.deepEqual(far, []);
    }
  });

  test("among fifty hosts a stripe reaches everybody once, and nobody feeds more than sixteen of them", () => {
    const script = new Script(256);
    const names = from(0, 50).map((number) => `host-${String(number).padStart(2, "0")}`);
    for (const name of names) script.open(name, { access: name < "host-08" ? "caller" : "none" });
    const effects = script.read("host-00", [0, 1]);
    const [stripe] = script.stripes(effects);
    const fed = script.grants(effects).filter((grant) => grant.from !== "source" && grant.pieces[0] === stripe?.pieces[0]);
    assert.equal(new Set(fed.map(({ host }) => host)).size, 49);
    const feeds = new Map<string, number>();
    for (const { from: parent } of fed) feeds.set(parent, (feeds.get(parent) ?? 0) + 1);
    assert.ok(Math.max(...feeds.values()) <= 16, JSON.stringify([...feeds]));
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
