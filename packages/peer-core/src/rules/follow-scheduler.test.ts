import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PeerBench, toldOf } from "../../test/peer-bench.ts";

describe("a reader that comes to a preheat", () => {
  it("raises it, at the scheduler too, and only once", () => {
    const bench = new PeerBench({ priority: "preheat" });
    const [opened] = toldOf(bench.send({ type: "priority-raised" }), "open");
    assert.equal(opened?.priority, "reader");
    assert.deepEqual(bench.send({ type: "priority-raised" }), []);
  });

  it("is waited for no longer than any reader once it has left", () => {
    const bench = new PeerBench({ priority: "preheat", access: "none" });
    bench.send({ type: "priority-raised" });
    bench.read(1);
    bench.send({ type: "reader-closed", reader: 1 });
    assert.ok(bench.after(10_000).some(({ type }) => type === "end-peer"));
  });
});
