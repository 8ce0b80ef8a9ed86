import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { PeerEffect } from "../index.ts";
import { MOTHER, one, only, PeerBench, run, toldOf, type Setting } from "../../test/peer-bench.ts";

function names(effects: readonly PeerEffect[]): string[] {
  return effects.map((effect) => (effect.type === "tell-scheduler" ? effect.report.type : effect.type));
}

/** A peer that holds everything and is asked for the proof. */
function provingBench(setting: Setting = {}): PeerBench {
  const bench = new PeerBench({ pieces: 4, ...setting });
  bench.read(1);
  bench.deliver(one(bench.grant(1, run(0, 4)), "read-source"));
  return bench;
}

describe("proving the blob", () => {
  it("finishes the proof at once where everything is held, and of a blob of no bytes", () => {
    for (const setting of [{ pieces: 3, have: [0, 1, 2] }, { pieces: 0 }]) {
      const bench = new PeerBench(setting);
      assert.deepEqual(names(bench.log.map(({ effect }) => effect)), ["finish-proof"]);
      assert.deepEqual(names(bench.send({ type: "proof-succeeded" })), ["complete-blob", "proven", "end-peer"]);
    }
  });

  it("finishes the proof once and ends when it succeeds, and is deaf from then on", () => {
    const bench = provingBench();
    assert.equal(
      only(
        bench.log.map(({ effect }) => effect),
        "finish-proof",
      ).length,
      1,
    );
    assert.deepEqual(names(bench.send({ type: "proof-succeeded" })), ["complete-blob", "proven", "end-peer"]);
    assert.deepEqual(bench.read(2), []);
    assert.deepEqual(bench.send({ type: "scheduler-found" }), []);
    assert.equal(bench.peer.nextDeadline(), undefined);
  });

  it("drops the blob when the proof fails, and reads all of it from its own source when somebody wants it again", () => {
    const bench = provingBench();
    const effects = bench.send({ type: "proof-failed" });
    assert.deepEqual(names(effects), ["drop-blob", "proof-failed", "fail-readers"]);
    assert.equal(one(effects, "fail-readers").reason, "wrong-bytes");
    const again = bench.read(2);
    assert.deepEqual(names(again), ["open", "read-source"]);
    assert.equal(toldOf(again, "open")[0]?.have.count, 0);
    const read = one(again, "read-source");
    assert.deepEqual({ run: read.run, cause: read.cause }, { run: run(0, 4), cause: "failed-proof" });
    assert.deepEqual(bench.grant(9, run(0, 4), MOTHER), [], "nothing is taken from others meanwhile");
  });

  it("believes its own source after a failed proof, whatever the table says", () => {
    const bench = provingBench();
    bench.send({ type: "proof-failed" });
    const read = one(bench.read(2), "read-source");
    bench.table(0, 1, 2, 3);
    assert.equal(one(bench.land(read.transfer, 0, 1), "accept-pieces").from, "source");
  });

  it("begins again from others after a failed proof where it may not read the source", () => {
    const bench = new PeerBench({ pieces: 2, access: "none", priority: "preheat", have: [0, 1] });
    bench.send({ type: "proof-failed" });
    assert.equal(one(bench.grant(1, run(0, 2), MOTHER), "fetch-pieces").run.count, 2);
  });

  it("ends with wrong bytes when the proof fails twice", () => {
    const bench = provingBench();
    bench.send({ type: "proof-failed" });
    const read = one(bench.read(2), "read-source");
    bench.deliver(read);
    const effects = bench.send({ type: "proof-failed" });
    assert.deepEqual(names(effects), ["drop-blob", "proof-failed", "fail-readers", "close", "end-peer"]);
  });

  it("ignores what still lands of the dropped bytes", () => {
    const bench = new PeerBench({ pieces: 4 });
    bench.table(0, 1);
    const { transfer } = one(bench.grant(1, run(0, 4), MOTHER), "fetch-pieces");
    bench.land(transfer, 0);
    bench.send({ type: "restart-ordered" });
    bench.table(1);
    assert.deepEqual(bench.land(transfer, 1), []);
  });

  it("begins again from nothing when the scheduler orders it, without a word and without reading the source by itself", () => {
    const bench = new PeerBench({ pieces: 4, priority: "preheat" });
    const { transfer } = one(bench.grant(1, run(0, 4)), "read-source");
    bench.read(1);
    bench.land(transfer, 0);
    const effects = bench.send({ type: "restart-ordered" });
    assert.deepEqual(names(effects), ["drop-blob", "fail-readers", "cancel-transfer", "open"]);
    assert.equal(bench.snapshot.held, 0);
  });

  it("goes on with what it reads after its own failed proof when the scheduler answers with a restart", () => {
    const bench = provingBench();
    bench.send({ type: "proof-failed" });
    const read = one(bench.read(2), "read-source");
    bench.land(read.transfer, 0);
    assert.deepEqual(bench.send({ type: "restart-ordered" }), []);
    assert.equal(bench.snapshot.held, 1);
    assert.deepEqual(
      names(bench.send({ type: "restart-ordered" })),
      ["drop-blob", "fail-readers", "cancel-transfer"],
      "a second one is meant",
    );
  });

  it("still counts as heard by the scheduler after a restart", () => {
    const bench = provingBench({ pieces: 4, random: () => 0 });
    bench.send({ type: "restart-ordered" });
    assert.deepEqual(names(bench.read(2)), ["open"]);
    assert.equal(only(bench.after(5000), "read-source").length, 0);
  });

  it("lets readers be when the restart finds nothing held", () => {
    const bench = new PeerBench({ pieces: 4 });
    bench.read(1);
    assert.deepEqual(names(bench.send({ type: "restart-ordered" })), ["open"]);
    assert.equal(bench.snapshot.readers, 1);
    assert.equal(toldOf(bench.send({ type: "reader-closed", reader: 1 }), "close").length, 0);
  });
});

