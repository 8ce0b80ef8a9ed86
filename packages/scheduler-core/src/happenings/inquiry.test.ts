import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { from, host, only, Script } from "../../test/script.ts";
import type { SchedulerEffect } from "../effect.ts";

const ALL = from(0, 4);

function proven(script: Script, name: string): SchedulerEffect[] {
  return script.tell({ type: "blob-proven", host: host(name), task: script.task });
}

function alarm(script: Script, name: string): SchedulerEffect[] {
  return script.tell({ type: "proof-failed", host: host(name), task: script.task });
}

function restarted(effects: readonly SchedulerEffect[]): string[] {
  return only(effects, "restart-peer")
    .map(({ host: to }) => to)
    .toSorted();
}

function faults(effects: readonly SchedulerEffect[]): unknown[] {
  return only(effects, "name-fault").map(({ host: who, fault, registry, blocked }) => [who, fault, registry, blocked]);
}

suite("wrong bytes: one word against another", () => {
  test("a table that contradicts a proven one is not dropped on another host's word: its own failed proof drops it, and its registry is read again", () => {
    const script = new Script(4);
    script.open("b", { registry: "evil.example" });
    script.read("b", [0], 1);
    script.open("a", { registry: "one.example" });
    script.read("a", ALL);
    const effects = proven(script, "a");
    assert.deepEqual(restarted(effects), []);
    assert.ok(script.grants(effects).every(({ from: parent }) => parent === "source"));
    const after = alarm(script, "b");
    assert.deepEqual(restarted(after), ["b"]);
    assert.ok(script.grants(after).every(({ from: parent }) => parent === "source"));
  });

  test("one failed proof costs only who tells of it; the second one drops the table for everybody", () => {
    const script = new Script(8);
    for (const name of ["a", "b", "c"]) script.open(name);
    script.read("a", from(0, 8));
    script.got("b", from(0, 8));
    script.got("c", [0, 1]);
    assert.deepEqual(restarted(alarm(script, "b")), ["b"]);
    assert.deepEqual(restarted(alarm(script, "a")), ["a", "b", "c"]);
  });

  test("who fails alone begins again with an empty table", () => {
    const script = new Script(4);
    script.open("a");
    script.read("a", ALL);
    assert.deepEqual(restarted(alarm(script, "a")), ["a"]);
    assert.equal(script.scheduler.tasks()[0]?.holders, 0);
  });

  test("two hosts that say different things of one piece of one registry are both left to themselves; others go on", () => {
    const script = new Script(8);
    for (const name of ["w", "h", "c"]) script.open(name);
    script.read("w", [0, 1]);
    const effects = script.read("h", [0], 1);
    assert.deepEqual(faults(effects), [
      ["h", "contradiction", "one.example", false],
      ["w", "contradiction", "one.example", false],
    ]);
    assert.deepEqual(restarted(effects), []);
    assert.deepEqual([script.standing("w"), script.standing("h")], ["starved", "starved"]);
    assert.ok(script.grants(effects).every(({ host: child, from: parent }) => child === "c" && parent === "source"));
    assert.deepEqual(script.grants(script.open("w")), [], "nothing is granted to, or taken from, who is doubted");
  });

  test("a second host that contradicts a host that is doubted settles it: the table goes, and who contradicted first is heard again", () => {
    const script = new Script(8);
    for (const name of ["w", "h", "c", "d"]) script.open(name);
    script.read("w", [0]);
    script.read("h", [0], 1);
    script.need("c", 4);
    const stripe = script.stripes().findLast(({ host: reader }) => reader === "c" || reader === "d");
    assert.ok(stripe !== undefined);
    const effects = script.fail(stripe.host, stripe.grant, { code: "piece-refused", piece: 0 });
    assert.deepEqual(faults(effects), [["w", "wrong-table", "one.example", false]]);
    assert.deepEqual(restarted(effects), ["c", "d"]);
    assert.deepEqual(script.grants(script.open("w")), []);
    assert.ok(script.grants(script.open("h")).length > 0);
  });

  test("a host through another registry that contradicts the only proof goes on with its own, and who proved it is not touched", () => {
    const script = new Script(4);
    script.open("a");
    script.read("a", ALL);
    proven(script, "a");
    script.open("b", { registry: "evil.example" });
    const effects = script.read("b", [0], 1);
    assert.deepEqual(restarted(effects), []);
    assert.ok(script.grants(effects).every(({ from: parent }) => parent === "source"));
    assert.deepEqual(faults(effects), []);
    assert.equal(script.scheduler.tasks()[0]?.holders, 2);
  });
});

