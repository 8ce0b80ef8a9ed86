import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { from, only, Script } from "../../test/script.ts";

const LAYERS = 4;

suite("several blobs of one reader", () => {
  test("pieces that come in turns are no slow first byte: stripes stay short, and are read one at a time", () => {
    const script = new Script(48);
    const tasks = from(0, LAYERS).map((layer) => script.anotherTask("bcde"[layer] ?? "b"));
    for (const task of tasks) script.open("a", { task });
    // A piece every 100 ms: those of one blob 400 ms apart, the first of a stripe too.
    for (let piece = 0; piece < 24; piece++) {
      for (const task of tasks) {
        script.wait(100);
        script.readOf(task, "a", [piece]);
      }
    }
    for (const { connections, run } of only(script.said, "grant-stripe")) {
      assert.equal(connections, 1);
      // What the registry gives in a second, where several blobs take turns.
      assert.ok(run.count <= 10, String(run.count));
    }
  });
});
