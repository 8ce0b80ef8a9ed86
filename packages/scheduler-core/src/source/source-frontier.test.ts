import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { from, host, only, Script, taskOf } from "../../test/script.ts";

suite("the source frontier", () => {
  test("the first peer reads a stripe that begins at piece 0", () => {
    const script = new Script(256);
    assert.deepEqual(
      script.stripes(script.open("a")).map(({ host: reader, pieces }) => [reader, pieces]),
      [["a", from(0, 4)]],
    );
  });

  test("different hosts read different stripes at once, in order, and nobody reads what somebody else reads", () => {
    const script = new Script(256);
    for (const name of ["a", "b", "c"]) script.open(name);
    assert.deepEqual([...new Set(script.stripes().map(({ host: reader }) => reader))], ["a", "b"]);
    const pieces = script.stripes().flatMap((stripe) => stripe.pieces);
    assert.deepEqual(
      pieces.toSorted((left, right) => left - right),
      from(0, pieces.length),
    );
  });

  test("no more hosts read at once than maxReadersPerBlob", () => {
    const script = new Script(256, { maxReadersPerBlob: 1 });
    for (const name of ["a", "b", "c", "d"]) script.open(name);
    assert.deepEqual([...new Set(script.stripes().map(({ host: reader }) => reader))], ["a"]);
  });

  test("a host without access is never asked to read", () => {
    const script = new Script(256);
    script.open("a", { access: "none" });
    script.open("b", { access: "own" });
    assert.deepEqual(
      script.stripes().map(({ host: reader }) => reader),
      ["b"],
    );
  });

  test("the next stripe is granted when half of the last one was reported", () => {
    const script = new Script(256);
    script.open("a");
    assert.deepEqual(script.stripes(script.read("a", [0])), []);
    assert.deepEqual(
      script.stripes(script.read("a", [1])).map(({ pieces }) => pieces[0]),
      [4],
    );
  });

  test("a reader of short stripes has the next one before the last piece came", () => {
    const script = new Script(3);
    script.open("a");
    assert.deepEqual(
      script.stripes().map(({ pieces }) => pieces),
      [[0, 1]],
    );
    assert.deepEqual(
      script.stripes(script.read("a", [0])).map(({ pieces }) => pieces),
      [[2]],
    );
  });

  test("a registry whose first byte took seconds is asked for longer stripes from then on", () => {
    const script = new Script(256);
    script.open("a");
    script.wait(3000);
    const lengths = script.stripes(script.read("a", [0, 1])).map(({ pieces }) => pieces.length);
    assert.ok(lengths.length > 0 && lengths.every((length) => length === 16), String(lengths));
  });

  test("a source read without its first byte is hedged when it waited twice as long as the registry usually takes", () => {
    const script = new Script(256, { checkEveryMs: 250 });
    script.open("a");
    script.open("b");
    script.need("a", 0);
    script.wait(1500);
    script.read("b", [4]);
    assert.deepEqual(script.stripes(script.wait(1400)), []);
    const again = script.stripes(script.wait(400)).filter(({ pieces }) => pieces.includes(0));
    assert.deepEqual(
      again.map(({ host: reader }) => reader),
      ["b"],
    );
  });

  test("what only preheats want is not read twice because it is slow; when a reader waits for it, it is", () => {
    const script = new Script(256, { checkEveryMs: 250 });
    script.open("a", { preheat: true });
    script.open("b", { preheat: true });
    script.wait(1500);
    script.read("b", [4]);
    script.need("a", 0);
    assert.deepEqual(
      script.stripes(script.wait(30_000)).filter(({ pieces }) => pieces.includes(0)),
      [],
    );
    script.open("b");
    assert.ok(script.stripes(script.wait(500)).some(({ host: reader, pieces }) => reader === "b" && pieces.includes(0)));
  });

  test("a registry that gave nobody a byte yet is not asked twice: it is slow to all", () => {
    const script = new Script(256);
    script.open("a");
    script.open("b");
    script.need("a", 0);
    assert.deepEqual(script.stripes(script.wait(9000)), []);
  });

  test("a stripe whose source read broke goes to another host at once, for what it had not brought, and what was not begun with it", () => {
    const script = new Script(256);
    const [stripe] = script.stripes(script.open("a"));
    script.open("b");
    script.read("a", [0]);
    const effects = script.fail("a", stripe?.grant ?? 0, { code: "source-unavailable", retryAfterMs: 0 });
    assert.deepEqual(
      script.stripes(effects).map(({ host: reader, pieces }) => [reader, pieces]),
      [
        ["b", [1, 2, 3]],
        ["b", from(8, 4)],
      ],
    );
    assert.ok(script.grants(effects).some((grant) => grant.host === "a" && grant.from === "b" && grant.pieces.includes(1)));
  });

  test("the stripe of a lost host goes to another host at once", () => {
    const script = new Script(256);
    script.open("a");
    script.open("b");
    const lost = script.stripes().flatMap(({ host: reader, pieces }) => (reader === "a" ? pieces : []));
    const rescued = script.stripes(script.lose("a"));
    assert.ok(rescued.every(({ host: reader }) => reader === "b"));
    for (const piece of lost) assert.ok(rescued.some(({ pieces }) => pieces.includes(piece)));
  });

  test("a host whose credential was refused counts as one without access", () => {
    const script = new Script(256);
    const [stripe] = script.stripes(script.open("a"));
    script.fail("a", stripe?.grant ?? 0, { code: "source-refused" });
    assert.equal(script.standing("a"), "starved");
    script.wait(120_000);
    assert.equal(script.stripes().length, 1);
  });

  test("a registry that wants to be left alone is left alone by all tasks until its time, then read again", () => {
    const script = new Script(256);
    const [stripe] = script.stripes(script.open("a"));
    script.fail("a", stripe?.grant ?? 0, { code: "source-limited", retryAfterMs: 7000 });
    assert.equal(script.standing("a"), "limited");
    assert.deepEqual(script.stripes(script.open("b", { task: taskOf(8, "b") })), []);
    assert.deepEqual(script.stripes(script.wait(6999)), []);
    const readers = script.stripes(script.wait(2)).map(({ host: reader }) => reader);
    assert.deepEqual([...new Set(readers)].toSorted(), ["a", "b"]);
    assert.equal(script.standing("a"), "fed");
  });

  test("a source without ranges is read whole by one host, and everybody else is fed by it", () => {
    const script = new Script(256);
    const [stripe] = script.stripes(script.open("a"));
    script.open("b");
    script.open("c");
    const effects = script.fail("a", stripe?.grant ?? 0, { code: "source-without-range" });
    assert.deepEqual(
      script.stripes(effects).map(({ pieces }) => pieces),
      [from(0, 256)],
    );
    const reader = script.stripes(effects)[0]?.host;
    for (const child of ["a", "b", "c"].filter((name) => name !== reader)) {
      const promised = script
        .grants(effects)
        .filter((grant) => grant.host === child)
        .flatMap(({ pieces }) => pieces);
      assert.ok(promised.length >= 240, `${child} is promised ${String(promised.length)} pieces`);
    }
    script.wait(1000);
    assert.equal(script.scheduler.tasks()[0]?.stripes, 1);
  });

  test("a registry bears no more stripes at once than maxConnectionsPerRegistry, over all tasks", () => {
    const script = new Script(256, { maxConnectionsPerRegistry: 2 });
    script.open("a");
    script.open("b", { task: taskOf(8, "b") });
    script.open("c", { task: taskOf(8, "c") });
    assert.equal(script.stripes().length, 2);
    script.tell({ type: "peer-closed", host: host("a"), task: script.task });
    script.wait(2000);
    assert.deepEqual(
      script.stripes().map(({ host: reader }) => reader),
      ["a", "b", "c"],
    );
  });

  test("where another blob finds no connection free one host is enough for each: the second one ends with the stripes it has", () => {
    const script = new Script(256, { maxConnectionsPerRegistry: 2 });
    for (const name of ["a", "b"]) script.open(name);
    const other = script.anotherTask("b");
    const reader = (): string | undefined => script.stripes().find(({ host: each }) => each === "c")?.host;
    script.open("c", { task: other });
    for (let round = 0; round < 40 && reader() === undefined; round++) {
      script.wait(500);
      const stripes = script.stripes();
      for (const name of ["a", "b"]) {
        const next = stripes
          .filter(({ host: each }) => each === name)
          .flatMap(({ pieces }) => pieces)
          .slice(round * 4, round * 4 + 4);
        if (next.length > 0) script.read(name, next);
      }
    }
    assert.equal(reader(), "c");
    assert.ok(
      script.scheduler.tasks().every(({ stripes }) => stripes > 0),
      "both blobs are read",
    );
  });

  test("preheats leave a quarter of a registry's connections to readers: one that comes to another blob is read for at once", () => {
    const script = new Script(256, { maxConnectionsPerRegistry: 4 });
    for (const letter of ["a", "b", "c", "d"]) script.open(letter, { preheat: true, task: script.anotherTask(letter) });
    const readers = (): string[] => script.stripes().map(({ host: reader }) => reader);
    assert.deepEqual(readers(), ["a", "b", "c"]);
    script.open("e", { task: script.anotherTask("e") });
    assert.deepEqual(readers(), ["a", "b", "c", "e"]);
    script.open("f", { task: script.anotherTask("f") });
    script.wait(2000);
    assert.deepEqual(readers(), ["a", "b", "c", "e"], "more than there are is given to nobody");
  });

  test("in one blob the next stripe is a waiting reader's, and its pieces are promised before those of preheats", () => {
    const script = new Script(256, { maxReadersPerBlob: 1 });
    script.open("a", { preheat: true });
    script.open("b", { preheat: true });
    script.open("z");
    const [next] = script.stripes(script.read("a", [0, 1, 2, 3]));
    assert.equal(next?.host, "z", "though its id comes last");
    const fed = new Script(256);
    for (const name of ["a", "b"]) fed.open(name, { preheat: true, access: "none" });
    fed.open("z", { access: "none" });
    assert.equal(fed.grants(fed.hold("h"))[0]?.host, "z");
  });

  test("a peer that holds everything is told nothing more", () => {
    const script = new Script(1);
    script.open("a");
    assert.deepEqual(script.read("a", [0]), []);
    assert.deepEqual(script.wait(60_000), []);
    assert.deepEqual(
      only(script.said, "tell-standing").map(({ standing }) => standing),
      ["fed"],
    );
  });
});