suite("wrong bytes: who was it", () => {
  /** The liar's line gets into the table, two hosts fail, it is read anew, and two hosts prove it. */
  function spoil(script: Script, liar: string, task: Script["task"]): SchedulerEffect[] {
    const effects: SchedulerEffect[] = [];
    const say = (name: string, type: "blob-proven" | "proof-failed"): void => {
      effects.push(...script.tell({ type, host: host(name), task }));
    };
    for (const name of [liar, "a", "b"]) script.open(name, { task });
    script.readOf(task, liar, [0], 1);
    script.readOf(task, "a", [1, 2, 3]);
    for (const name of ["a", "b"]) say(name, "proof-failed");
    script.readOf(task, "a", ALL);
    for (const name of ["a", "b"]) say(name, "blob-proven");
    return effects;
  }

  test("a wrong line is brought home to who said it: named by the first proof, blocked for that registry the second time", () => {
    const script = new Script(4);
    const first = spoil(script, "w", script.task);
    assert.ok(
      faults(first).length > 0 &&
        faults(first).every((fault) => JSON.stringify(fault) === JSON.stringify(["w", "wrong-table", "one.example", false])),
    );
    const again = script.anotherTask("b");
    const second = spoil(script, "w", again);
    assert.deepEqual(faults(second).at(-1), ["w", "wrong-table", "one.example", true]);
    const third = script.anotherTask("c");
    assert.deepEqual(script.grants(script.open("w", { task: third })), []);
    assert.ok(script.grants(script.open("w", { task: third, registry: "two.example" })).length > 0, "through another registry it is heard");
    script.lose("w");
    script.wait(0);
    assert.deepEqual(script.grants(script.open("w", { task: third })), [], "also after it came back");
    script.wait(600_000);
    assert.ok(script.grants(script.open("w", { task: third })).length > 0, "after the time it is heard again");
  });

  test("who cries wrong over a table that two hosts prove is blocked the second time, and nobody else begins again", () => {
    const script = new Script(4);
    const told: SchedulerEffect[] = [];
    for (const letter of ["b", "c"]) {
      const task = script.anotherTask(letter);
      for (const name of ["a", "b", "l"]) script.open(name, { task });
      script.readOf(task, "a", ALL);
      for (const name of ["a", "b"]) told.push(...script.tell({ type: "blob-proven", host: host(name), task }));
      told.push(...script.tell({ type: "proof-failed", host: host("l"), task }));
    }
    assert.deepEqual(faults(told), [
      ["l", "false-alarm", "", false],
      ["l", "false-alarm", "", true],
    ]);
    assert.deepEqual(new Set(restarted(told)), new Set(["l"]));
  });

  test("a false proof is taken back when two hosts fail by it, and blocked the second time", () => {
    const script = new Script(4);
    const told: SchedulerEffect[] = [];
    for (const letter of ["b", "c"]) {
      const task = script.anotherTask(letter);
      script.open("p", { task });
      script.readOf(task, "p", ALL, 1);
      told.push(...script.tell({ type: "blob-proven", host: host("p"), task }));
      for (const name of ["a", "b"]) script.open(name, { task });
      for (const name of ["a", "b"]) told.push(...script.tell({ type: "proof-failed", host: host(name), task }));
      script.readOf(task, "a", ALL);
      for (const name of ["a", "b"]) told.push(...script.tell({ type: "blob-proven", host: host(name), task }));
    }
    const named = faults(told).filter((fault) => Array.isArray(fault) && fault[1] === "false-proof");
    assert.deepEqual(named.at(-1), ["p", "false-proof", "", true]);
    assert.ok(faults(told).every((fault) => Array.isArray(fault) && fault[0] === "p"));
  });

  test("wrong pieces count against a parent when two children refused them and the table is proven", () => {
    const script = new Script(4);
    for (const name of ["p", "a", "b"]) script.open(name);
    script.read("p", ALL);
    for (const name of ["a", "b"]) {
      const grant = script.grants().find(({ host: child, from: parent }) => child === name && parent === "p");
      assert.ok(grant !== undefined);
      script.fail(name, grant.grant, { code: "piece-refused", piece: grant.pieces[0] ?? 0 });
    }
    assert.deepEqual(faults(script.said), []);
    proven(script, "a");
    const effects = proven(script, "b");
    assert.deepEqual(faults(effects).at(-1), ["p", "wrong-pieces", "", true]);
  });

  test("whom two children refused pieces of gives nobody anything, before any proof; one child's word is not enough", () => {
    const script = new Script(16);
    for (const name of ["p", "a", "b", "c"]) script.open(name, { access: name === "p" ? "caller" : "none" });
    const read = script.stripes()[0]?.pieces ?? [];
    script.read("p", read);
    const sent = (name: string) =>
      script
        .grants()
        .findLast(({ host: child, from: parent, pieces }) => child === name && parent === "p" && read.includes(pieces[0] ?? -1));
    const benched = (): number | undefined => script.scheduler.hosts().find(({ host: id }) => id === "p")?.benchedUntil;
    const refusers = ["a", "b", "c"].filter((name) => sent(name) !== undefined);
    for (const [index, name] of refusers.slice(0, 2).entries()) {
      assert.equal(benched(), 0);
      const grant = sent(name);
      script.fail(name, grant?.grant ?? 0, { code: "piece-refused", piece: grant?.pieces[0] ?? -1 });
      assert.equal(index === 1, (benched() ?? 0) > script.now);
    }
    const before = script.said.length;
    script.open("d", { access: "none" });
    script.wait(20_000);
    assert.deepEqual(
      script.grants(script.said.slice(before)).filter(({ from: parent }) => parent === "p"),
      [],
    );
  });

  test("who sent wrong pieces gives nothing any more, and is fed on: left to itself it would read a copy of its own", () => {
    const script = new Script(4);
    for (const name of ["p", "a", "b"]) script.open(name);
    script.read("p", [0, 1]);
    for (const name of ["a", "b"]) {
      const grant = script.grants().find(({ host: child, from: parent }) => child === name && parent === "p");
      assert.ok(grant !== undefined);
      script.fail(name, grant.grant, { code: "piece-refused", piece: grant.pieces[0] ?? 0 });
    }
    script.read("a", ALL);
    script.got("b", ALL);
    for (const name of ["a", "b"]) proven(script, name);
    assert.deepEqual(faults(script.said).at(-1), ["p", "wrong-pieces", "", true]);
    assert.equal(script.standing("p"), "fed");
    assert.ok(
      script.grants(script.wait(20_000).concat(script.said)).some(({ host: child, from: parent }) => child === "p" && parent !== "source"),
    );
    const opened = script.open("c", { access: "none" });
    assert.deepEqual(
      script.grants(opened).filter(({ from: parent }) => parent === "p"),
      [],
    );
  });

  test("a registry that was wrong once is nobody's fault when the alarm comes from who read it", () => {
    const script = new Script(4);
    for (const name of ["a", "b"]) script.open(name);
    script.read("a", [0], 1);
    script.read("b", [1, 2, 3]);
    script.got("a", [1, 2, 3]);
    script.got("b", [0]);
    alarm(script, "a");
    alarm(script, "b");
    script.read("a", ALL);
    proven(script, "a");
    const effects = proven(script, "b");
    assert.deepEqual(faults(script.said.filter((effect) => effect.type === "name-fault" && effect.blocked)), []);
    assert.ok(!faults(effects).some((fault) => Array.isArray(fault) && fault[0] === "b"));
  });
});

