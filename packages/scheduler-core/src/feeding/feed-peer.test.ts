import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { from, host, Script } from "../../test/script.ts";

suite("feeding a peer", () => {
  test("a peer takes what a holder has from the holder, and nothing from the source", () => {
    const script = new Script(16);
    script.hold("h");
    const effects = script.open("a");
    assert.deepEqual(script.stripes(effects), []);
    assert.deepEqual([...new Set(script.grants(effects).map(({ from: parent }) => parent))], ["h"]);
  });

  test("a late joiner spreads its demand over the holders", () => {
    const script = new Script(256);
    for (const name of ["h", "i", "j", "k"]) script.hold(name);
    const parents = script.grants(script.open("a")).map(({ from: parent }) => parent);
    assert.deepEqual(parents.toSorted(), ["h", "i", "j", "k"]);
  });

  test("cold peers take different runs from one holder and swap them", () => {
    const script = new Script(256);
    script.hold("h");
    for (const name of ["a", "b", "c"]) script.open(name, { access: "none" });
    const fromHolder = script
      .grants()
      .filter(({ from: parent }) => parent === "h")
      .flatMap(({ pieces }) => pieces);
    assert.equal(new Set(fromHolder).size, fromHolder.length);
    assert.ok(script.grants().some(({ host: child, from: parent }) => child === "b" && parent === "a"));
  });

  test("no more is promised of what is ready than the window bears, and more as it arrives", () => {
    const script = new Script(256, { windowBytes: 2 * 1024 * 1024, maxUnitsPerPeer: 100 });
    script.hold("h");
    const promised = script.grants(script.open("a")).flatMap(({ pieces }) => pieces);
    assert.equal(promised.length, 8);
    assert.equal(script.grants(script.got("a", promised.slice(0, 4))).flatMap(({ pieces }) => pieces).length, 4);
  });

  test("the parent with less to send is chosen, the nearer one on a tie", () => {
    const script = new Script(4);
    for (const [name, zone] of [
      ["far", "eu-2"],
      ["near", "eu-1/rack-1"],
    ] as const) {
      script.tell({ type: "host-joined", host: host(name), address: name, zone, seed: false });
      script.hold(name);
    }
    script.tell({ type: "host-joined", host: host("a"), address: "a", zone: "eu-1/rack-2", seed: false });
    const parents = script.grants(script.open("a")).map(({ from: parent }) => parent);
    assert.equal(parents[0], "near");
    assert.equal(parents[1], "far");
  });

  test("children of a lost host get their pieces another way", () => {
    const script = new Script(8);
    script.hold("h");
    script.open("a", { access: "none" });
    script.hold("i");
    const effects = script.lose("h");
    const granted = script.grants(effects).flatMap(({ pieces, from: parent }) => (parent === "i" ? pieces : []));
    assert.ok(granted.length > 0);
    assert.equal(script.standing("a"), "fed");
  });

  test("a parent that failed a child is not chosen again for it a moment later", () => {
    const script = new Script(4);
    script.hold("h");
    script.hold("i");
    const [first] = script.grants(script.open("a", { access: "none" }));
    const effects = script.fail("a", first?.grant ?? 0, { code: "parent-silent" });
    const again = script.grants(effects).filter(({ pieces }) => pieces.includes(first?.pieces[0] ?? -1));
    assert.ok(again.length === 1 && again[0]?.from !== first?.from);
  });

  test("after three strikes within a minute a host is chosen by nobody for a while, then again", () => {
    const script = new Script(4);
    script.hold("h");
    // It gave somebody something: what it holds is believed.
    script.open("z", { access: "none" });
    script.got("z", from(0, 4));
    script.lose("z");
    for (const name of ["a", "b", "c"]) {
      const [grant] = script.grants(script.open(name, { access: "none" })).filter(({ from: parent }) => parent === "h");
      script.fail(name, grant?.grant ?? 0, { code: "parent-silent" });
    }
    assert.equal(script.grants(script.open("d", { access: "none" })).filter(({ from: parent }) => parent === "h").length, 0);
    const later = script.grants(script.wait(60_000));
    assert.ok(later.some(({ from: parent }) => parent === "h"));
  });

  test("a host that lets two children down and gave nobody anything is not believed to hold what it says", () => {
    const script = new Script(8);
    script.hold("h");
    for (const name of ["a", "b"]) script.open(name);
    for (const name of ["a", "b"]) {
      const grant = script.grants().find(({ host: child, from: parent }) => child === name && parent === "h");
      assert.ok(grant !== undefined);
      script.fail(name, grant.grant, { code: "parent-silent" });
    }
    assert.equal(script.scheduler.tasks()[0]?.holders, 0);
    assert.ok(script.stripes().length > 0, "the source is read instead");
  });

  test("a grant that brings nothing for long is taken back where another holder can give", () => {
    const script = new Script(1);
    script.hold("h");
    const [grant] = script.grants(script.open("a", { access: "none" }));
    script.hold("i");
    const effects = script.wait(16_000);
    assert.ok(effects.some((effect) => effect.type === "revoke-grant" && effect.grant === grant?.grant));
    assert.deepEqual(
      script.grants(effects).map(({ from: parent }) => parent),
      ["i"],
    );
  });

  test("a peer that nobody can give anything is told that it is starved, and fed once somebody can", () => {
    const script = new Script(4);
    script.open("a", { access: "none" });
    assert.equal(script.standing("a"), "starved");
    script.open("b");
    assert.equal(script.standing("a"), "fed");
  });
});
