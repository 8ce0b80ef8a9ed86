import { piecesOf, type Task } from "@darner/domain";
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { host, only, Script } from "../../test/script.ts";

const PIECE_MS = 100;

suite("a registry that many blobs are read from at once", () => {
  test("no reader is given up, and no piece asked for twice, because each has a small part of the registry's link", () => {
    const script = new Script(16);
    script.open("a");
    for (let piece = 0; piece < 16; piece++) bring(script, script.task, "a");
    const blobs = Array.from("0123456789bcdef").map((letter) => ({ letter, task: script.anotherTask(letter) }));
    // Each is wanted by hosts of its own: none waits for its turn.
    for (const name of ["x", "y"]) for (const { letter, task } of blobs) script.open(name + letter, { task });
    // Two readers of each blob; TCP gives the first ones more: the others have their first piece after 3 to 4.5 seconds.
    for (const name of ["x", "x", "y", "x", "x", "y"]) for (const { letter, task } of blobs) bring(script, task, name + letter);
    const stripes = only(script.said, "grant-stripe");
    const revoked = only(script.said, "revoke-grant").map(({ grant }) => grant);
    assert.deepEqual(
      stripes.filter(({ grant }) => revoked.includes(grant)),
      [],
    );
    for (const {
      task: { digest },
    } of blobs) {
      const asked = stripes.filter(({ task }) => task.digest === digest).flatMap(({ run }) => piecesOf(run));
      assert.equal(new Set(asked).size, asked.length);
    }
  });
});

/** The next piece of a blob that a host is to read comes. */
function bring(script: Script, task: Task, name: string): void {
  script.wait(PIECE_MS);
  const asked = only(script.said, "grant-stripe").filter((effect) => effect.host === host(name) && effect.task.digest === task.digest);
  const next = asked.flatMap(({ run }) => piecesOf(run)).find((piece) => script.scheduler.have(host(name), task)?.has(piece) !== true);
  if (next !== undefined) script.readOf(task, name, [next]);
}
