import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Script } from "../../test/script.ts";
import { SourceQueue } from "./source-queue.ts";
import { Swarm } from "./swarm.ts";

suite("blobs that wait for their turn", () => {
  test("of many those are looked at that waited longest, and the next ones when some are gone", () => {
    const queue = new SourceQueue();
    const swarms = Array.from({ length: 40 }, () => new Swarm(new Script(4).task));
    for (const swarm of swarms) queue.waiting.add(swarm);
    assert.deepEqual([...queue.next()], swarms.slice(0, 32));
    for (const swarm of swarms.slice(0, 8)) queue.forget(swarm);
    assert.deepEqual([...queue.next()], swarms.slice(8));
  });
});
