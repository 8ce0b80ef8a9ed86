import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { from, host, linesOf, only, Script } from "../../test/script.ts";

suite("piece tables", () => {
  test("new lines go once to every other peer of the registry, all known lines to one that opens later", () => {
    const script = new Script(256);
    script.open("a");
    script.open("b");
    const sent = only(script.read("a", [0, 1]), "send-table");
    assert.deepEqual(
      sent.map(({ host: to, hashes }) => [to, hashes.map(({ piece }) => piece)]),
      [["b", [0, 1]]],
    );
    assert.deepEqual(only(script.read("a", [1]), "send-table"), []);
    const late = only(script.open("c"), "send-table");
    assert.deepEqual(
      late.map(({ host: to, hashes }) => [to, hashes.length]),
      [["c", 2]],
    );
  });

  test("a host that came through another registry takes nothing from it and reads its own", () => {
    const script = new Script(4);
    script.open("a", { registry: "one.example" });
    script.read("a", from(0, 4));
    const effects = script.open("b", { registry: "two.example" });
    assert.ok(script.grants(effects).length > 0 && script.grants(effects).every(({ from: parent }) => parent === "source"));
    assert.deepEqual(only(effects, "send-table"), []);
  });

  test("a proof makes the table everybody's", () => {
    const script = new Script(4);
    script.open("a", { registry: "one.example" });
    script.read("a", from(0, 4));
    script.open("b", { registry: "two.example", access: "none" });
    assert.equal(script.standing("b"), "starved");
    const effects = script.tell({ type: "blob-proven", host: host("a"), task: script.task });
    assert.deepEqual(
      only(effects, "send-table").map(({ host: to, hashes }) => [to, hashes.length]),
      [["b", 4]],
    );
    assert.ok(script.grants(effects).every(({ host: child, from: parent }) => child === "b" && parent === "a"));
    assert.equal(script.standing("b"), "fed");
  });

  test("a registry whose table contradicts the proven one is forgotten: its peers begin again", () => {
    const script = new Script(4);
    script.open("b", { registry: "two.example" });
    script.read("b", [0], 1);
    script.open("a", { registry: "one.example" });
    script.read("a", from(0, 4));
    const effects = script.tell({ type: "blob-proven", host: host("a"), task: script.task });
    assert.deepEqual(
      only(effects, "restart-peer").map(({ host: to }) => to),
      ["b"],
    );
    assert.ok(
      script.grants(effects).some(({ host: child, from: parent, pieces }) => child === "b" && parent === "a" && pieces.includes(0)),
    );
  });

  test("after a failed proof the table and every unproven piece of it are forgotten, and its peers begin again", () => {
    const script = new Script(4);
    script.open("a");
    script.read("a", from(0, 4));
    script.open("b");
    script.hold("x", [0]);
    const effects = script.tell({ type: "proof-failed", host: host("a"), task: script.task });
    assert.deepEqual(
      only(effects, "restart-peer")
        .map(({ host: to }) => to)
        .toSorted(),
      ["a", "b"],
    );
    assert.equal(script.stripes(effects)[0]?.pieces[0], 0);
    assert.equal(script.scheduler.tasks()[0]?.holders, 0);
  });

  test("a registry whose bytes failed the proof three times is not asked any more", () => {
    const script = new Script(1);
    script.open("a");
    for (let failure = 0; failure < 3; failure++) {
      script.read("a", [0]);
      script.tell({ type: "proof-failed", host: host("a"), task: script.task });
    }
    assert.equal(script.standing("a"), "starved");
    assert.deepEqual(script.stripes(script.wait(60_000)), []);
  });

  test("a line that contradicts a known one is not taken: who read it begins again with the table", () => {
    const script = new Script(8);
    script.open("a");
    script.open("b");
    script.read("a", [0]);
    const effects = script.read("b", [0], 1);
    assert.deepEqual(
      only(effects, "restart-peer").map(({ host: to }) => to),
      ["b"],
    );
    assert.deepEqual(
      only(effects, "send-table").map(({ host: to, hashes }) => [to, hashes]),
      [["b", linesOf([0])]],
    );
  });

  test("after a restart a holder is asked for the table, another one where it does not answer", () => {
    const script = new Script(4);
    script.hold("h", [0, 1]);
    script.hold("i", [0, 1]);
    const asked = only(script.open("a", { access: "none" }), "ask-table").map(({ host: to }) => to);
    const askedNext = only(script.wait(6500), "ask-table").map(({ host: to }) => to);
    assert.deepEqual([...asked, ...askedNext].toSorted(), ["h", "i"]);
    const told = script.tell({ type: "table-told", host: host("i"), task: script.task, hashes: linesOf([0, 1]) });
    assert.deepEqual(
      only(told, "send-table")
        .filter(({ host: to }) => to === "a")
        .map(({ hashes }) => hashes.length),
      [2],
    );
    assert.deepEqual(only(script.wait(20_000), "ask-table"), []);
  });

  test("lines and pieces that the blob does not have are ignored", () => {
    const script = new Script(4);
    script.open("a");
    script.open("b");
    const effects = script.tell({
      type: "pieces-verified",
      host: host("a"),
      task: script.task,
      pieces: [
        { first: 3, stride: 1, count: 1e9 },
        { first: -5, stride: 0, count: 3 },
      ],
      hashes: linesOf([4, 99]),
    });
    assert.deepEqual(only(effects, "send-table"), []);
    assert.deepEqual(only(effects, "restart-peer"), []);
  });

  test("a task that came through too many registries starves the next one instead of growing", () => {
    const script = new Script(4, { maxRegistriesPerTask: 1 });
    script.open("a", { registry: "one.example" });
    script.open("b", { registry: "two.example" });
    assert.equal(script.standing("b"), "starved");
  });
});
