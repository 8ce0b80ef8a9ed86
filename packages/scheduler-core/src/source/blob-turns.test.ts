import { piecesOf, type Task } from "@darner/domain";
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { only, Script } from "../../test/script.ts";

const LETTERS = Array.from("0123456789bcdef");
const PIECE_MS = 100;

suite("turns of blobs at the source", () => {
  test("of many layers that the same hosts want a few stripes are read at once, and every layer has its first pieces within one round", () => {
    const script = new Script(16);
    const layers = LETTERS.map((letter) => script.anotherTask(letter));
    for (const name of ["a", "b", "c"]) for (const task of layers) script.open(name, { task });
    const begun = new Set<string>();
    let most = 0;
    for (let piece = 0; piece < 2 * layers.length + 4; piece++) {
      most = Math.max(most, underWay(script).length);
      bringFirst(script);
      for (const { digest } of tasksRead(script)) begun.add(digest);
    }
    assert.ok(most <= 6, String(most));
    assert.equal(begun.size, layers.length);
  });

  test("all of them end, each piece read once", () => {
    const script = new Script(16);
    const layers = LETTERS.slice(0, 6).map((letter) => script.anotherTask(letter));
    for (const name of ["a", "b"]) for (const task of layers) script.open(name, { task });
    for (let piece = 0; piece < 16 * layers.length; piece++) bringFirst(script);
    const asked = only(script.said, "grant-stripe").flatMap(({ task, run }) =>
      piecesOf(run).map((piece) => `${task.digest} ${String(piece)}`),
    );
    assert.equal(asked.length, 16 * layers.length);
    assert.equal(new Set(asked).size, asked.length);
  });

  test("who waited longest is next, not who was read last", () => {
    const script = new Script(16);
    const layers = ["0", "1", "2", "3"].map((letter) => script.anotherTask(letter));
    for (const name of ["a", "b"]) for (const task of layers) script.open(name, { task });
    const turns: string[] = [];
    for (let piece = 0; piece < 40; piece++) {
      const said = script.said.length;
      bringFirst(script);
      for (const { task } of only(script.said.slice(said), "grant-stripe")) if (turns.at(-1) !== task.digest) turns.push(task.digest);
    }
    // Between two turns of one blob each other one had one, as long as all have something to read.
    const rounds = turns.slice(1, 9);
    for (let at = 0; at + 4 <= rounds.length; at++)
      assert.equal(new Set(rounds.slice(at, at + 4)).size, 4, rounds.map((digest) => digest[7]).join(" "));
  });

  test("a blob that other hosts want is read at once", () => {
    const script = new Script(16);
    const layers = LETTERS.map((letter) => script.anotherTask(letter));
    for (const task of layers) for (const name of ["a", "b"]) script.open(name, { task });
    const read = script.stripes().length;
    script.open("z", { task: script.anotherTask("a") });
    assert.equal(script.stripes().length, read + 1);
  });

  test("a small one does not wait for a large one of which much was dealt while nobody else waited", () => {
    const script = new Script(256);
    for (const name of ["a", "b"]) script.open(name);
    for (let piece = 0; piece < 60; piece++) bringFirst(script);
    assert.ok(underWay(script).length > 2, "dealt ahead");
    const small: Task = { ...script.anotherTask("b"), size: 200_000 };
    script.open("a", { task: small });
    assert.ok(tasksRead(script).some(({ digest }) => digest === small.digest));
  });

  test("who waits for its turn is told again that pieces will come", () => {
    const script = new Script(16);
    const layers = LETTERS.map((letter) => script.anotherTask(letter));
    for (const name of ["a", "b"]) for (const task of layers) script.open(name, { task });
    const said = script.said.length;
    const last = layers.at(-1);
    for (let piece = 0; piece < 5; piece++) {
      script.wait(1900);
      bringFirst(script);
    }
    const told = only(script.said.slice(said), "tell-standing").filter(
      ({ task, standing }) => task.digest === last?.digest && standing === "fed",
    );
    assert.ok(told.length > 0);
  });
});

type Due = { readonly grant: number; readonly host: string; readonly task: Task; readonly pieces: readonly number[] };

/** Stripes of which something is still to come, in the order in which they were given. */
function underWay(script: Script): Due[] {
  const revoked = new Set(only(script.said, "revoke-grant").map(({ grant }) => grant));
  return only(script.said, "grant-stripe").flatMap(({ grant, host, task, run }) => {
    const have = script.scheduler.have(host, task);
    const pieces = piecesOf(run).filter((piece) => have?.has(piece) === false);
    return pieces.length === 0 || revoked.has(grant) ? [] : [{ grant, host, task, pieces }];
  });
}

function tasksRead(script: Script): Task[] {
  return underWay(script).map(({ task }) => task);
}

/** The next piece of the oldest stripe comes, and its reader passes it on. */
function bringFirst(script: Script): void {
  script.wait(PIECE_MS);
  const [first] = underWay(script);
  assert.ok(first !== undefined, "something is read");
  script.readOf(first.task, first.host, first.pieces.slice(0, 1));
}
