import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { SchedulerEffect } from "../effect.ts";
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

  test("who reports the last line has the lines of others with it, however few they are", () => {
    const script = new Script(12);
    for (const name of ["a", "b", "c", "d"]) script.open(name);
    const told = new Map<string, Set<number>>(["a", "b", "c", "d"].map((name) => [name, new Set()]));
    for (const piece of from(0, 12)) {
      const reader = piece === 11 ? "b" : "a";
      told.get(reader)?.add(piece);
      for (const { host: to, hashes } of only(script.read(reader, [piece]), "send-table"))
        for (const line of hashes) told.get(to)?.add(line.piece);
    }
    for (const [name, lines] of told) assert.equal(lines.size, 12, name);
  });

  test("a host that came through another registry takes nothing from it and reads its own", () => {
    const script = new Script(4);
    script.open("a", { registry: "one.example" });
    script.read("a", from(0, 4));
    const effects = script.open("b", { registry: "two.example" });
    assert.ok(script.grants(effects).length > 0 && script.grants(effects).every(({ from: parent }) => parent === "source"));
    assert.deepEqual(only(effects, "send-table"), []);
  });

  test("a proof makes the table theirs whose registry has shown something of the blob", () => {
    const script = new Script(4);
    script.open("a", { registry: "one.example" });
    script.read("a", from(0, 4));
    script.open("b", { registry: "two.example" });
    script.read("b", [0]);
    const effects = script.tell({ type: "blob-proven", host: host("a"), task: script.task });
    assert.deepEqual(
      only(effects, "send-table").map(({ host: to, hashes }) => [to, hashes.length]),
      [["b", 3]],
    );
    script.open("c", { registry: "two.example", access: "none" });
    assert.equal(script.standing("c"), "fed", "whoever comes through it later is not asked again");
  });

  test("a registry that has shown nothing of a blob gets nothing of it under its name, until its first piece is as the proven table says", () => {
    const script = new Script(4);
    script.open("a", { registry: "one.example" });
    script.read("a", from(0, 4));
    script.tell({ type: "blob-proven", host: host("a"), task: script.task });
    script.open("none", { registry: "lying.example", access: "none" });
    assert.equal(script.standing("none"), "starved");
    const opened = script.open("b", { registry: "lying.example" });
    assert.deepEqual(only(opened, "send-table"), []);
    const parents = script.grants(opened).map(({ from: parent }) => parent);
    assert.ok(parents.includes("source") && !parents.includes("a"), "the two have what their own registry gives");
    const shown = script.read("b", [0]);
    const told = only(shown, "send-table").filter(({ host: to }) => to === host("b"));
    assert.deepEqual(
      told.map(({ hashes }) => hashes.map(({ piece }) => piece)),
      [[1, 2, 3]],
    );
    assert.ok(script.grants(shown).some(({ from: parent }) => parent === "a"));
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

  test("who claims pieces whose lines it does not know does not hold them: others read them, and it is fed as everybody", () => {
    const script = new Script(4);
    script.open("a");
    script.open("liar", { access: "none" });
    script.read("a", [0]);
    script.hold("liar", [0, 1, 2, 3]);
    assert.equal(only(script.said, "ask-table").at(-1)?.host, host("liar"));
    const told = script.tell({ type: "table-told", host: host("liar"), task: script.task, hashes: [] });
    const since = script.grants([...told, ...script.read("a", [1, 2, 3])]);
    assert.deepEqual(
      since.filter(({ from: parent }) => parent === "liar"),
      [],
    );
    const fed = since.filter(({ host: child, from: parent }) => child === "liar" && parent === "a");
    assert.deepEqual(new Set(fed.flatMap(({ pieces }) => pieces)), new Set([1, 2, 3]));
  });

  test("who dropped the blob and goes on wanting it is told again what it told itself", () => {
    const script = new Script(4);
    script.open("a");
    script.read("a", [0, 1]);
    const dropped = script.tell({ type: "blob-dropped", host: host("a"), task: script.task });
    assert.deepEqual(linesTo("a", [...dropped, ...script.open("a")]), [0, 1]);
  });

  test("who opens again with fewer pieces than it was thought to hold is told all lines", () => {
    const script = new Script(4);
    script.open("a");
    script.read("a", [0, 1]);
    assert.deepEqual(linesTo("a", script.open("a", { have: [1] })), [0, 1]);
    assert.deepEqual(linesTo("a", script.open("a", { have: [1] })), []);
  });

  test("who says again that it waits for a piece is told the line again", () => {
    const script = new Script(4);
    script.open("a");
    script.open("b", { access: "none" });
    script.read("a", [0, 1]);
    assert.deepEqual(linesTo("b", script.need("b", 1)), []);
    assert.deepEqual(linesTo("b", script.need("b", 1)), [1]);
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

function linesTo(name: string, effects: readonly SchedulerEffect[]): number[] {
  return only(effects, "send-table").flatMap(({ host: to, hashes }) => (to === host(name) ? hashes.map(({ piece }) => piece) : []));
}
