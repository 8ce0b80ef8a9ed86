import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { one, only, PeerBench, run, told, toldOf, MOTHER } from "../../test/peer-bench.ts";

describe("going back to source", () => {
  it("reads at once where there is no scheduler and a reader waits, two runs of 32 pieces in order", () => {
    const bench = new PeerBench({ pieces: 100, schedulerLive: false });
    const reads = only(bench.read(1), "read-source");
    assert.deepEqual(
      reads.map(({ run, cause }) => ({ run, cause })),
      [
        { run: run(0, 32), cause: "no-scheduler" },
        { run: run(32, 32), cause: "no-scheduler" },
      ],
    );
  });

  it("begins at what the most impatient reader needs next, then at the frontier", () => {
    const bench = new PeerBench({ pieces: 100, schedulerLive: false, have: [90] });
    const reads = only(bench.read(1, 80, 100), "read-source");
    assert.deepEqual(
      reads.map(({ run }) => run),
      [run(80, 10), run(91, 9)],
    );
    const next = bench.deliver(reads[0] ?? assert.fail());
    assert.deepEqual(
      only(next, "read-source").map(({ run }) => run),
      [run(0, 32)],
    );
  });

  it("waits two seconds when a scheduler is lost, which may be back, and with a jitter, so that not all hosts go at once", () => {
    const bench = new PeerBench({ random: () => 0.5, pieces: 64 });
    bench.read(1);
    bench.send({ type: "standing-told", standing: "fed", retryAfterMs: 0 });
    bench.send({ type: "scheduler-lost" });
    assert.equal(only(bench.after(2249), "read-source").length, 0);
    assert.deepEqual(
      only(bench.after(1), "read-source").map(({ run }) => run),
      [run(0, 4), run(4, 4)],
    );
  });

  it("reads a mebibyte at a time for ten seconds after the loss, and then as one that has no scheduler", () => {
    const bench = new PeerBench({ random: () => 0, pieces: 256 });
    bench.read(1);
    bench.send({ type: "scheduler-lost" });
    const [first, second] = only(bench.after(2000), "read-source");
    assert.ok(first !== undefined && second !== undefined);
    bench.after(7999);
    const [third] = only(bench.deliver(first), "read-source");
    assert.equal(third?.run.count, 4);
    bench.after(1);
    const [fourth] = only(bench.deliver(second), "read-source");
    assert.equal(fourth?.run.count, 32);
  });

  it("leaves the source alone for up to five seconds while pieces come by what was granted before", () => {
    const bench = new PeerBench({ random: () => 0, pieces: 64 });
    bench.read(1);
    const fetch = one(bench.grant(1, run(0, 32), MOTHER), "fetch-pieces");
    bench.table(...Array.from({ length: 32 }, (_, piece) => piece));
    bench.send({ type: "scheduler-lost" });
    for (let piece = 0; piece < 4; piece++) {
      assert.equal(only([...bench.after(1000), ...bench.land(fetch.transfer, piece)], "read-source").length, 0);
    }
    assert.equal(only(bench.after(999), "read-source").length, 0);
    assert.deepEqual(only(bench.after(1), "read-source")[0]?.run, run(32, 4));
  });

  it("waits as long for a scheduler that was lost just before the peer began, and not at all for one that is long gone", () => {
    const lostForMs = 500;
    const soon = new PeerBench({ schedulerLive: false, lostForMs, random: () => 0 });
    soon.read(1);
    assert.equal(only(soon.after(1499), "read-source").length, 0);
    assert.equal(only(soon.after(1), "read-source").length, 2);
    const gone = new PeerBench({ schedulerLive: false, lostForMs: 60_000, random: () => 0.5 });
    assert.equal(only(gone.read(1), "read-source").length, 1);
  });

  it("acts as if there were no scheduler when it says nothing for two seconds and the jitter", () => {
    const bench = new PeerBench({ random: () => 0.5 });
    bench.read(1);
    assert.equal(only(bench.after(2249), "read-source").length, 0);
    assert.deepEqual(
      only(bench.after(1), "read-source").map(({ cause }) => cause),
      ["no-scheduler", "no-scheduler"],
    );
  });

  it("uses grants of a scheduler that answers late, and begins no further read of its own", () => {
    const bench = new PeerBench({ pieces: 100, limits: { shortReadBytes: Infinity } });
    bench.read(1);
    const [first, second] = only(bench.after(2500), "read-source");
    const fetch = one(bench.grant(1, run(60, 40), MOTHER), "fetch-pieces");
    assert.deepEqual(fetch.run, run(64, 36), "what is in flight from the source is not asked again");
    assert.ok(first !== undefined && second !== undefined);
    assert.equal(only([...bench.deliver(first), ...bench.deliver(second)], "read-source").length, 0);
  });

  it("lets running reads go on when the scheduler comes back and reports what they bring with hashes", () => {
    const bench = new PeerBench({ pieces: 100, schedulerLive: false });
    const [first] = only(bench.read(1), "read-source");
    assert.ok(first !== undefined);
    bench.land(first.transfer, 0);
    const found = bench.send({ type: "scheduler-found" });
    assert.equal(only(found, "cancel-transfer").length, 0);
    const [open, verified] = told(found);
    assert.ok(open?.type === "open" && open.have.count === 1);
    assert.ok(verified?.type === "verified" && verified.hashes.length === 1, "the line read before is told too");
    const [next] = toldOf(bench.land(first.transfer, 1), "verified");
    assert.deepEqual(next?.pieces, [run(1, 1)]);
    assert.equal(next.hashes.length, 1);
  });

  it("reads 300 ms after the scheduler says that the peer starves", () => {
    const bench = new PeerBench();
    bench.read(1);
    bench.send({ type: "standing-told", standing: "starved", retryAfterMs: 0 });
    assert.equal(only(bench.after(299), "read-source").length, 0);
    assert.equal(one(bench.after(1), "read-source").cause, "starved");
  });

  it("does not read while the scheduler feeds it, nor for nobody", () => {
    const fed = new PeerBench();
    fed.read(1);
    fed.send({ type: "standing-told", standing: "fed", retryAfterMs: 0 });
    assert.equal(only(fed.after(9_000), "read-source").length, 0);
    const alone = new PeerBench({ schedulerLive: false });
    assert.equal(only(alone.after(9_000), "read-source").length, 0);
  });

  it("reads a few pieces when the scheduler says that it is fed and nothing comes for 12 to 18 s", () => {
    const bench = new PeerBench({ random: () => 0.5 });
    bench.read(1);
    bench.send({ type: "standing-told", standing: "fed", retryAfterMs: 0 });
    assert.equal(only(bench.after(14_999), "read-source").length, 0);
    const read = one(bench.after(1), "read-source");
    assert.deepEqual({ run: read.run, cause: read.cause }, { run: run(0, 8), cause: "no-scheduler" });
  });

  it("reads nothing while the scheduler says again and again that pieces will come, and after the same time when it falls silent", () => {
    const bench = new PeerBench({ random: () => 0.5 });
    bench.read(1);
    for (let times = 0; times < 8; times++) {
      bench.send({ type: "standing-told", standing: "fed", retryAfterMs: 0 });
      const effects = bench.after(8_000);
      assert.equal(only(effects, "read-source").length + only(effects, "fail-readers").length, 0);
    }
    assert.equal(only(bench.after(6_999), "read-source").length, 0);
    assert.equal(one(bench.after(1), "read-source").cause, "no-scheduler");
  });

  it("doubles its pause after each failure, from what the source asked for up to 30 s", () => {
    const bench = new PeerBench({ schedulerLive: false, priority: "preheat", random: () => 0, limits: { preheatPatienceMs: 0 } });
    let read = one(
      bench.log.map(({ effect }) => effect),
      "read-source",
    );
    const pauses: number[] = [];
    for (let failure = 0; failure < 7; failure++) {
      const failedAt = bench.now;
      bench.send({ type: "transfer-ended", transfer: read.transfer, failure: { code: "source-unavailable", retryAfterMs: 700 } });
      const count = bench.log.length;
      while (bench.log.length === count) bench.after(100);
      read = one(
        bench.log.slice(count).map(({ effect }) => effect),
        "read-source",
      );
      pauses.push((bench.log.at(-1)?.at ?? 0) - failedAt);
    }
    assert.deepEqual(pauses, [700, 1400, 2800, 5600, 11_200, 22_400, 30_000]);
  });

  it("forgets failures when a good piece comes", () => {
    const bench = new PeerBench({ schedulerLive: false, sequential: true });
    const unavailable = { code: "source-unavailable", retryAfterMs: 1000 } as const;
    const first = one(bench.read(1), "read-source");
    bench.send({ type: "transfer-ended", transfer: first.transfer, failure: unavailable });
    const second = one(bench.after(1000), "read-source");
    bench.land(second.transfer, 0);
    bench.send({ type: "transfer-ended", transfer: second.transfer, failure: unavailable });
    assert.equal(only(bench.after(999), "read-source").length, 0);
    assert.equal(only(bench.after(1), "read-source").length, 1, "1000 ms again, not 2000");
  });

  it("reads everything as one run from piece 0 once the source gave no ranges", () => {
    const bench = new PeerBench({ schedulerLive: false, pieces: 100, have: [5] });
    const [first, second] = only(bench.read(1), "read-source");
    assert.ok(first !== undefined && second !== undefined);
    bench.send({ type: "transfer-ended", transfer: first.transfer, failure: { code: "source-without-range" } });
    const again = bench.send({ type: "transfer-ended", transfer: second.transfer, failure: { code: "source-without-range" } });
    const reads = only([...again, ...bench.after(1000)], "read-source");
    assert.equal(reads.length, 1);
    assert.deepEqual(reads[0]?.run, run(0, 100));
    assert.equal(bench.snapshot.inFlight, 99);
  });

  it("takes pieces over from a parent that is silent, once it is on its own", () => {
    const bench = new PeerBench({ random: () => 0 });
    bench.read(1);
    bench.grant(1, run(0, 16), MOTHER);
    bench.send({ type: "scheduler-lost" });
    assert.equal(only(bench.after(1999), "read-source").length, 0);
    assert.deepEqual(only(bench.after(1), "read-source")[0]?.run, run(0, 4));
  });
});