describe("leaving", () => {
  it("closes ten seconds after the last reader went, and cancels what runs", () => {
    const bench = new PeerBench({ pieces: 4 });
    bench.send({ type: "standing-told", standing: "fed", retryAfterMs: 0 });
    bench.read(1);
    bench.grant(1, run(0, 4), MOTHER);
    bench.send({ type: "reader-closed", reader: 1 });
    assert.deepEqual(bench.after(9999), []);
    assert.deepEqual(names(bench.after(1)), ["close", "cancel-transfer", "end-peer"]);
  });

  it("stays when a reader returns in time", () => {
    const bench = new PeerBench({ pieces: 4, schedulerLive: false });
    bench.read(1);
    bench.send({ type: "reader-closed", reader: 1 });
    bench.after(9999);
    bench.read(2);
    assert.equal(only(bench.after(5000), "end-peer").length, 0);
  });

  it("goes on to the end where half is held", () => {
    const bench = new PeerBench({ pieces: 4, have: [0, 1], schedulerLive: false });
    const read = one(
      bench.log.map(({ effect }) => effect),
      "read-source",
    );
    assert.equal(only(bench.after(30_000), "end-peer").length, 0);
    assert.equal(only(bench.deliver(read), "finish-proof").length, 1);
  });

  it("gives up on a rest that does not come for a minute", () => {
    const bench = new PeerBench({ pieces: 4, have: [0, 1], access: "none" });
    assert.equal(only(bench.after(59_999), "end-peer").length, 0);
    assert.equal(only(bench.after(1), "end-peer").length, 1);
  });

  it("preheats without any reader", () => {
    const bench = new PeerBench({ pieces: 4, priority: "preheat", schedulerLive: false });
    assert.equal(only(bench.after(60_000), "read-source").length, 0, "nobody waits, and a scheduler may come");
    const read = one(bench.after(500), "read-source");
    assert.equal(only(bench.after(30_000), "end-peer").length, 0);
    assert.equal(only(bench.deliver(read), "finish-proof").length, 1);
  });
});