suite("wrong bytes: a registry", () => {
  test("one that failed two hosts is not asked for this blob any more by anybody, until the time is over", () => {
    const script = new Script(1);
    script.open("a");
    for (let failure = 0; failure < 2; failure++) {
      script.read("a", [0]);
      alarm(script, "a");
    }
    script.open("b");
    assert.notEqual(script.standing("b"), "struck", "one host alone strikes it for nobody else");
    script.read("b", [0]);
    const effects = alarm(script, "b");
    assert.deepEqual(faults(effects), [["b", "registry-wrong-bytes", "one.example", true]]);
    assert.equal(script.standing("b"), "struck");
    script.lose("a");
    script.lose("b");
    script.open("c");
    assert.deepEqual([script.standing("c"), script.stripes(script.wait(60_000)).length], ["struck", 0], "also when the swarm is gone");
    script.open("d", { registry: "two.example" });
    assert.ok(
      script.stripes().some(({ host: reader }) => reader === "d"),
      "another registry is asked as ever",
    );
    script.lose("c");
    script.wait(600_000);
    assert.ok(script.stripes(script.open("c")).length > 0);
  });

  test("one host that fails again and again strikes it for itself", () => {
    const script = new Script(1);
    script.open("a");
    for (let failure = 0; failure < 3; failure++) {
      script.read("a", [0]);
      alarm(script, "a");
    }
    assert.equal(script.standing("a"), "struck");
  });
});
