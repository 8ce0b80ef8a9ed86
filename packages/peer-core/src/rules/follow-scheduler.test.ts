import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { FATHER, MOTHER, one, only, PeerBench, run, toldOf } from "../../test/peer-bench.ts";

describe("a peer whose host follows another scheduler from now on", () => {
  it("tells what it reads and what it was granted to read, without what has landed", () => {
    const bench = new PeerBench({ pieces: 64 });
    bench.read(1);
    const reading = one(bench.grant(1, run(0, 8)), "read-source");
    bench.grant(2, run(16, 4));
    bench.land(reading.transfer, 0);
    const [opened] = toldOf(bench.send({ type: "scheduler-found" }), "open");
    assert.deepEqual(opened?.reading, [run(1, 7), run(16, 4)]);
    assert.equal(opened.have.count, 1);
  });

  it("says nothing of what parents were to send, and goes on taking it", () => {
    const bench = new PeerBench({ pieces: 64 });
    bench.read(1);
    const fetch = one(bench.grant(1, run(0, 8), MOTHER), "fetch-pieces");
    const moved = bench.send({ type: "scheduler-found" });
    const [opened] = toldOf(moved, "open");
    assert.equal(opened?.reading, undefined);
    assert.deepEqual(only(moved, "cancel-transfer"), []);
    bench.table(0);
    assert.deepEqual(
      one(bench.land(fetch.transfer, 0), "accept-pieces").pieces.map(({ piece }) => piece),
      [0],
    );
  });

  it("waits for what the one before had granted as long as that parent sends, and asks no second one for it", () => {
    const bench = new PeerBench({ pieces: 64, random: () => 0 });
    bench.read(1);
    const before = one(bench.grant(1, run(0, 8), MOTHER), "fetch-pieces");
    const late = one(bench.grant(2, run(8, 8), MOTHER), "fetch-pieces");
    bench.table(...Array.from({ length: 16 }, (_, piece) => piece));
    bench.send({ type: "scheduler-found" });
    assert.deepEqual(only(bench.grant(7, run(8, 8), FATHER), "fetch-pieces"), []);
    for (let piece = 0; piece < 8; piece++) {
      assert.deepEqual(only([...bench.after(1000), ...bench.land(before.transfer, piece)], "fetch-pieces"), [], String(piece));
    }
    const asked = bench.after(8000);
    assert.deepEqual(one(asked, "fetch-pieces").run, run(8, 8), "it has sent nothing for as long as a piece may take");
    assert.ok(bench.land(late.transfer, 8).some(({ type }) => type === "accept-pieces"));
  });

  it("lets a read serve the grant of the new scheduler that says the same, and tells that one where it fails", () => {
    const bench = new PeerBench({ pieces: 64 });
    bench.read(1);
    const reading = one(bench.grant(1, run(0, 8)), "read-source");
    bench.send({ type: "scheduler-found" });
    assert.deepEqual(only(bench.grant(7, run(0, 8)), "read-source"), [], "it is not begun a second time");
    const failure = { code: "source-refused" as const };
    const [failed] = toldOf(bench.send({ type: "transfer-ended", transfer: reading.transfer, failure }), "grant-failed");
    assert.deepEqual([failed?.grant, failed?.failure.code], [7, "source-refused"]);
  });

  it("does not hear what the one before still says of its grants", () => {
    const bench = new PeerBench({ pieces: 64 });
    bench.read(1);
    const reading = one(bench.grant(1, run(0, 8)), "read-source");
    bench.send({ type: "scheduler-found" });
    assert.deepEqual(only(bench.send({ type: "grant-revoked", grant: 1 }), "cancel-transfer"), []);
    assert.ok(bench.land(reading.transfer, 0).some(({ type }) => type === "accept-pieces"));
  });
});

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
