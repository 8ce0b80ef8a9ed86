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
    const layers = Array.from("0123456789bcdef").map((letter) => script.anotherTask(letter));
    for (const name of ["a", "b"]) for (const task of layers) script.open(name, { task });
    // Two readers of each layer; TCP gives the first ones more: the others have their first piece after 3 to 4.5 seconds.
    for (const name of ["a", "a", "b", "a", "a", "b"]) for (const task of layers) bring(script, task, name);
    const stripes = only(script.said, "grant-stripe");
    const revoked = only(script.said, "revoke-grant").map(({ grant }) => grant);
    assert.deepEqual(
      stripes.filter(({ grant }) => revoked.includes(grant)),
      [],
    );
    for (const { digest } of layers) {
      const asked = stripes.filter(({ task }) => task.digest === digest).flatMap(({ run }) => piecesOf(run));
      assert.equal(new Set(asked).size, asked.length);
    }
  });
});

/** The next piece of a layer that a host is to read comes. */
function bring(script: Script, task: Task, name: string): void {
  script.wait(PIECE_MS);
  const asked = only(script.said, "grant-stripe").filter((effect) => effect.host === host(name) && effect.task.digest === task.digest);
  const next = asked.flatMap(({ run }) => piecesOf(run)).find((piece) => script.scheduler.have(host(name), task)?.has(piece) !== true);
  if (next !== undefined) script.readOf(task, name, [next]);
}
